use proptest::prelude::*;

use super::*;
use crate::sasl::{
    BindingType, ChannelBindings, Password, SaslError, ScramHash, ScramKeys, advertised_hash,
    decode,
};

struct Vector {
    hash: ScramHash,
    nonces: (&'static str, &'static str),
    salt: &'static str,
    first: &'static str,
    challenge: &'static str,
    response: &'static str,
    closing: &'static str,
}

const VECTORS: [Vector; 3] = [
    // RFC 5802 §5
    Vector {
        hash: ScramHash::Sha1,
        nonces: ("fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j"),
        salt: "QSXCR+Q6sek8bf92",
        first: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        challenge: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        response: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        closing: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    },
    // RFC 7677 §3
    Vector {
        hash: ScramHash::Sha256,
        nonces: ("rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"),
        salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
        first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        challenge: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        response: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        closing: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    },
    // No RFC has one for SHA-512. By Python: hashlib.pbkdf2_hmac('sha512', b'pencil', salt, 4096), then hmac and
    // XOR as RFC 5802 §3 says, with the nonces and the salt of RFC 7677.
    Vector {
        hash: ScramHash::Sha512,
        nonces: ("rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"),
        salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
        first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        challenge: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        response: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==",
        closing: "v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==",
    },
];

fn pencil() -> ScramCredential {
    ScramCredential::Password(Password::new("pencil"))
}

#[test]
fn published_exchanges() {
    for vector in &VECTORS {
        let none = ChannelBindings::NONE;
        let salt = decode(vector.salt).unwrap();
        let keys = ScramKeys::derive(&Password::new("pencil"), &salt, 4096, vector.hash).unwrap();
        let (first, client) = ClientFirst::new(
            vector.hash,
            BindingChoice::Unsupported,
            &none,
            "user",
            pencil(),
            vector.nonces.0,
        )
        .unwrap();
        assert_eq!(first, vector.first);
        let server = ServerFirst::read(first.as_bytes(), vector.hash, false, false, &none).unwrap();
        assert_eq!(server.username, "user");
        let (challenge, server) = server.challenge(keys, Vec::new(), vector.nonces.1, None);
        assert_eq!(challenge, vector.challenge);
        let (response, client) = client.respond(challenge.as_bytes(), None).unwrap();
        assert_eq!(response, vector.response);
        let closing = server.check(response.as_bytes()).unwrap().0;
        assert_eq!(closing, vector.closing);
        client.check(closing.as_bytes()).unwrap();
    }
}

/// RFC 6120 §9.1.2 prints this exchange for romeo; it does not name the password, so only the server's
/// reading of the messages is compared: `n,,n=juliet,r=oMsTAAwAAAAMAAAANP0TAAAAAABPU0AA`.
#[test]
fn messages_of_rfc_6120() {
    let first = decode("biwsbj1qdWxpZXQscj1vTXNUQUF3QUFBQU1BQUFBTlAwVEFBQUFBQUJQVTBBQQ==").unwrap();
    let server = ServerFirst::read(
        &first,
        ScramHash::Sha1,
        false,
        false,
        &ChannelBindings::NONE,
    )
    .unwrap();
    assert_eq!(server.username, "juliet");
    let salt = decode("NjhkYTM0MDgtNGY0Zi00NjdmLTkxMmUtNDlmNTNmNDNkMDMz").unwrap();
    // The password of RFC 6120's Juliet is the one of its PLAIN example.
    let keys =
        ScramKeys::derive(&Password::new("r0m30myr0m30"), &salt, 4096, ScramHash::Sha1).unwrap();
    let (challenge, server) = server.challenge(
        keys,
        Vec::new(),
        "e124695b-69a9-4de6-9c30-b51b3808c59e",
        None,
    );
    assert_eq!(
        crate::sasl::encode(challenge),
        "cj1vTXNUQUF3QUFBQU1BQUFBTlAwVEFBQUFBQUJQVTBBQWUxMjQ2OTViLTY5YTktNGRlNi05YzMwLWI1MWIzODA4YzU5ZSxzPU5qaGtZVE0wTURndE5HWTBaaTAwTmpkbUxUa3hNbVV0TkRsbU5UTm1ORE5rTURNeixpPTQwOTY="
    );
    let response = decode("Yz1iaXdzLHI9b01zVEFBd0FBQUFNQUFBQU5QMFRBQUFBQUFCUFUwQUFlMTI0Njk1Yi02OWE5LTRkZTYtOWMzMC1iNTFiMzgwOGM1OWUscD1VQTU3dE0vU3ZwQVRCa0gyRlhzMFdEWHZKWXc9").unwrap();
    let closing = server.check(&response).unwrap().0;
    assert_eq!(
        crate::sasl::encode(closing),
        "dj1wTk5ERlZFUXh1WHhDb1NFaVc4R0VaKzFSU289"
    );
}

