//! Two servers and the line between them.

use std::sync::Arc;

use base::Redacted;

use crate::condition::{StanzaCondition, StreamCondition};
use crate::sm::SmElement;
use crate::stream::CertificateNames;
use crate::stream::federation::{
    Acceptor, Connector, FederationConfig, Output, PeerError, Peers, Purpose, Verification,
};
use crate::xep::dialback::key;
use crate::xml::{Frame, Framing, Reader, ReaderLimits, Stanza};

const HERE: &str = "capulet.example";
const THERE: &str = "montague.example";

fn config(domains: &[&str]) -> FederationConfig {
    FederationConfig {
        domains: domains.iter().map(|name| (*name).to_owned()).collect(),
        peers: Peers {
            open: true,
            ..Peers::default()
        },
        secret: Redacted::new([domains[0].len() as u8; 32]),
        dialback: false,
        certificate: true,
        stream_management: true,
        bidirectional: true,
    }
}

fn names(domains: &[&str]) -> CertificateNames {
    CertificateNames {
        dns: domains.iter().map(|name| (*name).to_owned()).collect(),
        ..CertificateNames::default()
    }
}

/// A stream from `HERE` to `THERE`.
struct Line {
    here: FederationConfig,
    there: FederationConfig,
    /// What each shows, once there is TLS.
    of_here: CertificateNames,
    of_there: CertificateNames,
    direct: bool,
    piece: usize,
    purpose: Purpose,
}

impl Default for Line {
    fn default() -> Self {
        Line {
            here: config(&[HERE]),
            there: config(&[THERE, "rooms.montague.example"]),
            of_here: names(&[HERE]),
            of_there: names(&[THERE, "*.montague.example"]),
            direct: false,
            piece: usize::MAX,
            purpose: Purpose::Speak,
        }
    }
}

/// What happened, in words.
#[derive(Default)]
struct Told {
    here: Vec<String>,
    there: Vec<String>,
    said_there: String,
}

fn word(output: &Output) -> Option<String> {
    Some(match output {
        Output::Authorized {
            remote,
            local,
            bidirectional,
        } => format!("authorized {remote} to {local}, both ways {bidirectional}"),
        Output::Ready { stream_management } => format!("ready, counted {stream_management}"),
        Output::Verified(good) => format!("verified {good}"),
        Output::Stanza { from, to, stanza } => format!("{} {from} {to}", stanza.name()),
        Output::Management(element) => element.to_xml(),
        Output::Failed(error) => format!("failed: {error}"),
        Output::Close => "close".into(),
        Output::Verify(asked) => format!("verify {} {}", asked.remote, asked.local),
        Output::Send(_) | Output::StartTls | Output::RestartStream => return None,
    })
}

fn reader() -> Reader {
    Reader::new(Framing::Stream, ReaderLimits::default())
}

fn feed(reader: &mut Reader, bytes: &[u8], piece: usize, mut take: impl FnMut(&mut Reader)) {
    for piece in bytes.chunks(piece.min(bytes.len().max(1))) {
        reader.feed(piece);
        take(reader);
    }
}

