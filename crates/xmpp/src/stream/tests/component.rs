//! A component and its server.

use base::Redacted;

use crate::sasl::ScramHash;
use crate::stream::component::{Component, Output};
use crate::xep::dialback::hexadecimal;
use crate::xml::{Framing, Reader, ReaderLimits};

struct Counter {
    component: Component,
    reader: Reader,
    words: Vec<String>,
}

impl Counter {
    fn new() -> Counter {
        let secrets = Box::new(|domain: &str| {
            (domain == "gateway.example").then(|| Redacted::new("s3cret".to_owned()))
        });
        Counter {
            component: Component::new(secrets, [4; 32]),
            reader: Reader::new(Framing::Stream, ReaderLimits::default()),
            words: Vec::new(),
        }
    }

    /// Says it byte by byte.
    fn say(&mut self, text: &str) -> String {
        let mut said = String::new();
        for byte in text.as_bytes().chunks(1) {
            self.reader.feed(byte);
            while !self.component.is_over() {
                match self.reader.next() {
                    Ok(Some(frame)) => self.component.handle(frame),
                    Ok(None) => break,
                    Err(error) => self.component.unreadable(error),
                }
                while let Some(output) = self.component.poll() {
                    match output {
                        Output::Send(bytes) => said.push_str(std::str::from_utf8(&bytes).unwrap()),
                        Output::Established { domain } => {
                            self.words.push(format!("established {domain}"));
                        }
                        Output::Stanza { from, to, stanza } => {
                            self.words.push(format!("{} {from} {to}", stanza.name()));
                        }
                        Output::Close => self.words.push("close".into()),
                    }
                }
            }
        }
        said
    }

    fn shake(&mut self, secret: &str) -> String {
        let said = self.say(HEADER);
        let id = said
            .split(" id='")
            .nth(1)
            .unwrap()
            .split('\'')
            .next()
            .unwrap();
        let key = ScramHash::Sha1.digest(format!("{id}{secret}").as_bytes());
        let key = hexadecimal(key.expose());
        self.say(&format!("<handshake>{key}</handshake>"))
    }
}

const HEADER: &str = "<stream:stream xmlns='jabber:component:accept' \
     xmlns:stream='http://etherx.jabber.org/streams' to='gateway.example'>";

#[test]
fn who_knows_the_secret_is_in() {
    let mut counter = Counter::new();
    assert_eq!(counter.shake("s3cret"), "<handshake/>");
    counter.say(
        "<message from='user@gateway.example/x' to='romeo@example.org'><body>Hi</body></message>",
    );
    assert_eq!(
        counter.words,
        [
            "established gateway.example",
            "message user@gateway.example/x romeo@example.org"
        ]
    );
    assert_eq!(counter.say("</stream:stream>"), "</stream:stream>");
}

#[test]
fn strangers_are_told_what_is_wrong() {
    let mut counter = Counter::new();
    assert!(counter.shake("guess").contains("not-authorized"));
    let mut counter = Counter::new();
    assert!(
        counter
            .say(&HEADER.replace("gateway", "other"))
            .contains("host-unknown")
    );
    let mut counter = Counter::new();
    assert!(
        counter
            .say(&HEADER.replace("component:accept", "client"))
            .contains("invalid-namespace")
    );
    let mut counter = Counter::new();
    counter.say(HEADER);
    let said = counter.say("<message from='user@gateway.example' to='romeo@example.org'/>");
    assert!(said.contains("not-authorized") && counter.component.is_over());
}

#[test]
fn a_component_speaks_for_its_own_domain_only() {
    for (stanza, condition) in [
        (
            "<message from='user@example.org' to='romeo@example.org'/>",
            "invalid-from",
        ),
        ("<message to='romeo@example.org'/>", "invalid-from"),
        ("<message from='gateway.example'/>", "improper-addressing"),
        (
            "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
            "unsupported-stanza-type",
        ),
    ] {
        let mut counter = Counter::new();
        counter.shake("s3cret");
        assert!(counter.say(stanza).contains(condition), "{stanza}");
    }
}
