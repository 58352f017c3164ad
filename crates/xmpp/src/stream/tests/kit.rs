//! A house with accounts, and a line between a client and its server.

use std::collections::HashMap;
use std::sync::Arc;

use base::{BareJid, Timestamp};

use crate::condition::{SaslCondition, StanzaCondition};
use crate::sasl::{ChannelBindings, Mechanism, Password, ScramHash, ScramKeys};
use crate::sm::SmElement;
use crate::stream::client::{
    Action, Bound, ClientConfig, ClientError, Handshake, Progress, TlsPolicy,
};
use crate::stream::server::{
    Answer, BindRequest, Candidate, Credential, Established, Negotiation, Output, Passwords,
    Question, ServerConfig, StoredToken,
};
use crate::stream::{Security, TlsFacts, TlsVersion, Transport, TransportKind};
use crate::xml::{Framing, Reader, ReaderLimits};

pub(super) const DOMAIN: &str = "example.org";

pub(super) fn romeo() -> BareJid {
    BareJid::parse("romeo@example.org").unwrap()
}

/// One issued token: device, what is kept, and whether it was used already.
pub(super) struct KeptToken {
    pub(super) client: String,
    pub(super) stored: StoredToken,
}

/// What the outside of the negotiation knows.
#[derive(Default)]
pub(super) struct House {
    pub(super) accounts: HashMap<BareJid, Vec<ScramKeys>>,
    pub(super) app_keys: Vec<(i64, ScramKeys)>,
    /// Passwords of people whom a directory keeps.
    pub(super) directory: HashMap<BareJid, &'static str>,
    pub(super) tokens: Vec<KeptToken>,
    pub(super) sessions: HashMap<String, u32>,
    pub(super) failed: Vec<Option<BareJid>>,
    pub(super) bound: Vec<BindRequest>,
    pub(super) refuse_bind: bool,
    pub(super) rotate: bool,
    pub(super) issued: u64,
    pub(super) registered: Vec<(String, String, Option<String>)>,
}

impl House {
    pub(super) fn with_romeo(hashes: &[ScramHash]) -> House {
        let keys = |hash| {
            ScramKeys::derive(&Password::new("r0m30"), b"sixteen bytes...", 4096, hash).unwrap()
        };
        let mut house = House::default();
        house
            .accounts
            .insert(romeo(), hashes.iter().copied().map(keys).collect());
        house
    }

