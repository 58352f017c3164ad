//! What a server, and through it anybody, sends to the client engine: as answers to all that it asks, and by itself. Whatever
//! comes, the client neither panics nor fails, shows what it shows, and opens again on what it has kept.

use std::sync::OnceLock;

use base::{BareJid, Moment, Now, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use client::storage::{Changes, Storage, Table};
use client::views::Window;
use client::{
    Client, Command, Input, MemoryStorage, Output, Security, Settings, TransportFacts,
    TransportKind,
};
use xmpp::sasl::{ChannelBindings, Token, TokenBinding, TokenResponse};
use xmpp::xml::{Frame, Framing, Kind, Reader, ReaderLimits, Stanza};

const NOW: Now = Now::new(
    Moment::from_micros(1_000_000),
    Timestamp::from_seconds(1_800_000_000),
);
const ACCOUNT: &str = "romeo@a.example";
const ROOM: &str = "room@rooms.a.example";
const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' version='1.0' id='s' from='a.example'>";
const FEATURES: &str = "<stream:features><authentication xmlns='urn:xmpp:sasl:2'>\
    <mechanism>SCRAM-SHA-256</mechanism><inline><fast xmlns='urn:xmpp:fast:0'>\
    <mechanism>HT-SHA-256-NONE</mechanism></fast><bind xmlns='urn:xmpp:bind:0'><inline/></bind>\
    <sm xmlns='urn:xmpp:sm:3'/></inline></authentication></stream:features>";

type Device = Client<MemoryStorage>;
type Dice = Box<dyn FnMut(&mut [u8])>;

fn numbers(seed: u64) -> impl FnMut(&mut [u8]) {
    let mut state = seed;
    move |bytes: &mut [u8]| {
        for byte in bytes {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (state >> 56) as u8;
        }
    }
}

/// The record of a token, so that no password must be stretched.
fn token() -> Vec<u8> {
    let mut record = vec![1, 5];
    record.extend_from_slice(b"token");
    record.push(15);
    record.extend_from_slice(b"HT-SHA-256-NONE");
    record.push(0);
    record
}

/// A client and the server's side of its connection.
struct Wire {
    client: Device,
    random: Dice,
    reader: Reader,
}

impl Wire {
    fn input(&mut self, bytes: impl Into<Bytes>) {
        let input = Input::Received(bytes.into());
        self.client
            .input(input, NOW, &mut self.random)
            .expect("the storage does not fail");
    }

    /// What the client has written since.
    fn written(&mut self) -> Vec<Stanza> {
        let mut all = Vec::new();
        while let Some(output) = self.client.output() {
            if let Output::Write(bytes) = output {
                self.reader.feed(&bytes);
                while let Some(frame) = self.reader.next().expect("the client writes XML") {
                    if let Frame::Element(element) = frame {
                        all.push(element);
                    }
                }
            }
        }
        all
    }

    fn tick(&mut self) {
        self.client
            .tick(NOW, &mut self.random)
            .expect("the storage does not fail");
    }
}

/// What a device has on its disk that was never online: making its keys takes longer than all that follows.
fn disk() -> MemoryStorage {
    static DISK: OnceLock<MemoryStorage> = OnceLock::new();
    let made = DISK.get_or_init(|| {
        let mut storage = MemoryStorage::new();
        let mut changes = Changes::new();
        changes.put(Table::State, *b"token", token());
        storage.commit(&changes).expect("a storage");
        let settings = Settings::new(BareJid::parse(ACCOUNT).expect("an address"), "fuzz");
        let mut random: Dice = Box::new(numbers(3));
        let mut client = Client::open(storage, settings, NOW, &mut random).expect("a client");
        let room = Command::Join {
            room: BareJid::parse(ROOM).expect("an address"),
            nick: Some("me".to_owned()),
        };
        client.command(room, NOW, &mut random).expect("a room");
        client.with_storage(MemoryStorage::clone)
    });
    made.clone()
}

/// A client that has just logged in.
fn logged_in() -> (Wire, Vec<Stanza>) {
    let settings = Settings::new(BareJid::parse(ACCOUNT).expect("an address"), "fuzz");
    let mut random: Dice = Box::new(numbers(1));
    let mut client = Client::open(disk(), settings, NOW, &mut random).expect("a client");
    client
        .command(Command::Connect, NOW, &mut random)
        .expect("a token");
    let facts = TransportFacts {
        kind: TransportKind::Tcp,
        security: Security::Plain,
        trusted_proxy: true,
    };
    client
        .input(Input::Connected(facts), NOW, &mut random)
        .expect("a connection");
    let mut wire = Wire {
        client,
        random,
        reader: Reader::new(Framing::Stream, ReaderLimits::default()),
    };
    wire.input(HEADER);
    wire.input(FEATURES);
    let written = wire.written();
    let authenticate = written.first().expect("it logs in");
    let tree = authenticate.tree();
    let response = tree
        .root()
        .children()
        .find(|child| child.name() == "initial-response");
    let response = STANDARD.decode(response.expect("a response").text().as_bytes());
    let response = TokenResponse::parse(&response.expect("base64")).expect("a response");
    let proof = response.check(
        &Token::new("token"),
        TokenBinding::None,
        &ChannelBindings::NONE,
    );
    let proof = STANDARD.encode(proof.expect("it knows the token"));
    wire.input(format!(
        "<success xmlns='urn:xmpp:sasl:2'><additional-data>{proof}</additional-data>\
         <authorization-identifier>{ACCOUNT}/fuzz</authorization-identifier>\
         <bound xmlns='urn:xmpp:bind:0'><enabled xmlns='urn:xmpp:sm:3' resume='true' id='sm'/></bound>\
         </success><stream:features/>"
    ));
    assert!(wire.client.is_online());
    let asked = wire.written();
    (wire, asked)
}

fn look(client: &Device) {
    for row in &client.conversations().rows {
        client
            .timeline(&row.id, Window::Latest(100))
            .expect("the storage does not fail");
        let _ = client.members(&row.id);
        client
            .who_can_read(&row.id, NOW.wall)
            .expect("the storage does not fail");
    }
    let _ = (client.contacts(), client.contact_requests());
}

/// See above.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (mut wire, mut asked) = logged_in();
    // What is asked because of an answer is answered the same way, a few times.
    for _ in 0..3 {
        for request in std::mem::take(&mut asked) {
            let is_request = matches!(request.type_().as_deref(), Some("get" | "set"));
            let (Kind::Iq, Some(id), true) = (request.kind(), request.id(), is_request) else {
                continue;
            };
            let from = request.to().map(|to| format!(" from='{to}'"));
            let answer = format!(
                "<iq type='result' id='{id}'{}>{text}</iq>",
                from.unwrap_or_default()
            );
            if Stanza::parse(&answer).is_ok() {
                wire.input(answer);
            }
        }
        wire.tick();
        asked.extend(wire.written());
    }
    for from in [
        ACCOUNT,
        "juliet@b.example/balcony",
        ROOM,
        "room@rooms.a.example/nurse",
    ] {
        for kind in ["chat", "groupchat", "headline", "error"] {
            let message = format!(
                "<message from='{from}' to='{ACCOUNT}' type='{kind}' id='m'>{text}</message>"
            );
            if Stanza::parse(&message).is_ok() {
                wire.input(message);
            }
        }
        let presence = format!("<presence from='{from}'>{text}</presence>");
        if Stanza::parse(&presence).is_ok() {
            wire.input(presence);
        }
        let push = format!("<iq type='set' id='p' from='{from}'>{text}</iq>");
        if Stanza::parse(&push).is_ok() {
            wire.input(push);
        }
    }
    wire.tick();
    look(&wire.client);
    wire.input(data.to_vec());
    wire.tick();
    wire.written();
    look(&wire.client);
    let storage = wire.client.with_storage(MemoryStorage::clone);
    let settings = Settings::new(BareJid::parse(ACCOUNT).expect("an address"), "fuzz");
    let again = Client::open(storage, settings, NOW, &mut numbers(2));
    look(&again.expect("what was kept can be read"));
}
