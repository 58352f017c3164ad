//! The accepting side of a client stream, from its first byte to a bound or resumed session.
//!
//! The caller reads bytes, hands frames to [`Negotiation::handle`], takes outputs from
//! [`Negotiation::poll`] until there is none, and answers the question among them, if there is one, before it
//! hands over the next frame. After [`Output::Established`] the stream is no longer ours.

mod bind;
mod config;
mod finish;
mod header;
mod login;
mod offer;
mod question;
mod register;
mod token;
mod upgrade;

use std::collections::VecDeque;
use std::sync::Arc;

use base::{BareJid, Jid};
use bytes::Bytes;

use crate::condition::{SaslCondition, StreamCondition};
use crate::ns;
use crate::sasl::{Mechanism, UnknownAccounts};
use crate::stream::{Security, Seed, TlsFacts, Transport, TransportKind};
use crate::xml::{Frame, Stanza, Writer, XmlError};

pub use config::{DirectoryOffer, Passwords, ServerConfig};
pub use question::{
    Answer, BindRequest, Candidate, Credential, Established, Output, Question, StoredToken,
};
pub use register::RegistrationOffer;

pub use crate::xep::bind2::{Inline, SmRequest};

use bind::Binding;
use finish::Finish;
use login::Login;
use register::{Asked, Register};

pub use bind::session_reply;

/// One stream being negotiated. See the module for how to drive it.
#[derive(Debug)]
pub struct Negotiation {
    config: Arc<ServerConfig>,
    transport: Transport,
    seed: Seed,
    out: VecDeque<Output>,
    state: State,
    /// Our header (or `<open/>`) is out for the present stream.
    opened: bool,
    /// `from` of the client's header.
    claimed: Option<Jid>,
    /// Who has logged in.
    account: Option<BareJid>,
    /// By what.
    credential: Credential,
    /// That was a password, shown on this stream.
    by_password: bool,
    /// Registration before login.
    register: Register,
    /// Of whom the stream is for, as far as it says.
    passwords: Passwords,
    failures: u8,
    /// Everything that was tried and refused besides logins, to bound it.
    refusals: u8,
}

/// What comes next.
#[derive(Debug)]
enum State {
    /// The client's header.
    Header,
    /// `answer` to [`Question::Passwords`]; then this header and the features go out.
    Offering(String),
    /// A choice among the features before login.
    Stranger,
    /// `tls_established`.
    StartTls,
    /// The client's next SASL message, or an answer for it.
    Login(Box<Login>),
    /// `answer` to [`Question::Failed`]; then the failure goes out.
    Failed(Profile, SaslCondition),
    /// SASL2 has proven who it is; what came inline is being done.
    Finish(Box<Finish>),
    /// Logged in: bind or resume.
    Known,
    /// `answer` to a bind or resumption outside of SASL2.
    Binding(Binding),
    /// `answer` to a question of registration.
    Register(Asked),
    /// Nothing more.
    Ended,
}

/// The two ways SASL travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Profile {
    /// RFC 6120 §6.
    Rfc6120,
    /// XEP-0388.
    Sasl2,
}

impl Profile {
    fn namespace(self) -> &'static str {
        match self {
            Profile::Rfc6120 => ns::SASL,
            Profile::Sasl2 => ns::SASL2,
        }
    }
}

impl Negotiation {
    /// A stream on an accepted transport. `random` must be fresh for every stream: stream ids, nonces,
    /// resources and tokens come from it.
    pub fn new(config: Arc<ServerConfig>, transport: Transport, random: [u8; 32]) -> Negotiation {
        Negotiation {
            config,
            transport,
            seed: Seed::new(random),
            out: VecDeque::new(),
            state: State::Header,
            opened: false,
            claimed: None,
            account: None,
            credential: Credential::Account,
            by_password: false,
            register: Register::default(),
            passwords: Passwords::Here,
            failures: 0,
            refusals: 0,
        }
    }

