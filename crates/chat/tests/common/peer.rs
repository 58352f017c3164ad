//! Another server, or a component, driven by hand.

use crate::common::{House, Who};
use base::Redacted;
use chat::{ChatConfig, Dial, DialError, Output, PeerConnection};
use futures_util::FutureExt;
use std::net::{IpAddr, Ipv4Addr};
use std::task::{Context, Waker};
use std::time::Duration;
use xmpp::stream::CertificateNames;
use xmpp::stream::federation::Peers;
use xmpp::xml::{Frame, Framing, Reader, ReaderLimits, Stanza};

pub(crate) const MANTUA: &str = "mantua.example";
pub(crate) const STREAM: &str = "xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' \
     xmlns:db='jabber:server:dialback'";

pub(crate) fn open(config: &mut ChatConfig) {
    config.federation.enabled = true;
    config.federation.peers = Peers {
        open: true,
        allow: Vec::new(),
        block: vec!["bad.example".to_owned()],
    };
    config.federation.components =
        [("gateway.example".into(), Redacted::new("hush".to_owned()))].into();
}

pub(crate) fn house() -> House {
    House::with(&["juliet", "nurse"], open)
}

pub(crate) fn names() -> CertificateNames {
    CertificateNames {
        dns: vec![MANTUA.to_owned(), format!("*.{MANTUA}")],
        ..CertificateNames::default()
    }
}

/// The other end of a connection.
pub(crate) struct Peer {
    pub(crate) connection: Option<PeerConnection>,
    pub(crate) reader: Reader,
    pub(crate) closed: bool,
    pub(crate) heard: Vec<Stanza>,
}

impl Peer {
    pub(crate) fn of(connection: PeerConnection) -> Self {
        Self {
            connection: Some(connection),
            reader: Reader::new(Framing::Stream, ReaderLimits::default()),
            closed: false,
            heard: Vec::new(),
        }
    }

    /// A server of `MANTUA` connects, shows its certificate, and may speak. Streams go both ways with `bidi`.
    pub(crate) fn comes(house: &mut House, bidi: bool) -> Self {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let connection =
            PeerConnection::accepted(&house.chat, Some(names()), address, [5; 32], house.now());
        let mut peer = Self::of(connection);
        let header =
            format!("<stream:stream {STREAM} from='{MANTUA}' to='example.org' version='1.0'>");
        peer.say(house, &header);
        if bidi {
            peer.say(house, "<bidi xmlns='urn:xmpp:bidi'/>");
        }
        let said = peer.say(
            house,
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>",
        );
        assert_eq!(
            said.last()
                .map(|element| element.name().to_owned())
                .as_deref(),
            Some("success")
        );
        peer.reader.restart();
        peer.say(house, &header);
        peer
    }

    /// The server of `MANTUA` is connected to, and believes the house. It counts stanzas with `counts`.
    pub(crate) fn is_met(house: &mut House, dial: Dial, counts: bool) -> Self {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let connection =
            PeerConnection::connected(&house.chat, dial, Some(names()), address, house.now());
        let mut peer = Self::of(connection);
        let sm = if counts {
            "<sm xmlns='urn:xmpp:sm:3'/>"
        } else {
            ""
        };
        let header = format!(
            "<stream:stream {STREAM} from='{MANTUA}' to='example.org' id='s1' version='1.0'><stream:features>"
        );
        let said = peer.say(
            house,
            &format!(
                "{header}<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism>\
                 </mechanisms></stream:features>"
            ),
        );
        assert_eq!(said[0].name(), "auth");
        peer.reader.restart();
        peer.say(house, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
        let said = peer.say(house, &format!("{header}{sm}</stream:features>"));
        if counts {
            assert_eq!(said[0].name(), "enable");
        } else {
            peer.heard = said;
        }
        peer
    }

    /// Says something, and gives what comes back.
    pub(crate) fn say(&mut self, house: &mut House, text: &str) -> Vec<Stanza> {
        let now = house.now();
        if let Some(connection) = &mut self.connection {
            connection.receive(text.as_bytes(), now);
        }
        self.hear(house)
    }

    /// What has come.
    pub(crate) fn hear(&mut self, house: &mut House) -> Vec<Stanza> {
        let now = house.now();
        let mut heard = std::mem::take(&mut self.heard);
        let Some(connection) = &mut self.connection else {
            return heard;
        };
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..10 {
            house.settle();
            let _ = connection.poll(&mut context, now);
            while let Some(output) = connection.next_output() {
                match output {
                    Output::Send(bytes) => self.reader.feed(&bytes),
                    Output::Close => self.closed = true,
                    Output::StartTls => unreachable!("TLS is there"),
                }
            }
        }
        while let Some(frame) = self.reader.next().expect("well-formed XML") {
            if let Frame::Element(element) = frame
                && element.name() != "features"
            {
                heard.push(element);
            }
        }
        house.settle();
        heard
    }

    /// The socket is gone.
    pub(crate) fn cut(&mut self, house: &mut House) {
        let now = house.now();
        if let Some(connection) = self.connection.take() {
            connection
                .cut(now)
                .now_or_never()
                .expect("the store answers at once");
        }
    }
}

/// The next connection that the house wants.
pub(crate) fn dial(house: &House) -> Dial {
    wanted(house).expect("a connection is wanted")
}

/// A connection does not come about.
pub(crate) fn fails(house: &mut House, error: &DialError) {
    let now = house.now();
    dial(house).failed(error, now);
    house.settle();
}

pub(crate) fn wanted(house: &House) -> Option<Dial> {
    house.chat.next_dial().now_or_never()
}

pub(crate) fn texts(stanzas: &[Stanza]) -> Vec<String> {
    stanzas
        .iter()
        .map(|stanza| match stanza.inner() {
            "" => crate::common::short(stanza),
            inner => inner.to_owned(),
        })
        .collect()
}

pub(crate) fn write(house: &mut House, who: Who, to: &str, text: &str) {
    house.send(
        who,
        &format!("<message to='{to}' type='chat' id='{text}'><body>{text}</body></message>"),
    );
}

/// Lets time pass, and the chores be done.
pub(crate) fn pass(house: &mut House, duration: Duration) {
    house.pass(duration);
    let now = house.now();
    house.chat.tick(now).now_or_never().expect("nothing waits");
}
