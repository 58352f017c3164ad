use super::kit::*;
use crate::condition::SaslCondition;
use crate::sasl::{ChannelBindings, Mechanism, ScramHash, encode};
use crate::stream::client::{ClientConfig, ClientError};
use crate::stream::server::{Answer, ServerConfig};
use crate::stream::{Security, Transport, TransportKind};

fn refused() -> ClientError {
    ClientError::Login(SaslCondition::NotAuthorized)
}

#[test]
fn wrong_passwords_and_unknown_people_look_the_same() {
    for kind in [
        TransportKind::Tcp,
        TransportKind::WebSocket,
        TransportKind::Bosh,
    ] {
        for sasl2 in [false, true] {
            for mechanism in [
                Mechanism::Plain,
                Mechanism::Scram {
                    plus: true,
                    hash: ScramHash::Sha256,
                },
            ] {
                let mut house = House::with_romeo(&ScramHash::ALL);
                let wrong = ClientConfig {
                    sasl2,
                    mechanisms: vec![mechanism],
                    ..client_config("wrong")
                };
                let mut nobody = wrong.clone();
                nobody.account = base::BareJid::parse("paris@example.org").unwrap();
                let line = Line::new(kind);
                let first = line.run(server_config(), &mut house, wrong);
                let second = line.run(server_config(), &mut house, nobody.clone());
                assert_eq!(first.client.unwrap_err(), refused());
                assert_eq!(second.client.unwrap_err(), refused());
                assert_eq!(first.said.len(), second.said.len());
                assert_eq!(house.failed, [Some(romeo()), Some(nobody.account)]);
            }
        }
    }
}

#[test]
fn a_connection_of_others_binds_nobody() {
    for sasl2 in [false, true] {
        let mut line = Line::new(TransportKind::Tcp);
        line.client_tls.bindings = ChannelBindings {
            exporter: Some([1; 32]),
            server_end_point: Some(vec![1; 32]),
        };
        let client = ClientConfig {
            sasl2,
            ..client_config("r0m30")
        };
        assert_eq!(
            line.fails(&mut House::with_romeo(&ScramHash::ALL), client),
            refused()
        );
    }
}

#[test]
fn tampered_offers_end_the_login() {
    // Channel binding taken out altogether: the client says that it would have bound.
    fn without_plus(text: String) -> String {
        let mut text = text;
        for hash in ["1", "256", "512"] {
            text = text.replace(&format!("<mechanism>SCRAM-SHA-{hash}-PLUS</mechanism>"), "");
        }
        text.replace(
            "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>",
            "<gone xmlns='urn:example'>",
        )
        .replace("</sasl-channel-binding>", "</gone>")
    }
    // Only the strongest mechanisms taken out: XEP-0474.
    fn without_512(text: String) -> String {
        text.replace("<mechanism>SCRAM-SHA-512-PLUS</mechanism>", "")
            .replace("<mechanism>SCRAM-SHA-512</mechanism>", "")
    }
    // The strongest binding taken out: XEP-0474.
    fn without_exporter(text: String) -> String {
        text.replace("<channel-binding type='tls-exporter'/>", "")
    }
    // Mechanisms taken out, types left: XEP-0440 §3.
    fn without_mechanisms(text: String) -> String {
        let mut text = text;
        for hash in ["1", "256", "512"] {
            text = text.replace(&format!("<mechanism>SCRAM-SHA-{hash}-PLUS</mechanism>"), "");
        }
        text
    }
    // The announcement changed to a type nobody has.
    fn other_types(text: String) -> String {
        text.replace("tls-exporter", "tls-unique")
            .replace("tls-server-end-point", "tls-fancy")
    }
    for sasl2 in [false, true] {
        let login = |tamper: fn(String) -> String| {
            let line = Line {
                tamper,
                ..Line::new(TransportKind::Tcp)
            };
            let client = ClientConfig {
                sasl2,
                ..client_config("r0m30")
            };
            line.fails(&mut House::with_romeo(&ScramHash::ALL), client)
        };
        assert_eq!(login(without_plus), refused());
        let seen = ClientError::Sasl(crate::sasl::SaslError::NotAuthorized);
        assert_eq!(login(without_512), seen);
        assert_eq!(login(without_exporter), seen);
        assert_eq!(login(other_types), seen);
        assert_eq!(login(without_mechanisms), ClientError::Tampered);
    }
}

