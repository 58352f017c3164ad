//! Stanzas answered and sent on.

#![allow(clippy::unwrap_used, clippy::panic)]

use xmpp::condition::{
    ErrorType, SaslCondition, StanzaCondition, StanzaError, StreamCondition, error_reply,
    may_be_answered,
};
use xmpp::iq::{self, Iq, IqBody};
use xmpp::ns;
use xmpp::xml::{Edit, Head, Kind, Stanza, Tree};

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn relay_writes_a_new_head() {
    let stanza =
        Stanza::parse("<message to='a@b' type='chat'><body>x &amp; y</body></message>").unwrap();
    let received = stanza.head();
    let head = Head {
        from: Some("r@x/<o>'\""),
        id: Some("1"),
        xmlns: Some(ns::CLIENT),
        ..received.as_head()
    };
    assert_eq!(
        text(&stanza.relay(&head, &Edit::NONE)),
        "<message xmlns='jabber:client' from='r@x/&lt;o&gt;&apos;&quot;' to='a@b' id='1' type='chat'>\
         <body>x &amp; y</body></message>"
    );
    assert_eq!(
        text(&stanza.relay(&Head::default(), &Edit::NONE)),
        "<message><body>x &amp; y</body></message>"
    );
}

#[test]
fn relay_drops_and_appends() {
    let forged = "<stanza-id xmlns='urn:xmpp:sid:0' id='forged'/>";
    let edit = Edit {
        drop: &|child| child.is("stanza-id", ns::STANZA_ID),
        append: b"<delay xmlns='urn:xmpp:delay'/>",
    };
    let stanza = Stanza::parse(&format!(
        "<message>{forged}a<body>x</body>{forged}{forged}</message>"
    ))
    .unwrap();
    assert_eq!(
        text(&stanza.relay(&Head::default(), &edit)),
        "<message>a<body>x</body><delay xmlns='urn:xmpp:delay'/></message>"
    );
    let odd = Stanza::parse(&format!(
        "<message xmlns:p='urn:p'>{forged}<p:x/><body/></message>"
    ))
    .unwrap();
    assert_eq!(
        text(&odd.relay(&Head::default(), &edit)),
        "<message><x xmlns='urn:p'/><body/><delay xmlns='urn:xmpp:delay'/></message>"
    );
    let only = Stanza::parse(&format!("<presence>{forged}</presence>")).unwrap();
    let drop = Edit {
        append: b"",
        ..edit
    };
    assert_eq!(text(&only.relay(&Head::default(), &drop)), "<presence/>");
    let empty = Stanza::parse("<presence/>").unwrap();
    assert_eq!(
        text(&empty.relay(&Head::default(), &edit)),
        "<presence><delay xmlns='urn:xmpp:delay'/></presence>"
    );
}

#[test]
fn content_namespaces_are_one() {
    let stanza = Stanza::parse("<message xmlns='jabber:server'><body>x</body></message>").unwrap();
    assert_eq!(stanza.kind(), Kind::Message);
    assert_eq!(stanza.namespace(), ns::CLIENT);
    for namespace in [ns::CLIENT, ns::SERVER, ns::COMPONENT_ACCEPT, ""] {
        assert!(stanza.has("body", namespace));
        assert!(stanza.tree().root().child("body", namespace).is_some());
    }
    assert!(!stanza.has("body", "urn:other"));
}

#[test]
fn iq_rules() {
    let condition = |text: &str| {
        let stanza = Stanza::parse(text).unwrap();
        Iq::parse(&stanza)
            .map(|_| ())
            .map_err(|error| error.condition)
    };
    let bad = Err(StanzaCondition::BadRequest);
    assert_eq!(condition("<iq type='get'><a xmlns='x'/></iq>"), bad);
    assert_eq!(condition("<iq id='1'><a xmlns='x'/></iq>"), bad);
    assert_eq!(condition("<iq id='1' type='chat'><a xmlns='x'/></iq>"), bad);
    assert_eq!(condition("<iq id='1' type='get'/>"), bad);
    assert_eq!(
        condition("<iq id='1' type='set'><a xmlns='x'/><b xmlns='y'/></iq>"),
        bad
    );
    assert_eq!(
        condition("<iq id='1' type='result'><a xmlns='x'/><b xmlns='y'/></iq>"),
        bad
    );
    assert_eq!(
        condition("<message id='1' type='get'><a xmlns='x'/></message>"),
        bad
    );
    assert_eq!(condition("<iq id='1' type='result'/>"), Ok(()));
    assert_eq!(condition("<iq id='1' type='error'/>"), Ok(()));

    let ask = iq::get("1", Some("a@b/c"), None, "<ping xmlns='urn:xmpp:ping'/>");
    let ask = Stanza::parse(text(&ask)).unwrap();
    let parsed = Iq::parse(&ask).unwrap();
    let (is_set, payload) = parsed.request().unwrap();
    assert!(!is_set && payload.is("ping", ns::PING));
    assert!(matches!(parsed.body, IqBody::Get(_)));
    assert_eq!(
        text(&iq::result(&ask, None, Some("a@b/c"), "")),
        "<iq to='a@b/c' id='1' type='result'/>"
    );
}

