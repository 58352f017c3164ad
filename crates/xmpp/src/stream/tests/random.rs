use proptest::prelude::*;

use super::kit::*;
use crate::sasl::encode;
use crate::stream::{Security, Transport, TransportKind};

fn piece() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        HEADER.to_owned(),
        "</stream:stream>".into(),
        "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>".into(),
        "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>".into(),
        "<abort xmlns='urn:xmpp:sasl:2'/>".into(),
        "<response xmlns='urn:xmpp:sasl:2'/>".into(),
        "<next xmlns='urn:xmpp:sasl:2' task='UPGR-SCRAM-SHA-256'/>".into(),
        "<task-data xmlns='urn:xmpp:sasl:2'><hash xmlns='urn:xmpp:scram-upgrade:0'>AAAA</hash></task-data>".into(),
        "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>".into(),
        "<iq type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource/></bind></iq>".into(),
        "<resume xmlns='urn:xmpp:sm:3' previd='x' h='1'/>".into(),
        "<resume xmlns='urn:xmpp:sm:3'/>".into(),
        "<enable xmlns='urn:xmpp:sm:3'/>".into(),
        "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.org' version='1.0'/>".into(),
        "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>".into(),
        "<presence/>".into(),
        format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{}</auth>", encode("\0romeo\0r0m30")),
        format!(
            "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>{}</initial-response>\
             <upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-256</upgrade><bind xmlns='urn:xmpp:bind:0'/>\
             <request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/><user-agent id='x'/></authenticate>",
            encode("\0romeo\0r0m30")
        ),
    ]);
    let mechanism = prop::sample::select(vec![
        "PLAIN",
        "SCRAM-SHA-1",
        "SCRAM-SHA-256-PLUS",
        "EXTERNAL",
        "HT-SHA-256-NONE",
        "?",
    ]);
    let message = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(encode),
        "n,,n=[a-z]{1,4},r=[a-z]{1,4}".prop_map(encode),
        "p=tls-exporter,,n=[a-z]{1,4},r=[a-z]{1,4}".prop_map(encode),
        Just("=".to_owned()),
    ];
    let login = (mechanism, message, any::<bool>()).prop_map(|(mechanism, message, sasl2)| match sasl2 {
        true => format!(
            "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='{mechanism}'><initial-response>{message}</initial-response>\
             <fast xmlns='urn:xmpp:fast:0' count='1'/><user-agent id='x'/></authenticate>"
        ),
        false => format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>{message}</auth>"),
    });
    prop_oneof![3 => words, 2 => login]
}

proptest! {
    #[test]
    fn any_order_of_elements_is_answered_or_refused(
        pieces in proptest::collection::vec(piece(), 0..12),
        kind in prop::sample::select(vec![TransportKind::Tcp, TransportKind::WebSocket, TransportKind::Bosh]),
        protected in any::<bool>(),
    ) {
        let security = if protected { Security::Tls(tls(bindings())) } else { Security::Plain };
        let mut counter = Counter::new(server_config(), Transport { kind, security, trusted_proxy: false });
        if kind == TransportKind::Bosh {
            counter.server.bosh_start(Some(DOMAIN), None);
        }
        for piece in &pieces {
            counter.say(piece);
            if kind == TransportKind::Bosh && counter.server.account().is_some() && !counter.server.is_over() {
                counter.server.bosh_start(Some(DOMAIN), None);
            }
        }
        // Nobody is in who did not say the password.
        if counter.established().is_some() {
            prop_assert!(pieces.iter().any(|piece| piece.contains(&encode("\0romeo\0r0m30"))));
            prop_assert!(protected);
        }
    }
}