impl Line {
    /// Runs until both are silent; then each sends `last` once, and once more until both are silent.
    fn run(&self, last: [&str; 2]) -> Told {
        let shown = |names: &CertificateNames| self.direct.then(|| names.clone());
        let mut there = Acceptor::new(Arc::new(self.there.clone()), shown(&self.of_here), [1; 32]);
        let mut here = Connector::new(
            Arc::new(self.here.clone()),
            HERE,
            THERE,
            self.purpose.clone(),
            shown(&self.of_there),
        );
        let (mut reads_here, mut reads_there) = (reader(), reader());
        let (mut to_here, mut to_there) = (Vec::new(), Vec::new());
        let mut told = Told::default();
        let mut last = Some(last);
        loop {
            let mut tls = false;
            while let Some(output) = here.poll() {
                told.here.extend(word(&output));
                match output {
                    Output::Send(bytes) => to_there.extend_from_slice(&bytes),
                    Output::StartTls => tls = true,
                    Output::RestartStream => reads_here.restart(),
                    _ => {}
                }
            }
            if tls {
                (reads_here, reads_there) = (reader(), reader());
                here.tls_established(self.of_there.clone());
                there.tls_established(self.of_here.clone());
                continue;
            }
            let arriving = std::mem::take(&mut to_there);
            feed(&mut reads_there, &arriving, self.piece, |reader| {
                while !there.is_over() && !there.is_waiting() {
                    match reader.next() {
                        Ok(Some(frame)) => there.handle(frame),
                        Ok(None) => break,
                        Err(error) => there.unreadable(error),
                    }
                    while let Some(output) = there.poll() {
                        told.there.extend(word(&output));
                        match output {
                            Output::Send(bytes) => to_here.extend_from_slice(&bytes),
                            Output::RestartStream => reader.restart(),
                            Output::Management(SmElement::Enable { .. }) => {
                                to_here.extend_from_slice(b"<enabled xmlns='urn:xmpp:sm:3'/>");
                            }
                            Output::Verify(asked) => {
                                // The key is judged where its domain is served.
                                let secret = self.here.secret.expose();
                                let good = asked.key
                                    == key(secret, &asked.local, &asked.remote, &asked.stream);
                                there.verified(&asked, Ok(good));
                            }
                            _ => {}
                        }
                    }
                }
            });
            let arriving = std::mem::take(&mut to_here);
            told.said_there
                .push_str(std::str::from_utf8(&arriving).unwrap());
            let silent = arriving.is_empty();
            feed(&mut reads_here, &arriving, self.piece, |reader| {
                while !here.is_over() && !here.is_waiting() {
                    match reader.next() {
                        Ok(Some(frame)) => here.handle(frame),
                        Ok(None) => break,
                        Err(error) => here.unreadable(error),
                    }
                    // A restart must come before the next frame is read.
                    while let Some(output) = here.poll() {
                        told.here.extend(word(&output));
                        match output {
                            Output::Send(bytes) => to_there.extend_from_slice(&bytes),
                            Output::RestartStream => reader.restart(),
                            Output::StartTls => {
                                // Everybody waits for TLS now.
                                assert!(here.is_waiting() && there.is_waiting());
                            }
                            _ => {}
                        }
                    }
                }
            });
            if here.is_waiting() && there.is_waiting() {
                (reads_here, reads_there) = (reader(), reader());
                to_there.clear();
                here.tls_established(self.of_there.clone());
                there.tls_established(self.of_here.clone());
                continue;
            }
            if silent && to_there.is_empty() {
                let Some([from_here, from_there]) = last.take() else {
                    return told;
                };
                to_there.extend_from_slice(from_here.as_bytes());
                to_here.extend_from_slice(from_there.as_bytes());
            }
        }
    }
}

const MESSAGE: &str = "<message from='juliet@capulet.example/balcony' to='romeo@montague.example'><body>Hi</body></message>";
const ANSWER: &str = "<message from='romeo@montague.example/orchard' to='juliet@capulet.example'><body>Hi</body></message>";

#[test]
fn certificates_make_a_stream_for_both_ways_in_any_pieces() {
    for direct in [false, true] {
        for piece in [usize::MAX, 1, 7] {
            let line = Line {
                direct,
                piece,
                ..Line::default()
            };
            let told = line.run([MESSAGE, ANSWER]);
            assert_eq!(
                told.here,
                [
                    "authorized montague.example to capulet.example, both ways true",
                    "ready, counted true",
                    "message romeo@montague.example/orchard juliet@capulet.example",
                ]
            );
            assert_eq!(
                told.there,
                [
                    "authorized capulet.example to montague.example, both ways true",
                    "<enable xmlns='urn:xmpp:sm:3'/>",
                    "message juliet@capulet.example/balcony romeo@montague.example",
                ]
            );
        }
    }
}