    /// The next thing to do; `None` when it is the peer's turn, or the outside's to answer.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Whether a question is open.
    pub fn awaits_answer(&self) -> bool {
        match &self.state {
            State::Login(login) => login.awaits_answer(),
            State::Finish(finish) => finish.awaits_answer(),
            State::Failed(..) | State::Binding(_) | State::Register(_) | State::Offering(_) => true,
            _ => false,
        }
    }

    /// Whether the negotiation has come to its end, by establishment or by closing.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Who has logged in.
    pub fn account(&self) -> Option<&BareJid> {
        self.account.as_ref()
    }

    /// What carries the stream, and how it is protected by now.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Takes what the peer sent. Must not be called while a question is open; a frame that comes then all the
    /// same ends the stream.
    pub fn handle(&mut self, frame: Frame) {
        if self.is_over() {
            return;
        }
        if self.awaits_answer() || matches!(self.state, State::StartTls) {
            return self.close(
                Some(StreamCondition::PolicyViolation),
                Some("Wait for the answer before you go on."),
            );
        }
        match frame {
            Frame::Open(header) if self.transport.kind == TransportKind::Tcp => {
                self.open_stream(&header)
            }
            Frame::Open(_) => self.close(Some(StreamCondition::InvalidXml), None),
            Frame::Close => self.close(None, None),
            Frame::Element(element) => match (element.name(), element.namespace()) {
                ("open", ns::FRAMING) if self.transport.kind == TransportKind::WebSocket => {
                    self.open_frame(&element)
                }
                ("close", ns::FRAMING) if self.transport.kind == TransportKind::WebSocket => {
                    self.close(None, None)
                }
                _ => self.element(&element),
            },
        }
    }

