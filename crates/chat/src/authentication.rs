//! The answers that stream negotiation asks for: accounts, keys, tokens, resources, resumption.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{BareJid, Moment, Now};
use store::{AppPasswordId, Batch, ScramRecord, StoreError, TokenRecord};
use xmpp::condition::{SaslCondition, StanzaCondition, StanzaError, StreamCondition};
use xmpp::sasl::{Mechanism, Password, ScramHash, ScramKeys, UnknownAccounts};
use xmpp::stream::server::{
    Answer, BindRequest, Candidate, Credential, Passwords, Question, StoredToken,
};
use xmpp::xml::Writer;

use crate::accounts::{AccountDraft, Authority, Door, Refusal, to_record};
use crate::admission::Admission;
use crate::delivery::{Bounds, Mailbox};
use crate::directory::Verdict;
use crate::session::Claim;
use crate::throttle::Toll;
use crate::{Chat, Session, SessionEntry, Work};

/// An answer, and what it brings with it.
pub(crate) struct Answered {
    pub(crate) answer: Answer,
    /// The session that was bound or resumed.
    pub(crate) session: Option<Box<Session>>,
    /// The answer is given only after this time: guessing is slow.
    pub(crate) hold: Duration,
}

impl From<Answer> for Answered {
    fn from(answer: Answer) -> Self {
        Self {
            answer,
            session: None,
            hold: Duration::ZERO,
        }
    }
}

/// Who asks, from where.
#[derive(Clone)]
pub(crate) struct Asker {
    pub(crate) chat: Chat,
    pub(crate) peer: IpAddr,
    /// When the connection began.
    pub(crate) began: Moment,
    pub(crate) now: Now,
}

/// The work that answers `question`.
pub(crate) fn answer(asker: Asker, question: Question) -> Work<Answered> {
    Box::pin(async move {
        match question {
            Question::Passwords { account } => or_temporary(asker.passwords(&account).await),
            Question::Keys { account, hash } => {
                asker.guarded(&account, asker.keys(&account, hash)).await
            }
            Question::Password { account, password } => {
                asker
                    .guarded(&account, asker.password(&account, password))
                    .await
            }
            Question::Certificate { account } => {
                asker.unguessed(&account, asker.exists(&account)).await
            }
            Question::Tokens { account, client } => {
                asker
                    .unguessed(&account, asker.tokens(&account, &client))
                    .await
            }
            Question::TokenUsed {
                account,
                client,
                token,
                count,
                invalidate,
            } => or_temporary(
                asker
                    .token_used(&account, &client, token, count, invalidate)
                    .await,
            ),
            Question::IssueToken {
                account,
                client,
                mechanism,
                seed,
                credential,
            } => or_temporary(
                asker
                    .issue_token(&account, client, mechanism, seed, credential)
                    .await,
            ),
            Question::Hashes { account } => or_temporary(asker.hashes(&account).await),
            Question::StoreKeys { account, keys } => {
                or_temporary(asker.store_keys(&account, &keys).await)
            }
            Question::Bind(request) => asker.bind(request).await,
            Question::Resume {
                account,
                previous,
                h: _,
                credential,
            } => asker.resume(&account, &previous, credential).await,
            Question::Invitation { token } => asker.invitation(&token).await,
            Question::Register {
                username,
                password,
                token,
            } => asker.register(username, password, token).await,
            Question::Failed { account, mechanism } => {
                let chat = &asker.chat;
                chat.metrics().logins_failed.increment();
                if matches!(mechanism, Some(Mechanism::Token(_) | Mechanism::External)) {
                    return Answer::Accepted.into();
                }
                let name = account.as_ref().map(|account| account.as_str());
                chat.throttle().failed(name, asker.peer, asker.now.moment);
                let hold = chat.throttle().delay(name, asker.peer, asker.now.moment);
                Answered {
                    hold,
                    ..Answer::Accepted.into()
                }
            }
        }
    })
}

fn or_temporary(result: Result<Answer, StoreError>) -> Answered {
    result
        .unwrap_or_else(|error| {
            crate::store_trouble::note(&error);
            Answer::Refused(SaslCondition::TemporaryAuthFailure)
        })
        .into()
}

fn from_record(record: &ScramRecord) -> Option<ScramKeys> {
    let hash = ScramHash::from_name(&record.hash)?;
    ScramKeys::from_parts(
        hash,
        record.iterations,
        &record.salt,
        &record.stored_key,
        &record.server_key,
    )
    .ok()
}

