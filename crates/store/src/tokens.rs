//! FAST tokens (XEP-0484).

use std::fmt;
use std::sync::Arc;

use base::Timestamp;

use crate::batch::Write;
use crate::{AccountId, AppPasswordId, Batch, Reading, Store};

/// A token of one client. At most two are valid for a client: the newest, and the one before it until
/// the newest is used (XEP-0484 §4.5).
#[derive(Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// Id of the client (XEP-0388 user-agent `id`).
    pub client: Arc<str>,
    /// Mechanism that it is bound to, such as `HT-SHA-256-EXPR`.
    pub mechanism: Arc<str>,
    /// What the server must know to verify it: the key of the mechanism's HMAC or its hash, as the
    /// caller decides.
    pub secret: Vec<u8>,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// When it was used last.
    pub last_used: Option<Timestamp>,
    /// Highest `count` attribute that was accepted with it (XEP-0484 §4.4), 0 for none.
    pub counter: u64,
    /// Name of the client's software, for people.
    pub software: Option<Arc<str>>,
    /// Name of the client's device, for people.
    pub device: Option<Arc<str>>,
    /// The app password that its client had come by; the token ends with it.
    pub app_password: Option<AppPasswordId>,
}

impl fmt::Debug for TokenRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            mechanism, expires, ..
        } = self;
        write!(f, "TokenRecord({mechanism}, expires {expires}, …)")
    }
}

impl Batch {
    /// Keeps a new token of a client. The newest so far becomes the one before, and an older one ends.
    pub fn token_issue(&mut self, account: AccountId, token: TokenRecord) {
        self.push(Write::TokenIssue(account, Box::new(token)));
    }

    /// Uses the token with this secret, with a `count` above all before, where the client gives one (XEP-0484 §4.4); when
    /// it is the newest, the one before ends. Of several that use the same count at once, one is the first. The others,
    /// and those whose token is gone, fail with [`TokenSpent`](crate::StoreError::TokenSpent), and so does all that is in
    /// their batch.
    pub fn token_used(
        &mut self,
        account: AccountId,
        client: &str,
        secret: &[u8],
        count: Option<u64>,
        at: Timestamp,
    ) {
        let (client, secret) = (client.into(), secret.into());
        self.push(Write::TokenUsed {
            account,
            client,
            secret,
            count,
            at,
        });
    }

    /// Ends all tokens of a client.
    pub fn token_revoke(&mut self, account: AccountId, client: &str) {
        self.push(Write::TokenRevoke(account, Some(client.into())));
    }

    /// Ends all tokens of an account.
    pub fn token_revoke_all(&mut self, account: AccountId) {
        self.push(Write::TokenRevoke(account, None));
    }

    /// Deletes all tokens of all accounts that ended before `now`.
    pub fn token_expire(&mut self, now: Timestamp) {
        self.push(Write::TokenExpire(now));
    }
}

impl Store {
    /// The tokens of an account (of one client, where `client` names one), newest first for each
    /// client.
    pub fn tokens(&self, account: AccountId, client: Option<&str>) -> Reading<Vec<TokenRecord>> {
        self.backend().tokens(account, client.map(Into::into))
    }
}
