//! Tokens of the REST interface, and answers that are given again to the same request.

use std::fmt;
use std::sync::Arc;

use base::Timestamp;

use crate::batch::Write;
use crate::{Account, AccountId, Batch, Reading, Store};

/// A token of the REST interface. The token itself is never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// SHA-256 of the token.
    pub hash: Vec<u8>,
    /// What it is named by; tells nothing of the token.
    pub id: Arc<str>,
    /// What its owner calls it.
    pub label: Arc<str>,
    /// Names of what it may do.
    pub scopes: Vec<Arc<str>>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends; never, without.
    pub expires: Option<Timestamp>,
    /// When it was used last, to about a minute.
    pub last_used: Option<Timestamp>,
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiToken({}, {:?}, …)", self.id, self.scopes)
    }
}

/// An answer that is kept, to be given again when the same request comes again.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// SHA-256 over who asks and the key that he has given to his request.
    pub key: Vec<u8>,
    /// SHA-256 over the request.
    pub request: Vec<u8>,
    /// The status of HTTP.
    pub status: u16,
    /// What else belongs to the answer, as its caller writes it down.
    pub answer: Vec<u8>,
    /// When it was given.
    pub at: Timestamp,
}

impl fmt::Debug for KeptAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeptAnswer({}, {})", self.status, self.at)
    }
}

impl Batch {
    /// Keeps a token. The ticket fails with [`NoSuchAccount`](crate::StoreError::NoSuchAccount) when the account is gone.
    pub fn api_token_add(&mut self, account: AccountId, token: ApiToken) {
        self.push(Write::ApiTokenAdd(account, Box::new(token)));
    }

    /// Ends the token of this id, where it is one of the account.
    pub fn api_token_revoke(&mut self, account: AccountId, id: &str) {
        self.push(Write::ApiTokenRevoke(account, Some(id.into())));
    }

    /// Ends all tokens of an account.
    pub fn api_token_revoke_all(&mut self, account: AccountId) {
        self.push(Write::ApiTokenRevoke(account, None));
    }

    /// Notes that a token was used.
    pub fn api_token_used(&mut self, account: AccountId, id: &str, at: Timestamp) {
        self.push(Write::ApiTokenUsed(account, id.into(), at));
    }

    /// Deletes all tokens that ended before `now`.
    pub fn api_token_expire(&mut self, now: Timestamp) {
        self.push(Write::ApiTokenExpire(now));
    }

    /// Keeps an answer. Those older than `before`, and all but the newest `most`, are forgotten.
    pub fn answer_keep(&mut self, answer: KeptAnswer, before: Timestamp, most: usize) {
        self.push(Write::AnswerKeep(Box::new(answer), before, most));
    }
}

impl Store {
    /// The token with this hash, and whose it is; one that has ended is one as well.
    pub fn api_token(&self, hash: &[u8]) -> Reading<Option<(ApiToken, Account)>> {
        self.backend().api_token(hash.into())
    }

    /// The tokens of an account, newest first.
    pub fn api_tokens(&self, account: AccountId) -> Reading<Vec<ApiToken>> {
        self.backend().api_tokens(account)
    }

    /// The answer that is kept under this key.
    pub fn answer(&self, key: &[u8]) -> Reading<Option<KeptAnswer>> {
        self.backend().answer(key.into())
    }
}