impl Asker {
    /// Lets nobody guess at full speed.
    async fn guarded(
        &self,
        account: &BareJid,
        work: impl Future<Output = Result<Answer, StoreError>>,
    ) -> Answered {
        let (name, now) = (account.as_str(), self.now.moment);
        let toll = match self.chat.throttle().admit(Some(name), self.peer, now) {
            Toll::Refused => return Answer::Refused(SaslCondition::TemporaryAuthFailure).into(),
            Toll::Free => Duration::ZERO,
            Toll::Wait(hold) => hold,
        };
        Answered {
            hold: toll.max(self.chat.faults().owed(name, now)),
            ..or_temporary(work.await)
        }
    }

    /// What nobody can guess is not slowed by those who guess passwords.
    async fn unguessed(
        &self,
        account: &BareJid,
        work: impl Future<Output = Result<Answer, StoreError>>,
    ) -> Answered {
        Answered {
            hold: self.chat.faults().owed(account.as_str(), self.now.moment),
            ..or_temporary(work.await)
        }
    }

    async fn login(&self, account: &BareJid) -> Result<Option<store::Login>, StoreError> {
        let Some(local) = account.local() else {
            return Ok(None);
        };
        if account.domain() != &*self.chat.domain() {
            return Ok(None);
        }
        let login = self.chat.store().login(local, None).await?;
        Ok(login.filter(|login| login.account.enabled))
    }

    /// Where a password is kept; where there is a directory, also that of an account that is not there: people who are new in
    /// it come in that way.
    async fn passwords(&self, account: &BareJid) -> Result<Answer, StoreError> {
        let here = match self.login(account).await? {
            Some(login) => login.identity.is_none(),
            None => self.chat.config().directory.is_none(),
        };
        Ok(Answer::Passwords(if here {
            Passwords::Here
        } else {
            Passwords::Elsewhere
        }))
    }

    async fn keys(&self, account: &BareJid, hash: ScramHash) -> Result<Answer, StoreError> {
        let login = self.login(account).await?;
        let mut candidates = candidates(login.as_ref());
        candidates.retain(|candidate| candidate.keys.hash == hash);
        Ok(Answer::Keys(candidates))
    }

    async fn password(&self, account: &BareJid, password: Password) -> Result<Answer, StoreError> {
        let login = self.login(account).await?;
        let of_directory = login.as_ref().map_or_else(
            || self.chat.config().directory.is_some(),
            |login| login.identity.is_some(),
        );
        let mut known = candidates(login.as_ref());
        if of_directory && known.is_empty() {
            return self.ask_directory(account, login, password).await;
        }
        // The cheapest record decides: all were made of the same password, and app passwords share
        // its salt, so that the password is stretched once whatever it is.
        let cheapest = known
            .iter()
            .min_by_key(|one| {
                let own = one.credential == Credential::Account;
                (!own, one.keys.iterations, one.keys.hash.length())
            })
            .map(|one| one.keys.hash);
        known.retain(|one| Some(one.keys.hash) == cheapest);
        let config = self.chat.config();
        let credentials: Vec<Credential> = known.iter().map(|one| one.credential).collect();
        let mut keys = known.into_iter().map(|one| one.keys);
        let first = keys.next().unwrap_or_else(|| {
            UnknownAccounts::new(&config.secret, config.scram_iterations)
                .keys(account.as_str(), ScramHash::Sha256)
        });
        let others: Vec<ScramKeys> = keys.collect();
        let kept = of_directory.then(|| password.clone());
        let (tell, told) = futures_channel::oneshot::channel();
        self.chat.offload(Box::new(move || {
            let _ = tell.send(first.verify_among(&others, &password));
        }));
        let Ok(place) = told.await else {
            return Ok(Answer::Refused(SaslCondition::TemporaryAuthFailure));
        };
        if let Some(credential) = place.and_then(|place| credentials.get(place)) {
            return Ok(Answer::Admitted(*credential));
        }
        match kept {
            Some(password) => self.ask_directory(account, login, password).await,
            None => Ok(Answer::Refused(SaslCondition::NotAuthorized)),
        }
    }