fn bindings() -> ChannelBindings {
    ChannelBindings {
        exporter: Some([3; 32]),
        server_end_point: Some(vec![4; 32]),
    }
}

fn keys(hash: ScramHash) -> ScramKeys {
    ScramKeys::derive(&Password::new("pencil"), b"sixteen bytes...", 4096, hash).unwrap()
}

/// A whole exchange; what each side knows may differ.
fn exchange(
    choice: BindingChoice,
    client_side: &ChannelBindings,
    server_side: &ChannelBindings,
    plus_offered: bool,
    seen: &str,
    offered: &str,
) -> Result<(), SaslError> {
    let hash = ScramHash::Sha256;
    let plus = matches!(choice, BindingChoice::Use(_));
    let (first, client) = ClientFirst::new(hash, choice, client_side, "a=b,c", pencil(), "abc")?;
    let server = ServerFirst::read(first.as_bytes(), hash, plus, plus_offered, server_side)?;
    assert_eq!(server.username, "a=b,c");
    let advertised = advertised_hash(hash, offered);
    let (challenge, server) = server.challenge(keys(hash), Vec::new(), "def", Some(&advertised));
    let (response, client) = client.respond(challenge.as_bytes(), Some(seen))?;
    client.check(server.check(response.as_bytes())?.0.as_bytes())?;
    Ok(())
}

#[test]
fn bindings_must_be_the_same_on_both_ends() {
    use BindingType::{TlsExporter, TlsServerEndPoint, TlsUnique};
    let good = bindings();
    let other = ChannelBindings {
        exporter: Some([9; 32]),
        server_end_point: Some(vec![9; 32]),
    };
    for binding in [TlsExporter, TlsServerEndPoint] {
        let choice = BindingChoice::Use(binding);
        assert_eq!(exchange(choice, &good, &good, true, "", ""), Ok(()));
        assert_eq!(
            exchange(choice, &other, &good, true, "", ""),
            Err(SaslError::NotAuthorized)
        );
        assert_eq!(
            exchange(choice, &good, &ChannelBindings::NONE, true, "", ""),
            Err(SaslError::Malformed)
        );
    }
    assert_eq!(
        exchange(BindingChoice::Use(TlsUnique), &good, &good, true, "", ""),
        Err(SaslError::NotAuthorized)
    );
    // The client would have bound, the server had offered it: the offer was taken out on the way.
    assert_eq!(
        exchange(BindingChoice::NotOffered, &good, &good, true, "", ""),
        Err(SaslError::NotAuthorized)
    );
    assert_eq!(
        exchange(BindingChoice::NotOffered, &good, &good, false, "", ""),
        Ok(())
    );
    assert_eq!(
        exchange(BindingChoice::Unsupported, &good, &good, true, "", ""),
        Ok(())
    );
}

#[test]
fn tampered_offers_are_seen() {
    let good = bindings();
    assert_eq!(
        exchange(
            BindingChoice::Unsupported,
            &good,
            &good,
            true,
            "A\u{1e}B",
            "A\u{1e}B"
        ),
        Ok(())
    );
    assert_eq!(
        exchange(
            BindingChoice::Unsupported,
            &good,
            &good,
            true,
            "A",
            "A\u{1e}B"
        ),
        Err(SaslError::NotAuthorized)
    );
}

