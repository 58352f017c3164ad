//! Who may use the REST interface: tokens that last, and short ones for who is logged in anyway.
//!
//! A token is 256 random bits, is shown once and kept as a hash. What it may do is the smaller of its scopes and what the
//! role of its account allows at the moment at which it is used. A short one is given to a session of a client over its
//! own stream, is in memory only, and ends with the session.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use base::{BareJid, Moment, Now, Redacted, Timestamp};
use parking_lot::Mutex;
use store::{ApiToken, Batch};
use xmpp::sasl::ScramHash;
use xmpp::stream::server::Credential;

use super::{Act, Authority, Door, RIGHTS, Refusal};
use crate::{Account, Chat, SessionEntry};

/// What a token begins with, so that programs which look for secrets find it.
const TOKEN: &str = "hpt_";
/// What the token of a session begins with.
const SESSION: &str = "hps_";
/// Longest token that is looked at, in bytes.
const LONGEST: usize = 128;
/// Tokens of one account at most.
const MOST: usize = 50;
/// Tokens that one session has at once, at most.
const MOST_OF_SESSION: usize = 4;
/// How long the token of a session lasts.
const SESSION_LIFETIME: Duration = Duration::from_secs(900);
/// How often it is noted that a token was used.
const NOTED_EVERY: Duration = Duration::from_secs(60);
/// Longest label, in characters.
const MOST_LABEL: usize = 64;

/// Something that a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Something that not everybody may do.
    Act(Act),
    /// See and change what belongs to its account.
    Own,
    /// Write into open rooms as its account.
    Post,
}

impl Scope {
    /// The scope of this name.
    ///
    /// # Errors
    /// [`Refusal::ScopeUnknown`].
    pub fn from_name(name: &str) -> Result<Self, Refusal> {
        match name {
            "self" => Ok(Self::Own),
            "rooms.post" => Ok(Self::Post),
            name => RIGHTS
                .iter()
                .find(|right| right.name == name)
                .map(|right| Self::Act(right.act))
                .ok_or_else(|| Refusal::ScopeUnknown(name.into())),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "self",
            Self::Post => "rooms.post",
            Self::Act(act) => act.right().name,
        }
    }

    /// The names of all, in the order of the table of rights.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ["self", "rooms.post"]
            .into_iter()
            .chain(RIGHTS.iter().map(|right| right.name))
    }
}

/// A token that somebody wants to have.
#[derive(Clone, Debug, Default)]
pub struct ApiTokenWish {
    /// What it is for.
    pub label: String,
    /// Names of its scopes.
    pub scopes: Vec<String>,
    /// How long it lasts; for ever, without.
    pub lifetime: Option<Duration>,
}

/// A token that was just made.
#[derive(Debug)]
pub struct NewApiToken {
    /// The token, to be shown once.
    pub secret: Redacted<String>,
    /// What is kept of it.
    pub kept: ApiToken,
}

/// Who uses the REST interface.
#[derive(Clone, Debug)]
pub struct ApiVisitor {
    /// The account, as it is kept now.
    pub account: store::Account,
    /// Its address.
    pub address: BareJid,
    /// What is allowed.
    pub authority: Authority,
    /// Id of the token; of a session all have the same.
    pub token: Arc<str>,
    /// `None` is everything: it is the person.
    scopes: Option<Vec<Scope>>,
}

impl ApiVisitor {
    /// Whether it has come with something that has this scope; the role is another matter.
    #[must_use]
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes
            .as_ref()
            .is_none_or(|scopes| scopes.contains(&scope))
    }

    /// Whether it is the person, at a client that is logged in.
    #[must_use]
    pub fn is_session(&self) -> bool {
        self.scopes.is_none()
    }

    /// The names of what it may do now, in the order of the table.
    #[must_use]
    pub fn scopes(&self) -> Vec<&'static str> {
        Scope::names()
            .filter(|name| match Scope::from_name(name) {
                Ok(Scope::Act(act)) => self.authority.allows(act),
                Ok(scope) => self.has(scope),
                Err(_) => false,
            })
            .collect()
    }
}

/// Tokens of sessions.
#[derive(Default)]
pub(crate) struct ApiSessions {
    open: Mutex<HashMap<[u8; 32], Open>>,
}

struct Open {
    address: BareJid,
    session: Weak<SessionEntry>,
    until: Moment,
}