    /// The directory decides. While nobody can say, nobody is counted as a guesser, and whoever has a token or an app password
    /// comes in.
    async fn ask_directory(
        &self,
        account: &BareJid,
        login: Option<store::Login>,
        password: Password,
    ) -> Result<Answer, StoreError> {
        let identity = login.and_then(|login| login.identity);
        let config = self.chat.config();
        let (Some(directory), Some(settings), Some(local)) = (
            self.chat.directories().get(),
            &config.directory,
            account.local(),
        ) else {
            // Its people stay known while the directory is switched off; none of them has a password then.
            return Ok(Answer::Refused(SaslCondition::NotAuthorized));
        };
        // RFC 4513 §5.1.2: a bind without a password is no proof of anything.
        let foreign = identity
            .as_ref()
            .is_some_and(|identity| identity.source != settings.source);
        if password.expose().is_empty() || foreign || account.domain() != &*config.domain {
            return Ok(Answer::Refused(SaslCondition::NotAuthorized));
        }
        let external = identity.as_ref().map(|identity| &*identity.external);
        match directory.verify(local, external, password).await {
            Verdict::Right => {}
            Verdict::Newcomer(newcomer) if identity.is_none() && *newcomer.localpart == *local => {
                let by = Authority::house(Door::Directory);
                let made = self
                    .chat
                    .create_from_directory(vec![*newcomer], &by, self.now)
                    .await;
                if let Err(error) = made {
                    tracing::warn!(%account, %error, "somebody who is new in the directory could not be given an account");
                }
            }
            Verdict::Wrong | Verdict::Newcomer(_) => {
                return Ok(Answer::Refused(SaslCondition::NotAuthorized));
            }
            Verdict::Unknown => return Ok(Answer::Refused(SaslCondition::TemporaryAuthFailure)),
        }
        // Who was disabled here or meanwhile is so, and a name that somebody else has here is no way in.
        let login = self.login(account).await?;
        let identity = login.and_then(|login| login.identity);
        let Some(_) = identity.filter(|identity| identity.source == settings.source) else {
            return Ok(Answer::Refused(SaslCondition::NotAuthorized));
        };
        Ok(Answer::Admitted(Credential::Account))
    }

    async fn exists(&self, account: &BareJid) -> Result<Answer, StoreError> {
        Ok(match self.login(account).await? {
            Some(_) => Answer::Accepted,
            None => Answer::Refused(SaslCondition::NotAuthorized),
        })
    }

    async fn records(
        &self,
        account: &BareJid,
        client: &str,
    ) -> Result<Option<(store::AccountId, Vec<TokenRecord>)>, StoreError> {
        let Some(login) = self.login(account).await? else {
            return Ok(None);
        };
        let tokens = self
            .chat
            .store()
            .tokens(login.account.id, Some(client))
            .await?;
        Ok(Some((login.account.id, tokens)))
    }

    async fn tokens(&self, account: &BareJid, client: &str) -> Result<Answer, StoreError> {
        let now = self.now.wall;
        // A token past a quarter of its life is replaced at its next use.
        let rotate_before = self.chat.config().token_lifetime * 3 / 4;
        let records = self
            .records(account, client)
            .await?
            .map(|(_, records)| records)
            .unwrap_or_default();
        let tokens = records.into_iter().filter_map(|record| {
            Some(StoredToken {
                id: token_id(&record),
                seed: record.secret.as_slice().try_into().ok()?,
                mechanism: record.mechanism.parse().ok()?,
                expired: record.expires <= now,
                rotate: record.expires <= now + rotate_before,
                count: (record.counter > 0).then_some(record.counter),
                credential: record
                    .app_password
                    .map_or(Credential::Account, |id| Credential::App(id.number())),
            })
        });
        Ok(Answer::Tokens(tokens.collect()))
    }

    async fn token_used(
        &self,
        account: &BareJid,
        client: &str,
        token: u64,
        count: Option<u64>,
        invalidate: bool,
    ) -> Result<Answer, StoreError> {
        let Some((id, records)) = self.records(account, client).await? else {
            return Ok(Answer::Refused(SaslCondition::NotAuthorized));
        };
        let Some(record) = records.into_iter().find(|record| token_id(record) == token) else {
            return Ok(Answer::Refused(SaslCondition::NotAuthorized));
        };
        let mut batch = Batch::new();
        batch.token_used(id, client, &record.secret, count, self.now.wall);
        if invalidate {
            batch.token_revoke(id, client);
        }
        match self.chat.store().submit(batch).ticket.await {
            Ok(()) => Ok(Answer::Accepted),
            // Somebody else was faster.
            Err(StoreError::TokenSpent) => Ok(Answer::Refused(SaslCondition::NotAuthorized)),
            Err(error) => Err(error),
        }
    }