#[test]
fn errors_there_and_back() {
    let stanza =
        Stanza::parse("<message id='&lt;1' type='chat'><body>long</body></message>").unwrap();
    assert!(may_be_answered(&stanza));
    let error = StanzaError::new(StanzaCondition::ServiceUnavailable)
        .text("Try again & again")
        .app("<x xmlns='urn:x'/>");
    let reply = error_reply(&stanza, Some("a@b"), "c@d/e", &error);
    let reply = Stanza::parse(text(&reply)).unwrap();
    assert_eq!(reply.id().unwrap(), "<1");
    assert_eq!(
        (reply.from().unwrap(), reply.to().unwrap()),
        ("a@b".into(), "c@d/e".into())
    );
    assert!(!reply.has("body", ns::CLIENT));
    assert_eq!(StanzaError::of(&reply).unwrap(), error);
    assert!(!may_be_answered(&reply));
    assert!(StanzaError::of(&stanza).is_none());
    let result = Stanza::parse("<iq id='1' type='result'/>").unwrap();
    assert!(!may_be_answered(&result));
    let entry = Stanza::parse(
        "<presence id='1'><x xmlns='http://jabber.org/protocol/muc'><password>cauldron</password></x>\
         <status>here</status></presence>",
    )
    .unwrap();
    let reply = error_reply(&entry, Some("a@b/n"), "c@d/e", &error);
    let reply = Stanza::parse(text(&reply)).unwrap();
    assert!(reply.has("x", ns::MUC) && !reply.has("status", ns::CLIENT));
    assert!(!reply.text().contains("cauldron"));
}

#[test]
fn conditions_there_and_back() {
    for &condition in StanzaCondition::ALL {
        assert_eq!(StanzaCondition::parse(condition.as_str()), Some(condition));
    }
    for &condition in StreamCondition::ALL {
        assert_eq!(StreamCondition::parse(condition.as_str()), Some(condition));
        let element = Stanza::parse(&condition.to_xml(Some("Sorry"), true)).unwrap();
        assert_eq!(StreamCondition::of(&element), Some(condition));
    }
    assert_eq!(StanzaCondition::Forbidden.default_type(), ErrorType::Auth);
    assert_eq!(
        StreamCondition::of(&Stanza::parse("<error/>").unwrap()),
        None
    );
    assert_eq!(
        SaslCondition::NotAuthorized.to_xml(ns::SASL, None),
        "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>"
    );
    assert_eq!(
        SaslCondition::Aborted.to_xml(ns::SASL2, None),
        "<failure xmlns='urn:xmpp:sasl:2'><aborted xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>"
    );
}

#[test]
fn trees_resolve_what_was_written() {
    let tree = Tree::parse(
        "<query xmlns='urn:q' a='&lt;1' xml:lang='de'>x<![CDATA[<]]>&#x79;<i xmlns='urn:i' n='1'/><i n='2'/></query>",
    )
    .unwrap();
    let root = tree.root();
    assert!(root.is("query", "urn:q"));
    assert_eq!(root.attr("a"), Some("<1"));
    assert_eq!(root.attr_ns(ns::XML, "lang"), Some("de"));
    assert_eq!(root.attr("lang"), None);
    assert_eq!(root.text(), "x<y");
    let inner = root.child("i", "urn:q").unwrap();
    assert_eq!(inner.attr("n"), Some("2"));
    assert_eq!(inner.raw(), "<i xmlns='urn:q' n='2'/>");
    assert_eq!(
        root.child("i", "urn:i").unwrap().raw(),
        "<i xmlns='urn:i' n='1'/>"
    );
    assert!(Tree::parse("<a/><b/>").is_err());
    assert!(Tree::parse("<a>").is_err());
    assert!(Tree::parse("").is_err());
    assert!(Tree::parse("<a/> ").is_ok());
}
