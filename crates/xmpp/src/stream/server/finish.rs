//! What SASL2 does between proof and `<success/>`: upgrades, tokens, resumption, binding (XEP-0388 §2.6).

use std::collections::VecDeque;

use base::BareJid;

use super::upgrade::Task;
use super::{Answer, Established, Inline, Negotiation, Output, Question, State};
use crate::sasl::{Mechanism, ScramHash, Token};
use crate::sm::SmElement;
use crate::xep::sasl2::{Authenticate, Success};

/// A login that is proven but not yet told to the client.
#[derive(Debug)]
pub(super) struct Finish {
    pub(super) account: BareJid,
    pub(super) mechanism: Mechanism,
    pub(super) request: Authenticate,
    /// The token used is near its end.
    pub(super) rotate: bool,
    /// Upgrades still to do.
    pub(super) tasks: VecDeque<ScramHash>,
    pub(super) doing: Doing,
    pub(super) success: Success,
}

/// The steps, in their order.
#[derive(Debug)]
pub(super) enum Doing {
    /// See whether upgrades are wanted.
    Upgrades,
    /// Asked what is there.
    Hashes(Vec<ScramHash>),
    /// The client works on a task.
    Task(Task),
    /// Keys are being stored.
    Store,
    /// See whether a token is wanted.
    Token,
    /// This token is being stored.
    Issue(Token),
    /// See whether a session is to be resumed.
    Resume,
    /// Asked for it.
    Resuming(String),
    /// See whether a resource is to be bound.
    Bind,
    /// Asked for it.
    Binding,
}

impl Finish {
    pub(super) fn new(
        account: BareJid,
        mechanism: Mechanism,
        request: Authenticate,
        additional_data: Option<Vec<u8>>,
        rotate: bool,
    ) -> Finish {
        let success = Success {
            additional_data,
            identifier: account.to_string(),
            ..Success::default()
        };
        Finish {
            account,
            mechanism,
            request,
            rotate,
            tasks: VecDeque::new(),
            doing: Doing::Upgrades,
            success,
        }
    }

    pub(super) fn awaits_answer(&self) -> bool {
        !matches!(self.doing, Doing::Task(_))
    }
}

impl Negotiation {
    pub(super) fn finish(&mut self, finish: Finish) {
        self.go_on(finish);
    }

    /// Does steps until one needs an answer or all are done.
    pub(super) fn go_on(&mut self, mut finish: Finish) {
        if matches!(finish.doing, Doing::Upgrades) {
            if self.ask_hashes(&mut finish) {
                self.state = State::Finish(Box::new(finish));
                return;
            }
            finish.doing = Doing::Token;
        }
        if self.account.is_none() {
            // No task is left that could still fail.
            self.account = Some(finish.account.clone());
            self.out.push_back(Output::Authenticated {
                account: finish.account.clone(),
            });
        }
        if matches!(finish.doing, Doing::Token) {
            if self.issue_token(&mut finish) {
                self.state = State::Finish(Box::new(finish));
                return;
            }
            finish.doing = Doing::Resume;
        }
        if matches!(finish.doing, Doing::Resume) {
            if let Some((previous, h)) = finish.request.resume.take() {
                let account = finish.account.clone();
                self.ask(Question::Resume {
                    account,
                    previous: previous.clone(),
                    h,
                    credential: self.credential,
                });
                finish.doing = Doing::Resuming(previous);
                self.state = State::Finish(Box::new(finish));
                return;
            }
            finish.doing = Doing::Bind;
        }
        match finish.request.bind.take() {
            Some(bind) => {
                let agent = finish.request.agent.clone();
                let request = self.bind2_request(&finish.account, &bind, agent);
                finish.request.bind = Some(bind);
                finish.doing = Doing::Binding;
                match request {
                    Some(request) => {
                        self.ask(Question::Bind(request));
                        self.state = State::Finish(Box::new(finish));
                    }
                    None => self.confused(),
                }
            }
            None => self.succeed(finish),
        }
    }

    /// Logged in, but without a resource.
    fn succeed(&mut self, finish: Finish) {
        self.send(finish.success.to_xml());
        let features = self.features_after_login(false);
        self.send(features);
        self.state = State::Known;
    }

    pub(super) fn answer_finish(&mut self, mut finish: Finish, answer: Answer) {
        match (&finish.doing, answer) {
            (Doing::Hashes(_), answer) => self.hashes_known(finish, answer),
            (Doing::Store, answer) => self.keys_stored(finish, answer),
            (Doing::Issue(_), answer) => self.token_issued(finish, answer),
            (Doing::Resuming(previous), Answer::Resumed { h }) => {
                let previous = previous.clone();
                finish.success.sm = Some(SmElement::Resumed {
                    previous: previous.clone(),
                    h,
                });
                // No features follow: the stream is the former one from here on (XEP-0198 §9.2).
                self.send(finish.success.to_xml());
                self.state = State::Ended;
                self.out
                    .push_back(Output::Established(Established::Resumed {
                        account: finish.account,
                        previous,
                    }));
            }
            (Doing::Resuming(_), Answer::ResumeFailed { h, condition }) => {
                finish.success.sm = Some(SmElement::Failed { h, condition });
                finish.doing = Doing::Bind;
                self.go_on(finish);
            }
            (Doing::Binding, Answer::Bound { jid, inline }) => {
                finish.success.identifier = jid.to_string();
                finish.success.bound = Some(inline);
                self.send(finish.success.to_xml());
                let features = self.features_after_login(true);
                self.send(features);
                self.state = State::Ended;
                let enable: Inline = finish
                    .request
                    .bind
                    .map(|bind| bind.enable)
                    .unwrap_or_default();
                let agent = finish.request.agent;
                self.out.push_back(Output::Established(Established::Bound {
                    jid,
                    enable,
                    bind2: true,
                    agent,
                }));
            }
            // Bind 2 knows no failure: the client sees that nothing is bound and may try the older way.
            (Doing::Binding, Answer::BindRefused(_)) => self.succeed(finish),
            _ => {
                self.state = State::Finish(Box::new(finish));
                self.confused();
            }
        }
    }
}
