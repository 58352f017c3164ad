//! Every SASL message that a stranger can send: read or refused, never a panic.

use xmpp::sasl::scram::{BindingChoice, ClientFirst, ScramCredential, ServerFirst};
use xmpp::sasl::{
    ChannelBindings, Password, Plain, ScramHash, TokenResponse, UnknownAccounts, authorization,
    decode, prepare,
};

/// See above.
pub(crate) fn check(data: &[u8]) {
    let bindings = ChannelBindings {
        exporter: Some([1; 32]),
        server_end_point: Some(vec![2; 32]),
    };
    let split = data
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(data.len());
    let (first, rest) = data.split_at(split);
    let rest = rest.get(1..).unwrap_or_default();
    for (plus, hash) in [(false, ScramHash::Sha1), (true, ScramHash::Sha256)] {
        if let Ok(read) = ServerFirst::read(first, hash, plus, true, &bindings) {
            let keys = UnknownAccounts::new(b"secret", 4096).keys(&read.username, hash);
            let (_, proof) = read.challenge(keys.clone(), vec![keys], "nonce", None);
            assert!(
                proof.check(rest).is_err(),
                "nobody gets in without the keys"
            );
        }
    }
    // The fewest iterations only, so that the time goes into grammar rather than hashing.
    let credential = ScramCredential::Password(Password::new("x"));
    let client = ClientFirst::new(
        ScramHash::Sha1,
        BindingChoice::Unsupported,
        &bindings,
        "u",
        credential,
        "n",
    );
    if let Ok((_, client)) = client
        && !first
            .windows(3)
            .any(|part| part.starts_with(b"i=") && part[2] != b'4')
        && first.len() < 64
        && let Ok((_, proof)) = client.respond(first, None)
    {
        assert!(proof.check(rest).is_err());
    }
    let _ = Plain::parse(data);
    let _ = TokenResponse::parse(data);
    let _ = authorization(data);
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = decode(text);
        let _ = prepare(text);
    }
}