#[test]
fn one_way_streams_take_no_answers() {
    let mut line = Line::default();
    line.there.bidirectional = false;
    line.there.stream_management = false;
    let told = line.run([MESSAGE, ANSWER]);
    assert_eq!(told.here, ["ready, counted false", "close"]);
    assert_eq!(
        told.there[..2],
        [
            "authorized capulet.example to montague.example, both ways false",
            "message juliet@capulet.example/balcony romeo@montague.example",
        ]
    );
}

#[test]
fn a_server_whose_certificate_is_not_its_own_gets_nothing() {
    for of_there in [names(&["other.example"]), CertificateNames::default()] {
        let line = Line {
            of_there,
            ..Line::default()
        };
        let told = line.run(["", ""]);
        assert_eq!(
            told.here,
            [
                "failed: the certificate of the server is not one for its domain that we can trust",
                "close"
            ]
        );
        assert_eq!(told.there, ["close"]);
    }
}

#[test]
fn without_a_good_certificate_dialback_is_refused_unless_policy_takes_it() {
    let strict = Line {
        of_here: CertificateNames::default(),
        ..Line::default()
    };
    let told = strict.run(["", ""]);
    assert!(!told.said_there.contains("EXTERNAL"));
    assert_eq!(
        told.here[0],
        "failed: the server takes neither our certificate nor dialback"
    );
    let mut lenient = Line {
        of_here: CertificateNames::default(),
        ..Line::default()
    };
    lenient.there.dialback = true;
    for piece in [usize::MAX, 1] {
        lenient.piece = piece;
        let told = lenient.run([MESSAGE, ""]);
        assert_eq!(
            told.there,
            [
                "verify capulet.example montague.example",
                "authorized capulet.example to montague.example, both ways true",
                "<enable xmlns='urn:xmpp:sm:3'/>",
                "message juliet@capulet.example/balcony romeo@montague.example",
            ]
        );
        assert_eq!(told.here[1], "ready, counted true");
    }
}

#[test]
fn a_server_that_shows_no_certificate_but_has_one_is_believed_by_dialback_at_once() {
    let mut line = Line::default();
    line.here.certificate = false;
    let told = line.run([MESSAGE, ""]);
    assert!(
        told.there
            .contains(&"message juliet@capulet.example/balcony romeo@montague.example".to_owned())
    );
    assert!(!told.there.iter().any(|word| word.starts_with("verify")));
}

#[test]
fn keys_are_judged_by_the_server_that_made_them() {
    let secret = config(&[THERE]).secret;
    let stream = "D60000229F";
    let good = key(secret.expose(), HERE, THERE, stream);
    for (key, expected) in [(good, "verified true"), ("bad".into(), "verified false")] {
        let mut line = Line {
            purpose: Purpose::Verify(Verification {
                remote: THERE.into(),
                local: HERE.into(),
                stream: stream.into(),
                key,
            }),
            ..Line::default()
        };
        // Nobody needs to be known for this.
        line.here.dialback = true;
        line.of_here = CertificateNames::default();
        line.of_there = CertificateNames::default();
        assert_eq!(line.run(["", ""]).here, [expected, "close"]);
    }
}

#[test]
fn blocked_domains_and_unknown_hosts_are_told_so() {
    let mut line = Line::default();
    line.there.peers.block = vec![HERE.into()];
    let told = line.run(["", ""]);
    assert_eq!(
        told.here[0],
        format!(
            "failed: {}",
            PeerError::Stream(StreamCondition::PolicyViolation)
        )
    );
    let mut line = Line::default();
    line.there.domains = vec!["elsewhere.example".into()];
    assert_eq!(
        line.run(["", ""]).here[0],
        format!(
            "failed: {}",
            PeerError::Stream(StreamCondition::HostUnknown)
        )
    );
}

/// An acceptor that is talked to by hand.
struct Counter {
    acceptor: Acceptor,
    reader: Reader,
    words: Vec<String>,
}