    pub(super) fn answer(&mut self, question: Question) -> Answer {
        match question {
            Question::Passwords { account } => {
                Answer::Passwords(if self.accounts.contains_key(&account) {
                    Passwords::Here
                } else {
                    Passwords::Elsewhere
                })
            }
            Question::Keys { account, hash } => {
                let keys = self.accounts.get(&account);
                let keys = keys.into_iter().flatten().filter(|keys| keys.hash == hash);
                let app = self.app_keys.iter().filter(|(_, keys)| keys.hash == hash);
                let app = app.map(|(number, keys)| Candidate {
                    credential: Credential::App(*number),
                    keys: keys.clone(),
                });
                Answer::Keys(keys.cloned().map(Candidate::own).chain(app).collect())
            }
            Question::Password { account, password } => {
                let known = self.directory.get(&account);
                let keys = self.accounts.get(&account);
                match known.is_some_and(|known| *known == password.expose())
                    || keys.is_some_and(|keys| keys[0].verify(&password))
                {
                    true => Answer::Admitted(Credential::Account),
                    false => Answer::Refused(SaslCondition::NotAuthorized),
                }
            }
            Question::Certificate { account } => match self.accounts.contains_key(&account) {
                true => Answer::Accepted,
                false => Answer::Refused(SaslCondition::NotAuthorized),
            },
            Question::Tokens { client, .. } => {
                let own = self.tokens.iter().filter(|kept| kept.client == client);
                Answer::Tokens(own.map(|kept| kept.stored.clone()).collect())
            }
            Question::TokenUsed {
                token,
                count,
                invalidate,
                ..
            } => {
                self.tokens
                    .retain(|kept| kept.stored.id != token || !invalidate);
                for kept in self
                    .tokens
                    .iter_mut()
                    .filter(|kept| kept.stored.id == token)
                {
                    kept.stored.count = count.or(kept.stored.count);
                }
                Answer::Accepted
            }
            Question::IssueToken {
                client,
                mechanism,
                seed,
                ..
            } => {
                self.issued += 1;
                let id = self.issued;
                let stored = StoredToken {
                    id,
                    seed,
                    mechanism,
                    expired: false,
                    rotate: self.rotate,
                    count: None,
                    credential: Credential::Account,
                };
                self.tokens.push(KeptToken {
                    client: client.id.unwrap(),
                    stored,
                });
                Answer::TokenIssued {
                    expiry: Timestamp::from_seconds(2_000_000_000),
                }
            }
            Question::Hashes { account } => Answer::Hashes(
                self.accounts[&account]
                    .iter()
                    .map(|keys| keys.hash)
                    .collect(),
            ),
            Question::StoreKeys { account, keys } => {
                self.accounts.get_mut(&account).unwrap().push(keys);
                Answer::Accepted
            }
            Question::Bind(request) => {
                if self.refuse_bind {
                    return Answer::BindRefused(StanzaCondition::ResourceConstraint.into());
                }
                let mut inline = String::new();
                if let Some(sm) = request.enable.stream_management {
                    let id = Some("sm-1".to_owned());
                    inline = SmElement::Enabled {
                        id,
                        resume: sm.resume,
                        max: None,
                        location: None,
                    }
                    .to_xml();
                    self.sessions.insert("sm-1".into(), 0);
                }
                let jid = request.jid.clone();
                self.bound.push(request);
                Answer::Bound { jid, inline }
            }
            Question::Resume { previous, .. } => match self.sessions.get(&previous) {
                Some(h) => Answer::Resumed { h: *h },
                None => Answer::ResumeFailed {
                    h: None,
                    condition: StanzaCondition::ItemNotFound,
                },
            },
            Question::Invitation { token } => Answer::Invited(match &*token {
                "free" => Ok(None),
                "for-benvolio" => Ok(Some("benvolio".into())),
                _ => Err(StanzaCondition::ItemNotFound.into()),
            }),
            Question::Register {
                username,
                password,
                token,
            } => {
                if username == "romeo" {
                    return Answer::Registered(Err(StanzaCondition::Conflict.into()));
                }
                self.registered
                    .push((username, password.expose().to_owned(), token));
                Answer::Registered(Ok(()))
            }
            Question::Failed { account, .. } => {
                self.failed.push(account);
                Answer::Accepted
            }
        }
    }
}

pub(super) fn bindings() -> ChannelBindings {
    ChannelBindings {
        exporter: Some([5; 32]),
        server_end_point: Some(vec![6; 32]),
    }
}

pub(super) fn tls(bindings: ChannelBindings) -> TlsFacts {
    TlsFacts {
        version: TlsVersion::V1_3,
        bindings,
        client_addresses: Vec::new(),
    }
}

pub(super) fn server_config() -> ServerConfig {
    ServerConfig {
        plain: true,
        iterations: 4096,
        features_post_auth: vec!["<ver xmlns='urn:xmpp:features:rosterver'/>".into()],
        features_pre_auth: vec![
            "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>10000</max-bytes></limits>".into(),
        ],
        ..ServerConfig::new(DOMAIN, [9; 32])
    }
}

pub(super) fn client_config(password: &str) -> ClientConfig {
    ClientConfig::new(romeo(), Password::new(password))
}

pub(super) fn with_mechanism(mechanism: Mechanism) -> ClientConfig {
    ClientConfig {
        mechanisms: vec![mechanism],
        ..client_config("r0m30")
    }
}

/// A connection; each end has its own view of TLS.
pub(super) struct Line {
    pub(super) kind: TransportKind,
    /// TLS from the first byte.
    pub(super) direct: bool,
    pub(super) server_tls: TlsFacts,
    pub(super) client_tls: TlsFacts,
    /// Bytes come in pieces of this size.
    pub(super) piece: usize,
    /// Somebody in between changes what the server says.
    pub(super) tamper: fn(String) -> String,
    pub(super) seed: u8,
}

/// How a connection ended.
pub(super) struct Outcome {
    pub(super) client: Result<Bound, ClientError>,
    pub(super) server: Option<Established>,
    /// All that the server said.
    pub(super) said: String,
}

