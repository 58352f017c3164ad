//! XEP-0484 on the server: login by token, and new tokens.

use super::finish::{Doing, Finish};
use super::login::{Login, Step};
use super::{Answer, Negotiation, Question, StoredToken};
use crate::condition::SaslCondition;
use crate::sasl::{Mechanism, SaslError, TokenResponse, derive_token};
use crate::xep::fast::IssuedToken;

impl Negotiation {
    pub(super) fn start_token(
        &mut self,
        login: &mut Login,
        response: TokenResponse,
    ) -> Result<(), SaslError> {
        login.account = self.account_of(&response.username);
        let account = login.account.clone().ok_or(SaslError::NotAuthorized)?;
        let client = login.request.agent.id.clone().ok_or(SaslError::Malformed)?;
        self.ask(Question::Tokens { account, client });
        login.step = Step::Tokens(response);
        Ok(())
    }

    /// §6.1: the "new" token first, then the "current" one. A token only counts for the mechanism it was
    /// made for, before its end, and with a count that has not been seen.
    pub(super) fn check_tokens(
        &mut self,
        mut login: Login,
        response: &TokenResponse,
        tokens: &[StoredToken],
    ) {
        let Mechanism::Token(binding) = login.mechanism else {
            return self.confused();
        };
        let (Some(account), Some(client)) = (login.account.clone(), login.request.agent.id.clone())
        else {
            return self.refuse_token(login, SaslCondition::NotAuthorized);
        };
        let fast = login.request.fast.unwrap_or_default();
        let secret = self.config.secret;
        let mut found = None;
        for token in tokens {
            let name = token.mechanism.name();
            let text = derive_token(
                secret.expose(),
                &token.seed,
                account.as_str(),
                &client,
                name,
            );
            let closing = response.check(&text, binding, self.transport.bindings());
            if let (Some(closing), None, true) =
                (closing, &found, token.mechanism == login.mechanism)
            {
                found = Some((token.clone(), closing));
            }
        }
        let Some((token, closing)) = found else {
            return self.refuse_token(login, SaslCondition::NotAuthorized);
        };
        if token.expired {
            return self.refuse_token(login, SaslCondition::CredentialsExpired);
        }
        if fast
            .count
            .zip(token.count)
            .is_some_and(|(count, seen)| count <= seen)
        {
            return self.refuse_token(login, SaslCondition::NotAuthorized);
        }
        self.ask(Question::TokenUsed {
            account,
            client,
            token: token.id,
            count: fast.count,
            invalidate: fast.invalidate,
        });
        login.credential = token.credential;
        login.step = Step::TokenUsed(token, closing);
        self.state = super::State::Login(Box::new(login));
    }

    fn refuse_token(&mut self, login: Login, condition: SaslCondition) {
        self.fail_login(
            login.profile,
            condition,
            login.account,
            Some(login.mechanism),
        );
    }

    pub(super) fn proven_by_token(&mut self, login: Login, closing: Vec<u8>, rotate: bool) {
        let Some(account) = login.account else {
            return self.confused();
        };
        // A token that was just ended has no successor unless one is asked for (§3.6).
        self.credential = login.credential;
        self.by_password = false;
        let rotate = rotate && !login.request.fast.unwrap_or_default().invalidate;
        self.finish(Finish::new(
            account,
            login.mechanism,
            login.request,
            Some(closing),
            rotate,
        ));
    }

    /// Asks for a new token where one is wanted or due. Says whether it did.
    pub(super) fn issue_token(&mut self, finish: &mut Finish) -> bool {
        let wanted = finish
            .request
            .request_token
            .as_deref()
            .and_then(|name| name.parse().ok());
        let due = finish.rotate.then_some(finish.mechanism);
        let mechanism = match wanted.or(due) {
            Some(mechanism @ Mechanism::Token(_)) if self.offers(mechanism) => mechanism,
            _ => return false,
        };
        let client = finish.request.agent.clone();
        let Some(id) = client.id.clone() else {
            return false;
        };
        let seed = self.seed.bytes("token");
        let secret = self.config.secret.expose();
        let token = derive_token(
            secret,
            &seed,
            finish.account.as_str(),
            &id,
            mechanism.name(),
        );
        self.ask(Question::IssueToken {
            account: finish.account.clone(),
            client,
            mechanism,
            seed,
            credential: self.credential,
        });
        finish.doing = Doing::Issue(token);
        true
    }

    pub(super) fn token_issued(&mut self, mut finish: Finish, answer: Answer) {
        if let (Doing::Issue(token), Answer::TokenIssued { expiry }) = (finish.doing, answer) {
            finish.success.token = Some(IssuedToken { token, expiry });
        }
        finish.doing = Doing::Resume;
        self.go_on(finish);
    }
}