    fn element(&mut self, element: &Stanza) {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Header => {
                self.state = State::Header;
                self.close(
                    Some(StreamCondition::NotAuthorized),
                    Some("Open a stream first."),
                );
            }
            State::Stranger => {
                self.state = State::Stranger;
                self.stranger(element);
            }
            State::Login(login) => self.continue_login(*login, element),
            State::Finish(finish) => self.continue_finish(*finish, element),
            State::Known => {
                self.state = State::Known;
                self.known(element);
            }
            // `handle` lets nothing through in these states.
            state @ (State::StartTls
            | State::Failed(..)
            | State::Binding(_)
            | State::Register(_)
            | State::Offering(_)
            | State::Ended) => self.state = state,
        }
    }

    /// Takes the answer to the open question. Without an open question, or with an answer to another one, the
    /// stream ends with `internal-server-error`.
    pub fn answer(&mut self, answer: Answer) {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Login(login) if login.awaits_answer() => self.answer_login(*login, answer),
            State::Finish(finish) if finish.awaits_answer() => self.answer_finish(*finish, answer),
            State::Failed(profile, condition) => {
                let condition = match answer {
                    Answer::Refused(other) => other,
                    _ => condition,
                };
                self.send_failure(profile, condition);
            }
            State::Offering(header) => match answer {
                Answer::Passwords(passwords) => {
                    self.passwords = passwords;
                    self.welcome(header);
                }
                _ => self.confused(),
            },
            State::Binding(binding) => self.answer_binding(binding, answer),
            State::Register(asked) => self.answer_register(asked, answer),
            State::Ended => {}
            state => {
                self.state = state;
                self.confused();
            }
        }
    }

    /// An answer that fits no question: a fault of this program.
    fn confused(&mut self) {
        self.close(Some(StreamCondition::InternalServerError), None);
    }

    /// TLS is up after [`Output::StartTls`]: a new stream begins.
    pub fn tls_established(&mut self, facts: TlsFacts) {
        if matches!(self.state, State::StartTls) {
            self.transport.security = Security::Tls(facts);
            self.state = State::Header;
            self.opened = false;
            self.claimed = None;
        }
    }

    /// The reader found bad XML: closes the stream with the condition that belongs to it.
    pub fn fail(&mut self, error: XmlError) {
        self.close(Some(error.condition()), Some(&error.to_string()));
    }

    /// Closes the stream from our side: with an error, or (`None`) in peace. For time-outs
    /// (`connection-timeout`), shutdown (`system-shutdown`) and the like.
    pub fn close(&mut self, condition: Option<StreamCondition>, text: Option<&str>) {
        if self.is_over() {
            return;
        }
        if let State::Offering(header) = &mut self.state {
            let header = std::mem::take(header);
            self.send(header);
        }
        let kind = self.transport.kind;
        let mut bytes = String::new();
        if !self.opened && kind != TransportKind::Bosh {
            // An error can only be told on an open stream (RFC 6120 §4.9.1.1).
            if condition.is_some() {
                bytes = self.header_text(None);
            } else {
                self.state = State::Ended;
                self.out.push_back(Output::Close);
                return;
            }
        }
        if let Some(condition) = condition {
            if kind == TransportKind::WebSocket && !bytes.is_empty() {
                self.send(std::mem::take(&mut bytes));
            }
            bytes.push_str(&condition.to_xml(text, kind != TransportKind::Tcp));
        }
        match kind {
            TransportKind::Tcp => bytes.push_str("</stream:stream>"),
            TransportKind::WebSocket => {
                self.send(std::mem::take(&mut bytes));
                let mut writer = Writer::with_capacity(64);
                writer.leaf("close", ns::FRAMING);
                bytes = writer.finish();
            }
            TransportKind::Bosh => {}
        }
        self.send(bytes);
        self.state = State::Ended;
        self.out.push_back(Output::Close);
    }

    fn send(&mut self, text: String) {
        if !text.is_empty() {
            self.out.push_back(Output::Send(Bytes::from(text)));
        }
    }

    fn ask(&mut self, question: Question) {
        self.out.push_back(Output::Ask(question));
    }

    fn unknown_accounts(&self) -> UnknownAccounts {
        UnknownAccounts::new(self.config.secret.expose(), self.config.iterations)
    }

    /// Choices before login.
    fn stranger(&mut self, element: &Stanza) {
        match (element.name(), element.namespace()) {
            ("starttls", ns::TLS) => self.start_tls(),
            ("auth", ns::SASL) => self.start_login(Profile::Rfc6120, element),
            ("authenticate", ns::SASL2) if self.config.sasl2 => {
                self.start_login(Profile::Sasl2, element)
            }
            ("iq", ns::CLIENT) if self.offers_registration() => self.stranger_iq(element),
            _ => self.close(Some(StreamCondition::NotAuthorized), Some("Log in first.")),
        }
    }

    fn start_tls(&mut self) {
        let mut writer = Writer::with_capacity(96);
        if self.offers_starttls() {
            writer.leaf("proceed", ns::TLS);
            self.send(writer.finish());
            self.out.push_back(Output::StartTls);
            self.state = State::StartTls;
        } else {
            writer.leaf("failure", ns::TLS);
            self.send(writer.finish());
            self.close(None, None);
        }
    }

    /// A login fails. Guesses are told to the outside first, which may take its time.
    fn fail_login(
        &mut self,
        profile: Profile,
        condition: SaslCondition,
        account: Option<BareJid>,
        mechanism: Option<Mechanism>,
    ) {
        use SaslCondition as C;
        self.failures = self.failures.saturating_add(1);
        let guess = matches!(
            condition,
            C::NotAuthorized | C::InvalidAuthzid | C::AccountDisabled | C::CredentialsExpired
        );
        if guess {
            self.ask(Question::Failed { account, mechanism });
            self.state = State::Failed(profile, condition);
        } else {
            self.send_failure(profile, condition);
        }
    }

    fn send_failure(&mut self, profile: Profile, condition: SaslCondition) {
        self.send(condition.to_xml(profile.namespace(), None));
        self.state = State::Stranger;
        if self.failures >= self.config.attempts.max(1) {
            self.close(
                Some(StreamCondition::PolicyViolation),
                Some("Too many failed logins."),
            );
        }
    }

    /// Counts what is refused after login; says whether it was once too often (then the stream is closed).
    fn refused_too_often(&mut self) -> bool {
        self.refusals = self.refusals.saturating_add(1);
        let often = self.refusals > 10;
        if often {
            self.close(
                Some(StreamCondition::PolicyViolation),
                Some("Too many refused requests."),
            );
        }
        often
    }
}