impl Line {
    pub(super) fn new(kind: TransportKind) -> Line {
        let facts = tls(bindings());
        Line {
            kind,
            direct: kind != TransportKind::Tcp,
            server_tls: facts.clone(),
            client_tls: facts,
            piece: usize::MAX,
            tamper: |text| text,
            seed: 1,
        }
    }

    fn reader(&self) -> Reader {
        let framing = if self.kind == TransportKind::Tcp {
            Framing::Stream
        } else {
            Framing::Frames
        };
        Reader::new(framing, ReaderLimits::default())
    }

    fn transport(&self, facts: &TlsFacts) -> Transport {
        let security = if self.direct {
            Security::Tls(facts.clone())
        } else {
            Security::Plain
        };
        Transport {
            kind: self.kind,
            security,
            trusted_proxy: false,
        }
    }

    pub(super) fn run(
        &self,
        config: ServerConfig,
        house: &mut House,
        client: ClientConfig,
    ) -> Outcome {
        let mut server = Negotiation::new(
            Arc::new(config),
            self.transport(&self.server_tls),
            [self.seed; 32],
        );
        let (step, first) = Handshake::start(
            Arc::new(client),
            self.transport(&self.client_tls),
            [self.seed + 100; 32],
        );
        let mut step = Some(step);
        let (mut server_reader, mut client_reader) = (self.reader(), self.reader());
        let (mut to_server, mut to_client) = (first.to_vec(), Vec::new());
        let mut outcome = Outcome {
            client: Err(ClientError::Closed),
            server: None,
            said: String::new(),
        };
        if self.kind == TransportKind::Bosh {
            server.bosh_start(Some(DOMAIN), None);
        }
        let mut wait_for_tls = false;
        for _ in 0..200 {
            for piece in to_server.chunks(self.piece.min(to_server.len().max(1))) {
                server_reader.feed(piece);
                while !server.is_over() && !wait_for_tls {
                    let frame = match server_reader.next() {
                        Ok(Some(frame)) => frame,
                        Ok(None) => break,
                        Err(error) => {
                            server.fail(error);
                            break;
                        }
                    };
                    server.handle(frame);
                    wait_for_tls |= pump(
                        &mut server,
                        &mut server_reader,
                        house,
                        &mut to_client,
                        &mut outcome,
                    );
                }
            }
            to_server.clear();
            pump(
                &mut server,
                &mut server_reader,
                house,
                &mut to_client,
                &mut outcome,
            );
            let said = String::from_utf8(std::mem::take(&mut to_client)).unwrap();
            outcome.said.push_str(&said);
            let said = (self.tamper)(said);
            let mut arrived = false;
            for piece in said.as_bytes().chunks(self.piece.min(said.len().max(1))) {
                client_reader.feed(piece);
                while let Some(frame) = client_reader.next().unwrap() {
                    let Some(now) = step.take() else { break };
                    match now.handle(&frame) {
                        Err(error) => {
                            outcome.client = Err(error);
                            return outcome;
                        }
                        Ok(Progress::Done(bound)) => {
                            outcome.client = Ok(*bound);
                            arrived = true;
                        }
                        Ok(Progress::Next {
                            handshake,
                            send,
                            action,
                        }) => {
                            step = Some(handshake);
                            match action {
                                None => {}
                                Some(Action::RestartStream) => {
                                    client_reader.restart();
                                    if self.kind == TransportKind::Bosh {
                                        server.bosh_start(Some(DOMAIN), None);
                                    }
                                }
                                Some(Action::StartTls) => {
                                    client_reader = self.reader();
                                    server_reader = self.reader();
                                    server.tls_established(self.server_tls.clone());
                                    wait_for_tls = false;
                                    let (next, bytes) = step
                                        .take()
                                        .unwrap()
                                        .tls_established(self.client_tls.clone())
                                        .unwrap();
                                    step = Some(next);
                                    to_server.extend_from_slice(&bytes);
                                }
                            }
                            to_server.extend_from_slice(&send);
                        }
                    }
                }
            }
            let idle = said.is_empty() && to_server.is_empty() && self.kind != TransportKind::Bosh;
            if arrived || idle || (step.is_none() && server.is_over()) {
                break;
            }
            // After a legacy bind the stream is the session's: here it only enables stream management.
            if outcome.server.is_some() && outcome.client.is_err() {
                let asked = String::from_utf8_lossy(&to_server).into_owned();
                if asked.contains("<enable") {
                    to_server.clear();
                    let id = Some("sm-2".to_owned());
                    let enabled = SmElement::Enabled {
                        id,
                        resume: true,
                        max: None,
                        location: None,
                    };
                    to_client.extend_from_slice(enabled.to_xml().as_bytes());
                }
            }
        }
        outcome
    }

