//! Proving who one is, in either profile.

use base::BareJid;
use zeroize::Zeroizing;

use super::finish::Finish;
use super::{
    Answer, Candidate, Credential, Negotiation, Output, Profile, Question, State, StoredToken,
};
use crate::condition::{SaslCondition, StreamCondition};
use crate::ns;
use crate::sasl::scram::{ServerFirst, ServerProof};
use crate::sasl::{
    Mechanism, Plain, SaslError, TokenResponse, advertised_hash, authorization, decode, encode,
};
use crate::stream::Security;
use crate::xep::sasl2::Authenticate;
use crate::xml::{Stanza, Writer};

/// One attempt.
#[derive(Debug)]
pub(super) struct Login {
    pub(super) profile: Profile,
    pub(super) mechanism: Mechanism,
    pub(super) step: Step,
    /// The account that was named, once it was.
    pub(super) account: Option<BareJid>,
    /// What lets in, once that is known.
    pub(super) credential: Credential,
    /// What came along; empty in RFC 6120's profile.
    pub(super) request: Authenticate,
}

/// Where the attempt stands.
pub(super) enum Step {
    /// The client's first message comes (it sent none with its choice).
    Initial,
    /// The keys are asked for.
    Keys(ServerFirst),
    /// The client's proof comes; it is of one of these.
    Proof(ServerProof, Vec<Credential>),
    /// The outside judges.
    Verdict,
    /// The tokens are asked for.
    Tokens(TokenResponse),
    /// The use of this token is being noted; then this closing message proves that we know it too.
    TokenUsed(StoredToken, Vec<u8>),
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Step::Initial => "Initial",
            Step::Keys(_) => "Keys",
            Step::Proof(..) => "Proof",
            Step::Verdict => "Verdict",
            Step::Tokens(_) => "Tokens",
            Step::TokenUsed(..) => "TokenUsed",
        })
    }
}

impl Login {
    pub(super) fn awaits_answer(&self) -> bool {
        !matches!(self.step, Step::Initial | Step::Proof(..))
    }
}

impl From<SaslError> for SaslCondition {
    fn from(error: SaslError) -> SaslCondition {
        match error {
            SaslError::Malformed => SaslCondition::MalformedRequest,
            SaslError::IncorrectEncoding => SaslCondition::IncorrectEncoding,
            SaslError::NotAuthorized => SaslCondition::NotAuthorized,
            SaslError::InvalidAuthorization => SaslCondition::InvalidAuthzid,
        }
    }
}

/// Reads a SASL message out of RFC 6120's elements: `=` stands for an empty one, nothing for none.
fn message(element: &Stanza) -> Result<Option<Vec<u8>>, SaslError> {
    match element.inner().trim_ascii() {
        "" => Ok(None),
        "=" => Ok(Some(Vec::new())),
        // Base64 has no character that XML must escape, so the source is the text.
        text => decode(text).map(Some),
    }
}

impl Negotiation {
    /// `<auth/>` or `<authenticate/>`.
    pub(super) fn start_login(&mut self, profile: Profile, element: &Stanza) {
        let read = match profile {
            Profile::Sasl2 => Authenticate::read(element),
            Profile::Rfc6120 => message(element).and_then(|initial_response| {
                let tree = element.tree();
                let mechanism = tree
                    .root()
                    .attr("mechanism")
                    .ok_or(SaslError::Malformed)?
                    .to_owned();
                Ok(Authenticate {
                    mechanism,
                    initial_response,
                    ..Authenticate::default()
                })
            }),
        };
        let mut request = match read {
            Ok(request) => request,
            Err(error) => return self.fail_login(profile, error.into(), None, None),
        };
        if !self.may_log_in() {
            return self.fail_login(profile, SaslCondition::EncryptionRequired, None, None);
        }
        let token_allowed = request.fast.is_some() && request.agent.id.is_some();
        let mechanism = match request.mechanism.parse::<Mechanism>() {
            // Tokens are offered in XEP-0388's profile only.
            Ok(Mechanism::Token(_)) if profile != Profile::Sasl2 => {
                return self.fail_login(profile, SaslCondition::InvalidMechanism, None, None);
            }
            Ok(mechanism) if self.offers(mechanism) => mechanism,
            _ => return self.fail_login(profile, SaslCondition::InvalidMechanism, None, None),
        };
        if matches!(mechanism, Mechanism::Token(_)) && !token_allowed {
            return self.fail_login(
                profile,
                SaslCondition::MalformedRequest,
                None,
                Some(mechanism),
            );
        }
        let initial = request.initial_response.take();
        let login = Login {
            profile,
            mechanism,
            step: Step::Initial,
            account: None,
            credential: Credential::Account,
            request,
        };
        match initial {
            // It may hold a password.
            Some(message) => self.first_message(login, &Zeroizing::new(message)),
            None => {
                self.send_challenge(profile, b"");
                self.state = State::Login(Box::new(login));
            }
        }
    }