impl ApiSessions {
    /// Forgets those that have ended.
    pub(crate) fn sweep(&self, now: Moment) {
        let mut open = self.open.lock();
        open.retain(|_, one| one.until > now && one.session.strong_count() > 0);
        if open.is_empty() {
            open.shrink_to_fit();
        }
    }

    fn add(&self, hash: [u8; 32], session: &Arc<SessionEntry>, address: BareJid, until: Moment) {
        let mut open = self.open.lock();
        let own = |one: &Open| one.session.as_ptr() == Arc::as_ptr(session);
        while open.values().filter(|one| own(one)).count() >= MOST_OF_SESSION {
            let oldest = open.iter().filter(|(_, one)| own(one));
            let oldest = oldest
                .min_by_key(|(_, one)| one.until)
                .map(|(hash, _)| *hash);
            let Some(oldest) = oldest else { break };
            open.remove(&oldest);
        }
        let session = Arc::downgrade(session);
        open.insert(
            hash,
            Open {
                address,
                session,
                until,
            },
        );
    }

    fn find(&self, hash: &[u8; 32], now: Moment) -> Option<BareJid> {
        let open = self.open.lock();
        let one = open.get(hash).filter(|one| one.until > now)?;
        let session = one.session.upgrade()?;
        (!session.is_dismissed()).then(|| one.address.clone())
    }
}

fn hash(token: &str) -> [u8; 32] {
    let digest = ScramHash::Sha256.digest(token.as_bytes());
    let mut hash = [0; 32];
    hash.copy_from_slice(&digest.expose()[..32]);
    hash
}

/// What a token is named by: a part of its hash.
fn id_of(hash: &[u8; 32]) -> Arc<str> {
    base::id::short(&hash[..10]).into()
}

impl Chat {
    /// Makes a token of an account. Only who is logged in as the person, or has the machine, makes one: what was given less
    /// must not make more of itself.
    ///
    /// # Errors
    /// [`Refusal::ScopeUnknown`], [`Refusal::NotEntitled`] for a scope that the account's role does not allow,
    /// [`Refusal::TooManyApiTokens`], [`Refusal::TokensOfOthers`].
    pub async fn create_api_token(
        &self,
        address: &BareJid,
        wish: ApiTokenWish,
        by: &Authority,
        now: Now,
    ) -> Result<NewApiToken, Refusal> {
        let account = self.kept_account(address).await?;
        if !by.is_console() && !by.is_person(address) {
            return Err(Refusal::TokensOfOthers);
        }
        let mut scopes: Vec<Arc<str>> = Vec::new();
        for name in &wish.scopes {
            let scope = Scope::from_name(name)?;
            if let Scope::Act(act) = scope
                && !act.is_open_to(account.role)
            {
                return Err(Refusal::NotEntitled(act));
            }
            if !scopes.iter().any(|known| **known == *scope.name()) {
                scopes.push(scope.name().into());
            }
        }
        if scopes.is_empty() {
            return Err(Refusal::ScopeUnknown("".into()));
        }
        if self.store().api_tokens(account.id).await?.len() >= MOST {
            return Err(Refusal::TooManyApiTokens(MOST));
        }
        let secret = self.new_secret(TOKEN);
        let hash = hash(&secret);
        let label = wish
            .label
            .trim()
            .chars()
            .filter(|letter| !letter.is_control());
        let kept = ApiToken {
            hash: hash.to_vec(),
            id: id_of(&hash),
            label: label.take(MOST_LABEL).collect::<String>().into(),
            scopes,
            created: now.wall,
            expires: wish.lifetime.map(|lifetime| now.wall + lifetime),
            last_used: None,
        };
        let until = match kept.expires {
            Some(expires) => format!("until {expires}"),
            None => "without end".to_owned(),
        };
        let detail = format!("{} ({}), {until}", kept.id, kept.scopes.join(" "));
        let mut batch = Batch::new();
        batch.audit(by.note(now.wall, "token.made", address.as_str(), detail));
        batch.api_token_add(account.id, kept.clone());
        self.store().submit(batch).ticket.await?;
        let secret = Redacted::new(secret);
        Ok(NewApiToken { secret, kept })
    }