    async fn issue_token(
        &self,
        account: &BareJid,
        client: xmpp::stream::ClientAgent,
        mechanism: Mechanism,
        seed: [u8; 32],
        credential: Credential,
    ) -> Result<Answer, StoreError> {
        let (Some(login), Some(id)) = (self.login(account).await?, &client.id) else {
            return Ok(Answer::Refused(SaslCondition::NotAuthorized));
        };
        if self.chat.renewals().since(account, self.began) {
            return Ok(Answer::Refused(SaslCondition::NotAuthorized));
        }
        let expiry = self.now.wall + self.chat.config().token_lifetime;
        let mut batch = Batch::new();
        batch.token_issue(
            login.account.id,
            TokenRecord {
                client: id.as_str().into(),
                mechanism: mechanism.name().into(),
                secret: seed.to_vec(),
                issued: self.now.wall,
                expires: expiry,
                last_used: None,
                counter: 0,
                software: client.software.as_deref().map(Into::into),
                device: client.device.as_deref().map(Into::into),
                app_password: match credential {
                    Credential::App(number) => Some(AppPasswordId::from_number(number)),
                    Credential::Account => None,
                },
            },
        );
        self.chat.store().submit(batch).ticket.await?;
        Ok(Answer::TokenIssued { expiry })
    }

    async fn hashes(&self, account: &BareJid) -> Result<Answer, StoreError> {
        let login = self.login(account).await?;
        if login.as_ref().is_some_and(|login| login.identity.is_some()) {
            // The password is the directory's: no keys of it are kept here.
            return Ok(Answer::Hashes(ScramHash::ALL.to_vec()));
        }
        let hashes = login
            .iter()
            .flat_map(|login| &login.keys)
            .filter_map(|record| ScramHash::from_name(&record.hash));
        Ok(Answer::Hashes(hashes.collect()))
    }

    async fn store_keys(&self, account: &BareJid, keys: &ScramKeys) -> Result<Answer, StoreError> {
        let login = self.login(account).await?;
        let Some(login) = login.filter(|login| login.identity.is_none()) else {
            return Ok(Answer::Refused(SaslCondition::NotAuthorized));
        };
        let mut batch = Batch::new();
        batch.account_add_key(login.account.id, to_record(keys));
        self.chat.store().submit(batch).ticket.await?;
        Ok(Answer::Accepted)
    }

    async fn bind(&self, request: BindRequest) -> Answered {
        let refused = |condition, text: &str| {
            Answered::from(Answer::BindRefused(StanzaError::new(condition).text(text)))
        };
        let account = match self.chat.account(&request.account).await {
            Ok(Some(account)) => account,
            Ok(None) => {
                return refused(
                    StanzaCondition::NotAllowed,
                    "This account is not there any more.",
                );
            }
            Err(error) => return Answer::BindRefused(crate::modules::store_failed(&error)).into(),
        };
        let config = self.chat.config();
        let bounds = Bounds {
            stanzas: config.limits.mailbox_stanzas,
            bytes: config.limits.mailbox_bytes,
        };
        let admission = Admission {
            credential: request.credential,
            by_password: request.by_password,
            agent: request.agent.clone(),
            since: self.now.wall,
        };
        let mailbox = Mailbox::new(bounds);
        let entry = SessionEntry::new(request.jid.clone(), mailbox, admission);
        match account.bind(Arc::clone(&entry), config.limits.sessions_per_account) {
            Ok(Some(older)) => self.replace(&older).await,
            Ok(None) => {}
            Err(_) => {
                return refused(
                    StanzaCondition::ResourceConstraint,
                    "This account has as many sessions as it may; please close one.",
                );
            }
        }
        // Others see the session from here on: whoever changes the password now finds it, and what was changed since it
        // was shown is found here.
        if self.chat.renewals().since(&request.account, self.began) {
            account.unbind(&entry);
            return refused(
                StanzaCondition::NotAuthorized,
                "The password was changed meanwhile; please log in with the new one.",
            );
        }
        // The same for an app password that is revoked.
        if let Credential::App(number) = request.credential {
            let there = self.chat.store().app_passwords(account.id()).await;
            let there = there.is_ok_and(|list| list.iter().any(|one| one.id.number() == number));
            if !there {
                account.unbind(&entry);
                return refused(
                    StanzaCondition::NotAuthorized,
                    "This app password is not valid any more.",
                );
            }
        }
        self.chat
            .note_admission(&account, entry.admission(), self.now);
        entry.set_carbons(request.enable.carbons);
        if request.bind2 {
            entry.set_reads_archive();
        }
        let mut inline = Writer::new();
        if request.bind2
            && let Ok(Some(bounds)) = self.chat.store().archive_bounds(account.id()).await
        {
            crate::modules::archive_metadata(&mut inline, Some(bounds));
        }
        let mut session = Box::new(Session::new(
            self.chat.clone(),
            account,
            entry,
            request.agent,
        ));
        if request.enable.inactive {
            session
                .outbox()
                .set_inactive(config.limits.inactive_stanzas);
        }
        if let Some(enabled) = request
            .enable
            .stream_management
            .and_then(|wish| session.enable(wish))
        {
            inline.raw(&enabled.to_xml());
        }
        self.entered(&request.account);
        self.chat.metrics().sessions_bound.increment();
        Answered {
            answer: Answer::Bound {
                jid: request.jid,
                inline: inline.finish(),
            },
            session: Some(session),
            hold: Duration::ZERO,
        }
    }