#[test]
fn wrong_messages_are_refused() {
    let read = |message: &str, plus: bool| {
        ServerFirst::read(message.as_bytes(), ScramHash::Sha1, plus, true, &bindings()).map(|_| ())
    };
    for message in [
        "",
        "n",
        "n,",
        "n,,",
        "n,,n=,r=x",
        "n,,n=u",
        "n,,n=u,r=",
        "n,,r=x,n=u",
        "n,,m=ext,n=u,r=x",
        "q,,n=u,r=x",
        "n,b=x,n=u,r=x",
        "n,,n=u=2D,r=x",
        "n,,n=u,r=x,",
        "n,,n=u,r=x y",
        "p=,,n=u,r=x",
        "n,,n=u,r=x,ab=1",
        "n,,n=\0,r=x",
    ] {
        assert_eq!(read(message, false), Err(SaslError::Malformed), "{message}");
    }
    assert_eq!(read("n,,n=u,r=x,z=extension", false), Ok(()));
    assert_eq!(read("n,a=u@h,n=u,r=x", false), Ok(()));
    assert_eq!(read("n,,n=u,r=x", true), Err(SaslError::Malformed));
    assert_eq!(
        read("p=tls-exporter,,n=u,r=x", false),
        Err(SaslError::Malformed)
    );
    assert_eq!(read("p=tls-exporter,,n=u,r=x", true), Ok(()));

    let check = |message: &str| {
        let first =
            ServerFirst::read(b"n,,n=u,r=x", ScramHash::Sha1, false, false, &bindings()).unwrap();
        first
            .challenge(keys(ScramHash::Sha1), Vec::new(), "y", None)
            .1
            .check(message.as_bytes())
    };
    assert_eq!(check("c=biws,r=xy"), Err(SaslError::Malformed));
    assert_eq!(check("c=biws,r=xy,p=!"), Err(SaslError::IncorrectEncoding));
    assert_eq!(check("c=biws,r=xy,p="), Err(SaslError::NotAuthorized));
    assert_eq!(
        check("c=biws,r=x,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        Err(SaslError::NotAuthorized)
    );

    let respond = |message: &str| {
        let (_, client) = ClientFirst::new(
            ScramHash::Sha1,
            BindingChoice::Unsupported,
            &bindings(),
            "u",
            pencil(),
            "x",
        )
        .unwrap();
        client.respond(message.as_bytes(), None).map(|_| ())
    };
    assert_eq!(respond("r=xy,s=c2FsdA==,i=4096"), Ok(()));
    assert_eq!(
        respond("r=x,s=c2FsdA==,i=4096"),
        Err(SaslError::NotAuthorized)
    );
    assert_eq!(
        respond("r=zy,s=c2FsdA==,i=4096"),
        Err(SaslError::NotAuthorized)
    );
    assert_eq!(respond("r=xy,s=c2FsdA==,i=4095"), Err(SaslError::Malformed));
    assert_eq!(
        respond("r=xy,s=c2FsdA==,i=4000000000"),
        Err(SaslError::Malformed)
    );
    assert_eq!(
        respond("m=x,r=xy,s=c2FsdA==,i=4096"),
        Err(SaslError::Malformed)
    );
}

#[test]
fn a_kept_password_saves_the_stretching_only_where_it_fits() {
    let hash = ScramHash::Sha256;
    let none = ChannelBindings::NONE;
    let salted = crate::sasl::SaltedPassword::derive(
        &Password::new("pencil"),
        b"sixteen bytes...",
        4096,
        hash,
    )
    .unwrap();
    let login = |keys: ScramKeys, password: Option<Password>| {
        let credential = ScramCredential::Kept(salted.clone(), password);
        let (first, client) = ClientFirst::new(
            hash,
            BindingChoice::Unsupported,
            &none,
            "u",
            credential,
            "n",
        )
        .unwrap();
        let server = ServerFirst::read(first.as_bytes(), hash, false, false, &none).unwrap();
        let (challenge, server) = server.challenge(keys, Vec::new(), "m", None);
        let (response, client) = client.respond(challenge.as_bytes(), None)?;
        client.check(server.check(response.as_bytes())?.0.as_bytes())
    };
    assert_eq!(login(keys(hash), None).unwrap().salted, salted);
    let moved = ScramKeys::derive(&Password::new("pencil"), b"other salt", 4096, hash).unwrap();
    assert!(login(moved.clone(), None).is_err());
    assert_ne!(
        login(moved, Some(Password::new("pencil"))).unwrap().salted,
        salted
    );
}

proptest! {
    #[test]
    fn any_bytes_are_only_ever_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for plus in [false, true] {
            if let Ok(first) = ServerFirst::read(&bytes, ScramHash::Sha256, plus, true, &bindings()) {
                let unknown = crate::sasl::UnknownAccounts::new(b"s", 4096).keys("u", ScramHash::Sha256);
                let _ = first.challenge(unknown, Vec::new(), "y", None).1.check(&bytes);
            }
        }
        let _ = crate::sasl::Plain::parse(&bytes);
        let _ = crate::sasl::TokenResponse::parse(&bytes);
        let _ = crate::sasl::authorization(&bytes);
    }

    #[test]
    fn near_misses_do_not_panic(text in "[nyp]?=?(tls-exporter)?,(a=u)?,n=[=,a-z2C3D]{0,8},r=[!-~]{0,8}(,[a-z]=[a-z]*)?") {
        let _ = ServerFirst::read(text.as_bytes(), ScramHash::Sha1, false, false, &bindings());
    }
}
