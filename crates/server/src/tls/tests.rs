use rcgen::{CertificateParams, KeyPair, SanType};

use super::*;

fn folder(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("hauspost-tls-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn self_signed_config(data_dir: &std::path::Path) -> Config {
    Config {
        data_dir: data_dir.to_path_buf(),
        domain: "example.org".to_owned(),
        ..Config::default()
    }
}

#[test]
fn a_self_signed_certificate_is_made_once_and_covers_all_services() {
    use std::os::unix::fs::PermissionsExt;
    let data = folder("self");
    let config = self_signed_config(&data);
    let (tls, _) = open(&config).expect("opens");
    let first = tls.resolver.current();
    let facts = certificate_facts(&first.cert[0]).expect("X.509");
    for host in ["example.org", "rooms.example.org", "upload.example.org"] {
        assert!(facts.covers(host), "{host}");
    }
    assert!(facts.self_issued);
    let mode = std::fs::metadata(data.join("tls/self-signed.key"))
        .expect("kept")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let (again, _) = open(&config).expect("opens");
    assert_eq!(again.resolver.current().cert, first.cert);
    assert_eq!(tls.xmpp.alpn_protocols, vec![b"xmpp-client".to_vec()]);
    let _ = std::fs::remove_dir_all(data);
}

#[test]
fn a_further_name_makes_a_new_certificate() {
    let data = folder("names");
    let mut config = self_signed_config(&data);
    let (first, _) = open(&config).expect("opens");
    config.http.public_url = "https://chat.example.net/".to_owned();
    let (second, _) = open(&config).expect("opens");
    assert_ne!(
        first.resolver.current().cert,
        second.resolver.current().cert
    );
    let _ = std::fs::remove_dir_all(data);
}

#[test]
fn wrong_files_are_named_with_a_mend() {
    install_provider();
    let data = folder("wrong");
    std::fs::create_dir_all(&data).expect("folder");
    let missing = read_pair(&data.join("none.pem"), &data.join("none.key"))
        .expect_err("missing")
        .to_string();
    assert!(
        missing.contains("none.pem") && missing.contains("mend:"),
        "{missing}"
    );
    let one = KeyPair::generate().expect("key");
    let other = KeyPair::generate().expect("key");
    let certificate = CertificateParams::new(vec!["example.org".to_owned()])
        .expect("params")
        .self_signed(&one)
        .expect("made");
    std::fs::write(data.join("c.pem"), certificate.pem()).expect("written");
    std::fs::write(data.join("k.pem"), other.serialize_pem()).expect("written");
    let mismatch = read_pair(&data.join("c.pem"), &data.join("k.pem"))
        .expect_err("other key")
        .to_string();
    assert!(mismatch.contains("cannot be used together"), "{mismatch}");
    let _ = std::fs::remove_dir_all(data);
}

#[test]
fn the_end_point_hash_follows_the_signature() {
    for (algorithm, length) in [
        (&rcgen::PKCS_ECDSA_P256_SHA256, Some(32)),
        (&rcgen::PKCS_ECDSA_P384_SHA384, Some(48)),
        (&rcgen::PKCS_ED25519, None),
    ] {
        let key = KeyPair::generate_for(algorithm).expect("key");
        let certificate = CertificateParams::new(vec!["example.org".to_owned()])
            .expect("params")
            .self_signed(&key)
            .expect("made");
        assert_eq!(
            end_point_hash(certificate.der()).map(|hash| hash.len()),
            length
        );
    }
}

#[test]
fn a_client_certificate_names_its_accounts() {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![
        SanType::OtherName((vec![1, 3, 6, 1, 5, 5, 7, 8, 5], "romeo@example.org".into())),
        SanType::Rfc822Name("romeo@mail.example".try_into().expect("ascii")),
    ];
    let key = KeyPair::generate().expect("key");
    let certificate = params.self_signed(&key).expect("made");
    let identity = client_identity(certificate.der()).expect("names");
    assert_eq!(identity.xmpp_addresses, ["romeo@example.org"]);
    assert_eq!(identity.mail_addresses, ["romeo@mail.example"]);
    assert_eq!(identity.addresses(), ["romeo@example.org"]);
}

#[test]
fn changed_files_are_served_and_broken_ones_are_not() {
    let data = folder("reload");
    std::fs::create_dir_all(&data).expect("folder");
    let write = |name: &str| {
        let key = KeyPair::generate().expect("key");
        let certificate = CertificateParams::new(vec![name.to_owned()])
            .expect("params")
            .self_signed(&key)
            .expect("made");
        std::fs::write(data.join("k.pem"), key.serialize_pem()).expect("written");
        std::fs::write(data.join("c.pem"), certificate.pem()).expect("written");
    };
    write("one.example");
    let mut config = Config::default();
    config.tls.mode = crate::config::TlsMode::Files;
    config.tls.certificate = data.join("c.pem");
    config.tls.key = data.join("k.pem");
    let (tls, _) = open(&config).expect("opens");
    let served = || {
        certificate_facts(&tls.resolver.current().cert[0])
            .expect("X.509")
            .names
    };
    let mut files = source::Watched::new(config.tls.certificate.clone(), config.tls.key.clone());

    std::fs::write(data.join("c.pem"), "nonsense").expect("written");
    files.look(&tls.resolver, false);
    assert_eq!(served(), ["one.example"]);
    write("second.example");
    files.look(&tls.resolver, false);
    assert_eq!(served(), ["second.example"]);
    let _ = std::fs::remove_dir_all(data);
}