#[test]
fn headers_are_checked() {
    let ns = "xmlns:stream='http://etherx.jabber.org/streams'";
    for (header, condition) in [
        (format!("<stream:stream xmlns='jabber:client' {ns} to='other.org' version='1.0'>"), "host-unknown"),
        (format!("<stream:stream xmlns='jabber:client' {ns} to='@@' version='1.0'>"), "host-unknown"),
        (format!("<stream:stream xmlns='jabber:client' {ns} to='a@example.org' version='1.0'>"), "host-unknown"),
        (format!("<stream:stream xmlns='jabber:client' {ns} version='1.0'>"), "improper-addressing"),
        (format!("<stream:stream xmlns='jabber:client' {ns} to='example.org'>"), "unsupported-version"),
        (format!("<stream:stream xmlns='jabber:client' {ns} to='example.org' version='x'>"), "unsupported-version"),
        (format!("<stream:stream xmlns='jabber:server' {ns} to='example.org' version='1.0'>"), "invalid-namespace"),
        ("<stream:stream xmlns='jabber:client' xmlns:stream='urn:x' to='example.org' version='1.0'>".into(), "invalid-namespace"),
        (format!("<stream:x xmlns='jabber:client' {ns} to='example.org' version='1.0'>"), "invalid-namespace"),
        (
            "<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams' to='example.org' version='1.0'>".into(),
            "bad-namespace-prefix",
        ),
        (format!("<stream:stream xmlns='jabber:client' {ns} from='a@b' to='example.org' version='1.0'>"), "invalid-from"),
        ("nonsense".into(), "not-well-formed"),
        ("<!-- c -->".into(), "restricted-xml"),
    ] {
        let mut counter = Counter::closed();
        let said = counter.say(&header);
        assert!(said.starts_with("<?xml version='1.0'?><stream:stream "), "{header}: {said}");
        assert!(said.contains(&format!("<{condition} ")) || said.contains("bad-format"), "{header}: {said}");
        assert!(said.ends_with("</stream:stream>"), "{said}");
        assert!(counter.server.is_over());
    }
    let said = Counter::closed().say(&HEADER.replace(
        "to='example.org'",
        "to='EXAMPLE.org' from='romeo@example.org'",
    ));
    assert!(
        said.contains("from='example.org' to='romeo@example.org'")
            && said.contains("<stream:features>"),
        "{said}"
    );
    assert!(said.contains("max-bytes"));
}

#[test]
fn websocket_and_bosh_tell_errors_in_their_own_way() {
    let transport = |kind| Transport {
        kind,
        security: Security::Plain,
        trusted_proxy: true,
    };
    let mut counter = Counter::new(server_config(), transport(TransportKind::WebSocket));
    let said = counter
        .say("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='other.org' version='1.0'/>");
    assert!(
        said.starts_with("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' "),
        "{said}"
    );
    assert!(
        said.contains(
            "<stream:error xmlns:stream='http://etherx.jabber.org/streams'><host-unknown"
        ),
        "{said}"
    );
    assert!(
        said.ends_with("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"),
        "{said}"
    );
    let mut counter = Counter::new(server_config(), transport(TransportKind::Bosh));
    counter.server.bosh_start(Some("other.org"), None);
    let said = counter.say("");
    assert!(
        said.starts_with("<stream:error xmlns:stream=") && said.ends_with("</stream:error>"),
        "{said}"
    );
    let mut counter = Counter::new(server_config(), transport(TransportKind::WebSocket));
    let said = counter
        .say("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.org' version='1.0'/>");
    assert!(
        said.contains("<mechanism>SCRAM-SHA-256</mechanism>") && !said.contains("PLUS"),
        "{said}"
    );
    assert_eq!(
        counter.say("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"),
        "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"
    );
}

