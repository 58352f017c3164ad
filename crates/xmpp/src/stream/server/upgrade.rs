//! XEP-0480 on the server: keys of a stronger hash, made by the client.

use super::finish::{Doing, Finish};
use super::{Answer, Credential, Negotiation, Question, State};
use crate::condition::{SaslCondition, StreamCondition};
use crate::ns;
use crate::sasl::{Key, SaltedPassword, ScramHash};
use crate::xep::sasl2;
use crate::xml::Stanza;

/// A task the client has been given.
#[derive(Debug)]
pub(super) struct Task {
    hash: ScramHash,
    /// The salt, once the client has begun.
    salt: Option<Vec<u8>>,
}

impl Negotiation {
    /// Asks what is missing, when the client is ready for upgrades. Only who has shown the password may set
    /// keys beside it: a token, a certificate or an app password must not become a password. Says whether it
    /// asked.
    pub(super) fn ask_hashes(&mut self, finish: &mut Finish) -> bool {
        let ready = |hash: &ScramHash| {
            finish
                .request
                .upgrades
                .iter()
                .any(|task| task == hash.upgrade_task())
        };
        let wanted: Vec<ScramHash> = self.config.upgrades.iter().copied().filter(ready).collect();
        let has_shown = finish.mechanism.uses_password() && self.credential == Credential::Account;
        if wanted.is_empty() || !has_shown {
            return false;
        }
        self.ask(Question::Hashes {
            account: finish.account.clone(),
        });
        finish.doing = Doing::Hashes(wanted);
        true
    }

    pub(super) fn hashes_known(&mut self, mut finish: Finish, answer: Answer) {
        let Doing::Hashes(mut wanted) = std::mem::replace(&mut finish.doing, Doing::Token) else {
            return self.confused();
        };
        match answer {
            Answer::Hashes(there) => wanted.retain(|hash| !there.contains(hash)),
            _ => wanted.clear(),
        }
        finish.tasks = wanted.into();
        self.next_task(finish);
    }

    /// Gives out the next task, or goes on.
    fn next_task(&mut self, mut finish: Finish) {
        let Some(hash) = finish.tasks.pop_front() else {
            finish.doing = Doing::Token;
            return self.go_on(finish);
        };
        let closing = finish.success.additional_data.take();
        self.send(sasl2::continue_with(
            hash.upgrade_task(),
            closing.as_deref(),
        ));
        finish.doing = Doing::Task(Task { hash, salt: None });
        self.state = State::Finish(Box::new(finish));
    }

    /// `<next/>`, then `<task-data/>`; `<abort/>` at any time.
    pub(super) fn continue_finish(&mut self, mut finish: Finish, element: &Stanza) {
        let Doing::Task(task) = &mut finish.doing else {
            return self.confused();
        };
        match (element.name(), element.namespace()) {
            ("abort", ns::SASL2) => {
                self.fail_login(
                    super::Profile::Sasl2,
                    SaslCondition::Aborted,
                    None,
                    Some(finish.mechanism),
                );
            }
            ("next", ns::SASL2) if task.salt.is_none() => {
                let tree = element.tree();
                if tree.root().attr("task") != Some(task.hash.upgrade_task()) {
                    let mechanism = Some(finish.mechanism);
                    return self.fail_login(
                        super::Profile::Sasl2,
                        SaslCondition::MalformedRequest,
                        None,
                        mechanism,
                    );
                }
                // The salt that the account has shown all along for keys it has not: app passwords share it.
                let salt = self
                    .unknown_accounts()
                    .keys(finish.account.as_str(), task.hash)
                    .salt;
                self.send(sasl2::salt(&salt, self.config.iterations));
                task.salt = Some(salt);
                self.state = State::Finish(Box::new(finish));
            }
            ("task-data", ns::SASL2) if task.salt.is_some() => {
                let (hash, salt) = (task.hash, task.salt.take().unwrap_or_default());
                let key =
                    sasl2::read_salted_password(element).filter(|key| key.len() == hash.length());
                let Some(key) = key.as_deref().and_then(Key::new) else {
                    let mechanism = Some(finish.mechanism);
                    return self.fail_login(
                        super::Profile::Sasl2,
                        SaslCondition::MalformedRequest,
                        None,
                        mechanism,
                    );
                };
                let salted = SaltedPassword {
                    hash,
                    iterations: self.config.iterations,
                    salt,
                    key,
                };
                self.ask(Question::StoreKeys {
                    account: finish.account.clone(),
                    keys: salted.keys(),
                });
                finish.doing = Doing::Store;
                self.state = State::Finish(Box::new(finish));
            }
            _ => {
                self.state = State::Finish(Box::new(finish));
                self.close(
                    Some(StreamCondition::NotAuthorized),
                    Some("Finish or abort the login first."),
                );
            }
        }
    }

    pub(super) fn keys_stored(&mut self, finish: Finish, answer: Answer) {
        match answer {
            Answer::Accepted => self.next_task(finish),
            Answer::Refused(condition) => {
                self.fail_login(
                    super::Profile::Sasl2,
                    condition,
                    None,
                    Some(finish.mechanism),
                );
            }
            _ => self.confused(),
        }
    }
}