    fn send_challenge(&mut self, profile: Profile, data: &[u8]) {
        let mut writer = Writer::with_capacity(320);
        writer.leaf_text("challenge", Some(profile.namespace()), &encode(data));
        self.send(writer.finish());
    }

    /// `<response/>` or `<abort/>`; nothing else may come (XEP-0388 §2.4).
    pub(super) fn continue_login(&mut self, login: Login, element: &Stanza) {
        if element.namespace() != login.profile.namespace() {
            return self.interrupted(login);
        }
        match element.name() {
            "abort" => {
                self.fail_login(
                    login.profile,
                    SaslCondition::Aborted,
                    login.account,
                    Some(login.mechanism),
                );
            }
            "response" => match message(element) {
                Ok(message) => {
                    self.next_message(login, &Zeroizing::new(message.unwrap_or_default()));
                }
                Err(error) => self.fail_with(login, error),
            },
            _ => self.interrupted(login),
        }
    }

    fn interrupted(&mut self, login: Login) {
        self.state = State::Login(Box::new(login));
        self.close(
            Some(StreamCondition::NotAuthorized),
            Some("Finish or abort the login first."),
        );
    }

    fn fail_with(&mut self, login: Login, error: impl Into<SaslCondition>) {
        self.fail_login(
            login.profile,
            error.into(),
            login.account,
            Some(login.mechanism),
        );
    }

    fn next_message(&mut self, mut login: Login, message: &[u8]) {
        match std::mem::replace(&mut login.step, Step::Initial) {
            Step::Initial => self.first_message(login, message),
            Step::Proof(proof, credentials) => match proof.check(message) {
                Ok((closing, place)) => {
                    login.credential = credentials.get(place).copied().unwrap_or_default();
                    self.proven(login, Some(closing.into_bytes()));
                }
                Err(error) => self.fail_with(login, error),
            },
            step => {
                login.step = step;
                self.interrupted(login);
            }
        }
    }

    fn first_message(&mut self, mut login: Login, message: &[u8]) {
        let started = match login.mechanism {
            Mechanism::Scram { plus, hash } => ServerFirst::read(
                message,
                hash,
                plus,
                self.offers_plus(),
                self.transport.bindings(),
            )
            .and_then(|first| self.start_scram(&mut login, first)),
            Mechanism::Plain => {
                Plain::parse(message).and_then(|plain| self.start_plain(&mut login, plain))
            }
            Mechanism::External => {
                authorization(message).and_then(|name| self.start_external(&mut login, name))
            }
            Mechanism::Token(_) => TokenResponse::parse(message)
                .and_then(|response| self.start_token(&mut login, response)),
        };
        match started {
            Ok(()) => self.state = State::Login(Box::new(login)),
            Err(error) => self.fail_with(login, error),
        }
    }

    /// The account of a simple user name; `None` when no account can have it. The whole address is taken too,
    /// since some clients send it.
    pub(super) fn account_of(&self, username: &str) -> Option<BareJid> {
        let local = match username.rsplit_once('@') {
            Some((local, domain)) if domain == self.config.domain => local,
            _ => username,
        };
        BareJid::new(Some(local), &self.config.domain).ok()
    }

    /// An authorization identity must be the account itself, and the one the stream was opened for.
    fn check_authorization(
        &self,
        wanted: Option<&str>,
        account: Option<&BareJid>,
    ) -> Result<(), SaslError> {
        let Some(wanted) = wanted else { return Ok(()) };
        let wanted = BareJid::parse(wanted).map_err(|_| SaslError::InvalidAuthorization)?;
        let claimed = self
            .claimed
            .as_ref()
            .filter(|claimed| claimed.local().is_some());
        let fits =
            account == Some(&wanted) && claimed.is_none_or(|claimed| claimed.bare() == wanted);
        if fits {
            Ok(())
        } else {
            Err(SaslError::InvalidAuthorization)
        }
    }

    fn start_scram(&mut self, login: &mut Login, first: ServerFirst) -> Result<(), SaslError> {
        login.account = self.account_of(&first.username);
        self.check_authorization(first.authorization.as_deref(), login.account.as_ref())?;
        match login.account.clone() {
            Some(account) => {
                self.ask(Question::Keys {
                    account,
                    hash: first.hash(),
                });
                login.step = Step::Keys(first);
            }
            // A name that no account can have is answered like one that no account has.
            None => {
                let keys = self.unknown_accounts().keys(&first.username, first.hash());
                login.step = self.challenge(login.profile, first, vec![Candidate::own(keys)]);
            }
        }
        Ok(())
    }