    /// The tokens of an account, newest first; one's own, or those of people whom one may see.
    ///
    /// # Errors
    /// [`Refusal::NoSuchAccount`], and those of who may not.
    pub async fn api_tokens(
        &self,
        address: &BareJid,
        by: &Authority,
    ) -> Result<Vec<ApiToken>, Refusal> {
        let account = self.kept_account(address).await?;
        if by.actor() != address.as_str() {
            by.may(Act::SeePeople)?;
        }
        Ok(self.store().api_tokens(account.id).await?)
    }

    /// Ends a token.
    ///
    /// # Errors
    /// [`Refusal::NothingToRevoke`], and those of who may not.
    pub async fn revoke_api_token(
        &self,
        address: &BareJid,
        id: &str,
        by: &Authority,
        now: Now,
    ) -> Result<(), Refusal> {
        let account = self.kept_account(address).await?;
        if by.actor() != address.as_str() {
            by.may_to(Act::EndSessions, address, &account)?;
        }
        let tokens = self.store().api_tokens(account.id).await?;
        if !tokens.iter().any(|token| *token.id == *id) {
            return Err(Refusal::NothingToRevoke);
        }
        let mut batch = Batch::new();
        batch.audit(by.note(now.wall, "token.revoked", address.as_str(), id));
        batch.api_token_revoke(account.id, id);
        self.store().submit(batch).ticket.await?;
        Ok(())
    }

    /// A short token for a session of a client, and when it ends. `None` for what has come in by an app password: it has
    /// been given less than the person.
    pub(crate) fn open_api_session(
        &self,
        account: &Account,
        session: &Arc<SessionEntry>,
        now: Now,
    ) -> Option<(Redacted<String>, Timestamp)> {
        if session.admission().credential != Credential::Account {
            return None;
        }
        let secret = self.new_secret(SESSION);
        self.house.api_sessions.add(
            hash(&secret),
            session,
            account.jid().clone(),
            now.moment + SESSION_LIFETIME,
        );
        Some((Redacted::new(secret), now.wall + SESSION_LIFETIME))
    }

    /// Who has come with this token; `None` when it is none, or not any more.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn api_visitor(&self, token: &str, now: Now) -> Result<Option<ApiVisitor>, Refusal> {
        if token.len() > LONGEST {
            return Ok(None);
        }
        let hash = hash(token);
        if token.starts_with(SESSION) {
            let Some(address) = self.house.api_sessions.find(&hash, now.moment) else {
                return Ok(None);
            };
            let account = match self.kept_account(&address).await {
                Ok(account) if account.enabled => account,
                Ok(_) | Err(Refusal::NoSuchAccount) => return Ok(None),
                Err(refusal) => return Err(refusal),
            };
            let authority = Authority::of(&address, account.role, Door::Rest);
            return Ok(Some(ApiVisitor {
                account,
                address,
                authority,
                token: "session".into(),
                scopes: None,
            }));
        }
        if !token.starts_with(TOKEN) {
            return Ok(None);
        }
        let Some((kept, account)) = self.store().api_token(&hash).await? else {
            return Ok(None);
        };
        if !account.enabled || kept.expires.is_some_and(|expires| expires <= now.wall) {
            return Ok(None);
        }
        let address = BareJid::new(Some(&account.localpart), &self.domain())
            .map_err(|_| Refusal::NoSuchAccount)?;
        // One that a newer version knows allows nothing here.
        let names = kept.scopes.iter();
        let scopes: Vec<Scope> = names
            .filter_map(|name| Scope::from_name(name).ok())
            .collect();
        let acts: Vec<Act> = scopes
            .iter()
            .filter_map(|scope| match scope {
                Scope::Act(act) => Some(*act),
                Scope::Own | Scope::Post => None,
            })
            .collect();
        if kept
            .last_used
            .is_none_or(|last| last + NOTED_EVERY <= now.wall)
        {
            let mut batch = Batch::new();
            batch.api_token_used(account.id, &kept.id, now.wall);
            drop(self.store().submit(batch));
        }
        let authority = Authority::of(&address, account.role, Door::Rest).within(acts);
        Ok(Some(ApiVisitor {
            account,
            address,
            authority,
            token: kept.id,
            scopes: Some(scopes),
        }))
    }

    /// 256 random bits as text.
    fn new_secret(&self, kind: &str) -> String {
        let random = self.house.ids.lock().bytes("api token");
        format!("{kind}{}", base::id::short(&random[..32]))
    }
}