    pub(super) fn well(&self, house: &mut House, client: ClientConfig) -> (Bound, Established) {
        let outcome = self.run(server_config(), house, client);
        let server = outcome
            .server
            .unwrap_or_else(|| panic!("not established: {}", outcome.said));
        (
            outcome
                .client
                .unwrap_or_else(|error| panic!("{error}: {}", outcome.said)),
            server,
        )
    }

    pub(super) fn fails(&self, house: &mut House, client: ClientConfig) -> ClientError {
        let outcome = self.run(server_config(), house, client);
        assert_eq!(outcome.server, None);
        outcome.client.unwrap_err()
    }
}

/// Drains the server; says whether it now waits for TLS.
pub(super) fn pump(
    server: &mut Negotiation,
    reader: &mut Reader,
    house: &mut House,
    out: &mut Vec<u8>,
    outcome: &mut Outcome,
) -> bool {
    let mut tls = false;
    while let Some(output) = server.poll() {
        match output {
            Output::Send(bytes) => out.extend_from_slice(&bytes),
            Output::Ask(question) => {
                assert!(server.awaits_answer());
                server.answer(house.answer(question));
            }
            Output::RestartStream => reader.restart(),
            Output::StartTls => tls = true,
            Output::Authenticated { account } => assert_eq!(Some(&account), server.account()),
            Output::Established(established) => outcome.server = Some(established),
            Output::Close => {}
        }
    }
    tls
}

/// A server on its own, to be talked to by hand.
pub(super) struct Counter {
    pub(super) server: Negotiation,
    pub(super) house: House,
    reader: Reader,
    outcome: Outcome,
}

impl Counter {
    pub(super) fn new(config: ServerConfig, transport: Transport) -> Counter {
        let framing = if transport.kind == TransportKind::Tcp {
            Framing::Stream
        } else {
            Framing::Frames
        };
        Counter {
            server: Negotiation::new(Arc::new(config), transport, [3; 32]),
            house: House::with_romeo(&ScramHash::ALL),
            reader: Reader::new(framing, ReaderLimits::default()),
            outcome: Outcome {
                client: Err(ClientError::Closed),
                server: None,
                said: String::new(),
            },
        }
    }

    /// Over TCP and TLS, with the stream open.
    pub(super) fn open() -> Counter {
        let mut counter = Counter::closed();
        counter.say(HEADER);
        counter
    }

    /// Over TCP and TLS.
    pub(super) fn closed() -> Counter {
        Counter::over_tls(server_config())
    }

    /// The same with other offers.
    pub(super) fn over_tls(config: ServerConfig) -> Counter {
        let security = Security::Tls(tls(bindings()));
        Counter::new(
            config,
            Transport {
                kind: TransportKind::Tcp,
                security,
                trusted_proxy: false,
            },
        )
    }

    /// Says something; gives what the server says to it.
    pub(super) fn say(&mut self, text: &str) -> String {
        let mut out = Vec::new();
        self.reader.feed(text.as_bytes());
        while !self.server.is_over() {
            match self.reader.next() {
                Ok(Some(frame)) => self.server.handle(frame),
                Ok(None) => break,
                Err(error) => self.server.fail(error),
            }
            pump(
                &mut self.server,
                &mut self.reader,
                &mut self.house,
                &mut out,
                &mut self.outcome,
            );
        }
        pump(
            &mut self.server,
            &mut self.reader,
            &mut self.house,
            &mut out,
            &mut self.outcome,
        );
        String::from_utf8(out).unwrap()
    }

    pub(super) fn established(&self) -> Option<&Established> {
        self.outcome.server.as_ref()
    }
}

pub(super) const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
     to='example.org' version='1.0'>";

/// The policy that lets a client use a connection in clear.
pub(super) fn in_clear(client: ClientConfig) -> ClientConfig {
    ClientConfig {
        tls: TlsPolicy::Never,
        ..client
    }
}