    fn challenge(
        &mut self,
        profile: Profile,
        first: ServerFirst,
        candidates: Vec<Candidate>,
    ) -> Step {
        let nonce = self.seed.text("nonce");
        let hash = first.hash();
        let credentials = candidates.iter().map(|one| one.credential).collect();
        let mut keys = candidates.into_iter().map(|one| one.keys);
        let Some(asked) = keys.next() else {
            return Step::Initial;
        };
        let (challenge, proof) = first.challenge(
            asked,
            keys.collect(),
            &nonce,
            Some(&advertised_hash(hash, &self.advertised())),
        );
        self.send_challenge(profile, challenge.as_bytes());
        Step::Proof(proof, credentials)
    }

    fn start_plain(&mut self, login: &mut Login, plain: Plain) -> Result<(), SaslError> {
        login.account = self.account_of(&plain.username);
        self.check_authorization(plain.authorization.as_deref(), login.account.as_ref())?;
        let account = login.account.clone().ok_or(SaslError::NotAuthorized)?;
        self.ask(Question::Password {
            account,
            password: plain.password,
        });
        login.step = Step::Verdict;
        Ok(())
    }

    /// The certificate's address that is asked for, or its only one, or the one the stream was opened for
    /// (XEP-0178 §3).
    fn start_external(&mut self, login: &mut Login, wanted: Option<&str>) -> Result<(), SaslError> {
        let Security::Tls(facts) = &self.transport.security else {
            return Err(SaslError::NotAuthorized);
        };
        let addresses = &facts.client_addresses;
        let claimed = self
            .claimed
            .as_ref()
            .filter(|claimed| claimed.local().is_some());
        let account = match (wanted, claimed, &addresses[..]) {
            (Some(wanted), ..) => {
                BareJid::parse(wanted).map_err(|_| SaslError::InvalidAuthorization)?
            }
            (None, _, [only]) => only.clone(),
            (None, Some(claimed), _) => claimed.bare(),
            (None, None, _) => return Err(SaslError::InvalidAuthorization),
        };
        login.account = Some(account.clone());
        if !addresses.contains(&account) || account.domain() != self.config.domain {
            return Err(SaslError::InvalidAuthorization);
        }
        self.check_authorization(wanted, Some(&account))?;
        self.ask(Question::Certificate { account });
        login.step = Step::Verdict;
        Ok(())
    }

    pub(super) fn answer_login(&mut self, mut login: Login, answer: Answer) {
        if let Answer::Refused(condition) = answer {
            return self.fail_with(login, condition);
        }
        match (std::mem::replace(&mut login.step, Step::Initial), answer) {
            (Step::Keys(first), Answer::Keys(keys)) => {
                let hash = first.hash();
                // Made for known accounts as well: the same work whether there is one or not.
                let unknown = self
                    .unknown_accounts()
                    .keys(login.account.as_ref().map_or("", |a| a.as_str()), hash);
                let mut keys = keys;
                keys.retain(|one| one.keys.hash == hash);
                if keys.is_empty() {
                    keys.push(Candidate::own(unknown));
                }
                login.step = self.challenge(login.profile, first, keys);
                self.state = State::Login(Box::new(login));
            }
            (Step::Verdict, Answer::Accepted) => self.proven(login, None),
            (Step::Verdict, Answer::Admitted(credential)) => {
                login.credential = credential;
                self.proven(login, None);
            }
            (Step::Tokens(response), Answer::Tokens(tokens)) => {
                self.check_tokens(login, &response, &tokens)
            }
            (Step::TokenUsed(token, closing), Answer::Accepted) => {
                let rotate = token.rotate;
                self.proven_by_token(login, closing, rotate);
            }
            (step, _) => {
                login.step = step;
                self.state = State::Login(Box::new(login));
                self.confused();
            }
        }
    }

    /// The client is who it says.
    pub(super) fn proven(&mut self, login: Login, closing: Option<Vec<u8>>) {
        let Some(account) = login.account.clone() else {
            return self.fail_with(login, SaslCondition::NotAuthorized);
        };
        self.credential = login.credential;
        self.by_password = login.mechanism.uses_password();
        match login.profile {
            Profile::Rfc6120 => {
                let mut writer = Writer::with_capacity(160);
                writer.start("success").xmlns(ns::SASL);
                if let Some(closing) = closing {
                    writer.text(&encode(closing));
                }
                writer.end();
                self.send(writer.finish());
                self.account = Some(account.clone());
                self.out.push_back(Output::Authenticated { account });
                self.out.push_back(Output::RestartStream);
                self.opened = false;
                self.state = State::Header;
            }
            Profile::Sasl2 => self.finish(Finish::new(
                account,
                login.mechanism,
                login.request,
                closing,
                false,
            )),
        }
    }
}