impl Counter {
    fn new(names: CertificateNames) -> Counter {
        let config = config(&[THERE, "rooms.montague.example"]);
        Counter {
            acceptor: Acceptor::new(Arc::new(config), Some(names), [2; 32]),
            reader: reader(),
            words: Vec::new(),
        }
    }

    fn say(&mut self, text: &str) -> String {
        let mut said = String::new();
        self.reader.feed(text.as_bytes());
        while !self.acceptor.is_over() {
            match self.reader.next() {
                Ok(Some(frame)) => self.acceptor.handle(frame),
                Ok(None) => break,
                Err(error) => self.acceptor.unreadable(error),
            }
            while let Some(output) = self.acceptor.poll() {
                self.words.extend(word(&output));
                match output {
                    Output::Send(bytes) => said.push_str(std::str::from_utf8(&bytes).unwrap()),
                    Output::RestartStream => self.reader.restart(),
                    _ => {}
                }
            }
        }
        said
    }
}

const HEADER: &str = "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' \
     xmlns:db='jabber:server:dialback' from='capulet.example' to='montague.example' version='1.0'>";

#[test]
fn nobody_speaks_for_domains_that_were_not_shown() {
    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>";
    for (stanza, condition) in [
        (MESSAGE.replace("capulet", "verona"), "invalid-from"),
        (
            MESSAGE.replace(" from='juliet@capulet.example/balcony'", ""),
            "improper-addressing",
        ),
        (MESSAGE.replace("montague", "verona"), "host-unknown"),
        (
            "<other xmlns='urn:example'/>".into(),
            "unsupported-stanza-type",
        ),
    ] {
        let mut counter = Counter::new(names(&[HERE]));
        assert!(counter.say(HEADER).contains("EXTERNAL"));
        assert!(counter.say(auth).contains("<success"));
        counter.say(HEADER);
        assert!(counter.say(MESSAGE).is_empty());
        let said = counter.say(&stanza);
        assert!(said.contains(condition), "{said}");
        assert!(counter.acceptor.is_over());
    }
    // Before anything was shown, and with a certificate for somebody else.
    for names in [names(&[HERE]), names(&["verona.example"])] {
        let mut counter = Counter::new(names);
        counter.say(HEADER);
        assert!(counter.say(MESSAGE).contains("not-authorized"));
    }
    let mut counter = Counter::new(names(&["verona.example"]));
    counter.say(HEADER);
    assert!(counter.say(auth).contains("<failure"));
    // A domain of ours, whatever the certificate says.
    let mut counter = Counter::new(names(&[HERE, THERE]));
    let own = HEADER.replace("capulet", "montague");
    assert!(counter.say(&own).contains("invalid-from"));
    let mut counter = Counter::new(names(&[HERE, THERE]));
    counter.say(HEADER);
    let said = counter
        .say("<db:result from='montague.example' to='montague.example'>1e701f12</db:result>");
    assert!(said.contains("policy-violation"), "{said}");
    // Another domain after the proof.
    let mut counter = Counter::new(names(&[HERE]));
    counter.say(HEADER);
    counter.say(auth);
    assert!(
        counter
            .say(&HEADER.replace("capulet", "verona"))
            .contains("invalid-from")
    );
}

#[test]
fn an_authorization_identity_must_be_the_domain_of_the_stream() {
    for (identity, good) in [
        // base64.b64encode(b'capulet.example'), b'verona.example', b'juliet@capulet.example'
        ("Y2FwdWxldC5leGFtcGxl", true),
        ("dmVyb25hLmV4YW1wbGU=", false),
        ("anVsaWV0QGNhcHVsZXQuZXhhbXBsZQ==", false),
        ("*", false),
    ] {
        let mut counter = Counter::new(names(&[HERE, "verona.example"]));
        counter.say(HEADER);
        let said = counter.say(&format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>{identity}</auth>"
        ));
        assert_eq!(said.contains("<success"), good, "{identity}: {said}");
    }
}