    /// Ends an older session of the same resource (RFC 6120 §7.7.2.2).
    async fn replace(&self, older: &Arc<SessionEntry>) {
        older.mailbox().close(StreamCondition::Conflict);
        if let Some(waiting) = self.chat.resumables().claim_waiting(older) {
            waiting.end_session(self.now).await;
        }
    }

    async fn resume(&self, account: &BareJid, previous: &str, credential: Credential) -> Answered {
        let resumables = self.chat.resumables();
        let session = match resumables.claim(previous, account, credential) {
            Claim::Taken(session) => Some(session),
            Claim::Asked(handover) => handover.await.ok(),
            Claim::Unknown => None,
        };
        let Some(mut session) = session else {
            return Answer::ResumeFailed {
                h: None,
                condition: StanzaCondition::ItemNotFound,
            }
            .into();
        };
        let h = session.outbox().handled().unwrap_or_default();
        self.entered(account);
        Answered {
            answer: Answer::Resumed { h },
            session: Some(session),
            hold: Duration::ZERO,
        }
    }

    /// Whether a token lets its bearer make an account. Guessing is slowed like that of passwords.
    async fn invitation(&self, token: &str) -> Answered {
        let (throttle, now) = (self.chat.throttle(), self.now.moment);
        let hold = match throttle.admit(None, self.peer, now) {
            Toll::Refused => {
                return Answer::Invited(Err(Refusal::TooManyRegistrations.error())).into();
            }
            Toll::Wait(hold) => hold,
            Toll::Free => Duration::ZERO,
        };
        let invited = async {
            let invitation = self.chat.open_invitation(token, self.now).await?;
            if self.chat.makes_accounts(&invitation).await? {
                Ok(invitation.localpart.as_deref().map(str::to_owned))
            } else {
                Err(Refusal::RegistrationClosed)
            }
        };
        let invited = invited.await;
        if matches!(invited, Err(Refusal::InvitationUnknown)) {
            throttle.failed(None, self.peer, now);
        }
        Answered {
            hold,
            ..Answer::Invited(invited.map_err(|refusal| refusal.error())).into()
        }
    }

    /// Makes an account before login (XEP-0077 §3.1).
    async fn register(&self, name: String, password: Password, token: Option<String>) -> Answered {
        let draft = AccountDraft {
            name,
            password,
            display_name: None,
            token,
            peer: self.peer,
            in_browser: false,
        };
        let made = self.chat.register(draft, self.now).await;
        Answer::Registered(made.map(drop).map_err(|refusal| refusal.error())).into()
    }

    fn entered(&self, account: &BareJid) {
        self.chat.metrics().logins.increment();
        let throttle = self.chat.throttle();
        throttle.succeeded(account.as_str(), self.peer, self.now.moment);
    }
}

/// All keys that let into an account: those of its password first.
fn candidates(login: Option<&store::Login>) -> Vec<Candidate> {
    let own = login.iter().flat_map(|login| &login.keys);
    let own = own.filter_map(from_record).map(Candidate::own);
    let app = login.iter().flat_map(|login| &login.app_keys);
    let app = app.filter_map(|(id, record)| {
        Some(Candidate {
            credential: Credential::App(id.number()),
            keys: from_record(record)?,
        })
    });
    own.chain(app).collect()
}

/// Tokens of one client are told apart by when they were issued.
fn token_id(record: &TokenRecord) -> u64 {
    record.issued.micros().unsigned_abs()
}