#[test]
fn guesses_are_bounded() {
    let mut counter = Counter::open();
    let guess = format!(
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{}</auth>",
        encode("\0romeo\0wrong")
    );
    for attempt in 1..=5 {
        let said = counter.say(&guess);
        assert!(
            said.starts_with("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/>"),
            "{said}"
        );
        assert_eq!(said.contains("policy-violation"), attempt == 5);
    }
    assert_eq!(counter.house.failed.len(), 5);
    assert_eq!(counter.say(&guess), "");
}

#[test]
fn sasl_failures_have_their_conditions() {
    let auth = |mechanism: &str, message: &str| {
        Counter::open().say(&format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>{message}</auth>"))
    };
    assert!(auth("X", "").contains("<invalid-mechanism/>"));
    assert!(auth("EXTERNAL", "=").contains("<invalid-mechanism/>"));
    assert!(auth("HT-SHA-256-NONE", "AAAA").contains("<invalid-mechanism/>"));
    assert!(auth("PLAIN", "*").contains("<incorrect-encoding/>"));
    assert!(auth("PLAIN", "AAAA").contains("<malformed-request/>"));
    assert!(
        auth("PLAIN", &encode("juliet@example.org\0romeo\0r0m30")).contains("<invalid-authzid/>")
    );
    assert!(auth("PLAIN", &encode("romeo@example.org\0romeo\0r0m30")).contains("<success"));
    assert!(auth("PLAIN", &encode("\0Romeo@example.org\0r0m30")).contains("<success"));
    assert!(auth("PLAIN", "").contains("<challenge"));
    let mut counter = Counter::open();
    counter.say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>biwsbj1yb21lbyxyPWE=</auth>");
    assert!(
        counter
            .say("<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
            .contains("<aborted/>")
    );
    let said = counter.say("<authenticate xmlns='urn:xmpp:sasl:2'/>");
    assert_eq!(
        said,
        "<failure xmlns='urn:xmpp:sasl:2'><malformed-request xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>"
    );
    // Nothing but the login may come in between.
    counter.say("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='SCRAM-SHA-1'/>");
    assert!(counter.say("<message/>").contains("not-authorized"));
    assert!(counter.server.is_over());
}

#[test]
fn nothing_passes_before_its_time() {
    let mut counter = Counter::open();
    assert!(
        counter
            .say("<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>")
            .contains("<not-authorized ")
    );
    let mut counter = Counter::open();
    let said = counter.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    assert_eq!(
        said,
        "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>"
    );
    // In clear: encryption first.
    let transport = Transport {
        kind: TransportKind::Tcp,
        security: Security::Plain,
        trusted_proxy: false,
    };
    let mut counter = Counter::new(server_config(), transport);
    let said = counter.say(HEADER);
    assert!(
        said.contains("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"),
        "{said}"
    );
    assert!(!said.contains("sasl"), "{said}");
    let said = counter
        .say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>");
    assert!(said.contains("<encryption-required/>"), "{said}");
    // What comes in clear behind <starttls/> is not read.
    let mut counter = Counter::new(
        server_config(),
        Transport {
            kind: TransportKind::Tcp,
            security: Security::Plain,
            trusted_proxy: false,
        },
    );
    counter.say(HEADER);
    let said = counter.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><message/>");
    assert!(
        said.contains("<proceed") && said.contains("policy-violation"),
        "{said}"
    );
}

fn logged_in() -> Counter {
    let mut counter = Counter::open();
    let plain = encode("\0romeo\0r0m30");
    let said = counter.say(&format!(
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>"
    ));
    assert_eq!(said, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    let said = counter.say(HEADER);
    assert!(
        said.contains("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"),
        "{said}"
    );
    assert!(
        said.contains("<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>"),
        "{said}"
    );
    assert!(
        said.contains("<sm xmlns='urn:xmpp:sm:3'/>") && !said.contains("mechanism"),
        "{said}"
    );
    counter
}

#[test]
fn after_login_only_binding_and_resumption() {
    let mut counter = logged_in();
    assert!(
        counter
            .say("<enable xmlns='urn:xmpp:sm:3'/>")
            .contains("<unexpected-request")
    );
    let said = counter.say("<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>");
    assert_eq!(
        said,
        "<failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"
    );
    let said = counter
        .say("<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>");
    assert!(
        said.contains("type='error'") && said.contains("unexpected-request"),
        "{said}"
    );
    let long = "x".repeat(1024);
    let said = counter.say(&format!(
        "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{long}</resource></bind></iq>"
    ));
    assert!(said.contains("<bad-request"), "{said}");
    let said = counter.say(
        "<iq type='set' id='b&lt;'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>",
    );
    assert_eq!(
        said,
        "<iq type='result' id='b&lt;'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>romeo@example.org/r</jid></bind></iq>"
    );
    assert!(counter.established().is_some());
    let mut counter = logged_in();
    assert!(counter.say("<presence/>").contains("<not-authorized "));
    let mut counter = logged_in();
    let mut said = String::new();
    for _ in 0..20 {
        said += &counter.say("<enable xmlns='urn:xmpp:sm:3'/>");
    }
    assert_eq!(said.matches("<failed").count(), 11);
    assert!(said.contains("policy-violation"));
}

#[test]
fn identities_must_agree() {
    let mut counter = Counter::closed();
    counter.say(&HEADER.replace("to=", "from='juliet@example.org' to="));
    let plain = encode("romeo@example.org\0romeo\0r0m30");
    let said = counter.say(&format!(
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>{plain}</initial-response></authenticate>"
    ));
    assert!(said.contains("<invalid-authzid"), "{said}");
}

#[test]
fn certificates_open_their_own_accounts() {
    let mut facts = tls(bindings());
    facts.client_addresses = vec![romeo(), base::BareJid::parse("mercutio@other.org").unwrap()];
    let login = |message: &str| {
        let security = Security::Tls(facts.clone());
        let mut counter = Counter::new(
            server_config(),
            Transport {
                kind: TransportKind::Tcp,
                security,
                trusted_proxy: false,
            },
        );
        assert!(
            counter
                .say(HEADER)
                .contains("<mechanism>EXTERNAL</mechanism>")
        );
        counter.say(&format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>{message}</auth>"
        ))
    };
    assert!(login(&encode("romeo@example.org")).contains("<success"));
    assert!(login(&encode("juliet@example.org")).contains("<invalid-authzid/>"));
    assert!(login(&encode("mercutio@other.org")).contains("<invalid-authzid/>"));
    assert!(
        login("=").contains("<invalid-authzid/>"),
        "two addresses: which?"
    );
}

#[test]
fn answers_out_of_place_end_the_stream() {
    let mut counter = Counter::open();
    counter.server.answer(Answer::Accepted);
    assert!(counter.say("").contains("internal-server-error"));
}

#[test]
fn the_outside_can_refuse_and_close() {
    let config = ServerConfig {
        sasl2: false,
        ..server_config()
    };
    let line = Line::new(TransportKind::Tcp);
    let outcome = line.run(
        config,
        &mut House::with_romeo(&ScramHash::ALL),
        client_config("r0m30"),
    );
    assert!(!outcome.said.contains("urn:xmpp:sasl:2") && outcome.client.is_ok());
    let mut counter = Counter::open();
    counter.server.close(
        Some(crate::condition::StreamCondition::SystemShutdown),
        None,
    );
    assert_eq!(
        counter.say(""),
        "<stream:error><system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
    );
    let mut counter = Counter::open();
    assert_eq!(counter.say("</stream:stream>"), "</stream:stream>");
}