#[test]
fn a_certificate_shows_further_domains_by_dialback_on_the_same_stream() {
    let mut counter = Counter::new(names(&[HERE, "rooms.capulet.example"]));
    counter.say(HEADER);
    let said = counter.say(
        "<db:result from='rooms.capulet.example' to='rooms.montague.example'>1e701f12</db:result>",
    );
    assert_eq!(
        said,
        "<db:result from='rooms.montague.example' to='rooms.capulet.example' type='valid'/>"
    );
    let said =
        counter.say("<db:result from='verona.example' to='montague.example'>1e701f12</db:result>");
    assert!(
        said.contains("type='error'") && said.contains("not-authorized"),
        "{said}"
    );
    let said =
        counter.say("<db:result from='capulet.example' to='verona.example'>1e701f12</db:result>");
    assert!(said.contains("item-not-found"), "{said}");
    assert_eq!(counter.words.len(), 1, "{:?}", counter.words);
    let guesses = "<db:result from='verona.example' to='montague.example'>1e701f12</db:result>";
    let said: String = (0..5).map(|_| counter.say(guesses)).collect();
    assert!(said.contains("policy-violation") && counter.acceptor.is_over());
}

#[test]
fn in_clear_there_is_nothing_but_tls_and_the_judging_of_keys() {
    let config = Arc::new(config(&[THERE]));
    let mut acceptor = Acceptor::new(config, None, [3; 32]);
    let mut reader = reader();
    let mut say = |text: &str| {
        reader.feed(text.as_bytes());
        let mut said = String::new();
        while let Some(frame) = reader.next().unwrap() {
            acceptor.handle(frame);
            while let Some(output) = acceptor.poll() {
                if let Output::Send(bytes) = output {
                    said.push_str(std::str::from_utf8(&bytes).unwrap());
                }
            }
        }
        said
    };
    let said = say(HEADER);
    assert!(
        said.contains("<required/>") && !said.contains("bidi"),
        "{said}"
    );
    let said = say("<db:result from='capulet.example' to='montague.example'>1e701f12</db:result>");
    assert!(said.contains("policy-violation"), "{said}");
    let said =
        say("<db:verify id='1' from='capulet.example' to='montague.example'>1e701f12</db:verify>");
    assert!(said.contains("type='invalid'"), "{said}");
    assert!(
        say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>")
            .contains("<failure")
    );
    assert!(
        say("<message from='a@capulet.example' to='b@montague.example'/>")
            .contains("not-authorized")
    );
}

#[test]
fn what_cannot_be_verified_is_told_with_the_reason() {
    let mut config = config(&[THERE]);
    config.dialback = true;
    let mut acceptor = Acceptor::new(Arc::new(config), Some(CertificateNames::default()), [3; 32]);
    let mut reader = reader();
    reader.feed(HEADER.as_bytes());
    reader.feed(b"<db:result from='capulet.example' to='montague.example'>1e701f12</db:result>");
    let mut asked = None;
    while let Some(frame) = reader.next().unwrap() {
        acceptor.handle(frame);
        while let Some(output) = acceptor.poll() {
            if let Output::Verify(verification) = output {
                asked = Some(verification);
            }
        }
    }
    let asked = asked.unwrap();
    acceptor.verified(&asked, Err(StanzaCondition::RemoteServerTimeout));
    let Some(Output::Send(said)) = acceptor.poll() else {
        panic!("nothing was said");
    };
    assert!(
        std::str::from_utf8(&said)
            .unwrap()
            .contains("remote-server-timeout")
    );
    assert!(!acceptor.is_authorized());
    // What was not asked is not believed.
    acceptor.verified(&asked, Ok(true));
    assert!(acceptor.poll().is_none() && !acceptor.is_authorized());
}

#[test]
fn frames_after_the_end_change_nothing() {
    let mut acceptor = Acceptor::new(Arc::new(config(&[THERE])), None, [3; 32]);
    acceptor.close(None, None);
    acceptor.handle(Frame::Element(Stanza::parse("<message/>").unwrap()));
    assert!(matches!(acceptor.poll(), Some(Output::Close)) && acceptor.poll().is_none());
}
