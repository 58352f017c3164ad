use std::path::Path;

use super::*;

fn read(text: &str) -> Result<Config, ConfigError> {
    parse(Path::new("hauspost.toml"), text, [])
}

fn read_with(text: &str, name: &str, value: &str) -> Result<Config, ConfigError> {
    parse(
        Path::new("hauspost.toml"),
        text,
        [(name.to_owned(), value.to_owned())],
    )
}

fn position(error: &ConfigError) -> (usize, usize) {
    let Source::File { position, .. } = &error.source else {
        return (0, 0);
    };
    position.unwrap_or_default()
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(read("").expect("valid"), Config::default());
}

#[test]
fn the_annotated_default_is_valid_and_changes_nothing() {
    let commented = annotated_default();
    assert_eq!(read(&commented).expect("valid"), Config::default());
    let open: String = commented
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    assert_eq!(read(&open).expect("valid"), Config::default());
}

#[test]
fn what_is_in_force_can_be_read_again() {
    let config =
        read("domain = \"example.org\"\n[listen]\nhttps = [\"[::]:443\"]\n").expect("valid");
    assert_eq!(read(&effective(&config)).expect("valid"), config);
}

#[test]
fn an_unknown_key_names_line_and_the_nearest() {
    let error =
        read("domain = \"example.org\"\n\n[listen]\nxmpp_tsl = []\n").expect_err("unknown key");
    assert_eq!(position(&error), (4, 1));
    assert_eq!(error.key, "listen.xmpp_tsl");
    assert!(error.mend.contains("`xmpp_tls`"), "{error}");
}

#[test]
fn a_key_in_the_wrong_section_is_told_where_it_belongs() {
    let error = read("[listen]\nscram_iterations = 5000\n").expect_err("wrong place");
    assert!(error.mend.contains("[auth]"), "{error}");
}

#[test]
fn an_unknown_section_names_the_nearest() {
    let error = read("[limit]\nstanza_bytes = 20000\n").expect_err("unknown section");
    assert_eq!(position(&error), (1, 2));
    assert!(error.mend.contains("`limits`"), "{error}");
}

#[test]
fn a_wrong_type_names_line_key_and_an_example() {
    let error = read("[limits]\npreauth_seconds = \"soon\"\n").expect_err("wrong type");
    assert_eq!(position(&error), (2, 19));
    assert_eq!(error.key, "limits.preauth_seconds");
    assert!(error.mend.contains("preauth_seconds = 30"), "{error}");
    for line in ["stanza_bytes = true", "mailbox_stanzas = -1"] {
        let error = read(&format!("[limits]\n{line}\n")).expect_err("wrong type");
        let said = error.to_string();
        assert!(
            said.contains("expected a whole number that is not negative"),
            "{said}"
        );
    }
}

#[test]
fn a_wrong_address_inside_a_list_names_its_key() {
    let error =
        read("[listen]\nxmpp = [\"[::]:5222\", \"nonsense\"]\n").expect_err("wrong address");
    assert_eq!(error.key, "listen.xmpp");
    assert_eq!(position(&error).0, 2);
}

#[test]
fn a_wrong_word_names_the_allowed_ones() {
    let error = read("[tls]\nmode = \"selfsigned\"\n").expect_err("wrong word");
    assert_eq!(error.key, "tls.mode");
    assert!(error.mend.contains("\"self-signed\""), "{error}");
}

#[test]
fn broken_toml_names_its_line() {
    let error = read("domain = \"example.org\"\n[listen\n").expect_err("broken");
    assert_eq!(position(&error).0, 2);
}

#[test]
fn impossible_combinations_are_refused_with_line_and_mend() {
    let error = read("[tls]\nmode = \"files\"\nkey = \"k.pem\"\n").expect_err("no certificate");
    assert_eq!(error.key, "tls.certificate");
    assert_eq!(position(&error).0, 1);
    let error = read("[listen]\nxmpp = [\"[::]:5222\"]\nxmpp_tls = [\"[::]:5222\"]\n")
        .expect_err("same port");
    assert_eq!(error.key, "listen.xmpp_tls");
    assert_eq!(position(&error).0, 3);
    let error = read("[auth]\nscram_iterations = 100\n").expect_err("too few");
    assert_eq!(error.key, "auth.scram_iterations");
    let error = read("domain = \"someone@example.org\"\n").expect_err("no domain");
    assert_eq!(error.key, "domain");
}

#[test]
fn the_environment_overrides_the_file() {
    let config =
        read_with("domain = \"a.example\"\n", "HAUSPOST__DOMAIN", "b.example").expect("valid");
    assert_eq!(config.domain, "b.example");
    let config = read_with("", "HAUSPOST__LIMITS__PREAUTH_SECONDS", "7").expect("valid");
    assert_eq!(config.limits.preauth_seconds, 7);
    let config = read_with("", "HAUSPOST__LISTEN__XMPP", "127.0.0.1:1, [::1]:2").expect("valid");
    assert_eq!(config.listen.xmpp.len(), 2);
    let config = read_with("", "HAUSPOST__LISTEN__XMPP", "[]").expect("valid");
    assert!(config.listen.xmpp.is_empty());
    let config = read_with("", "HAUSPOST__POLICY__ENCRYPTION__DIRECT", "off").expect("valid");
    assert_eq!(config.policy.encryption.direct, EncryptionRule::Off);
}

#[test]
fn a_wrong_variable_is_named() {
    let error = read_with("", "HAUSPOST__LIMITS__PREAUTH_SECOND", "7").expect_err("unknown");
    assert_eq!(
        error.source,
        Source::Environment("HAUSPOST__LIMITS__PREAUTH_SECOND".to_owned())
    );
    assert!(error.mend.contains("preauth_seconds"), "{error}");
    let error = read_with("", "HAUSPOST__AUTH__SCRAM_ITERATIONS", "1").expect_err("too few");
    assert_eq!(
        error.source,
        Source::Environment("HAUSPOST__AUTH__SCRAM_ITERATIONS".to_owned())
    );
}

#[test]
fn secrets_are_not_printed() {
    let config = read("[components]\n\"gateway.example.org\" = \"hush\"\n").expect("valid");
    assert!(!effective(&config).contains("hush"));
    assert!(!format!("{config:?}").contains("hush"));
}

#[test]
fn every_key_has_words() {
    for section in super::load::sections() {
        assert!(
            !section.doc.is_empty(),
            "[{}] has no words",
            section.section
        );
        for key in section.keys {
            assert!(
                !key.doc.is_empty(),
                "{}.{} has no words",
                section.section,
                key.key
            );
            assert!(
                !key.default.is_empty(),
                "{}.{} has no default",
                section.section,
                key.key
            );
        }
    }
}

#[test]
fn the_manual_page_is_what_the_code_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/config.md");
    let generated = manual_page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &generated).expect("docs/config.md is written");
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == generated,
        "docs/config.md is old: run UPDATE_DOCS=1 cargo test -p server"
    );
}
