//! `devices` and `verify`: whose devices there are, and how far they are believed.

use std::time::Duration;

use client::{BareJid, Command, CommandError, DeviceId, Done, read_fingerprint};
use tokio::time::Instant;

use super::record::DeviceRecord;
use super::{Answer, Answers, Decision, Progress};
use crate::runtime::engine::Engine;

/// How long the server may take to take a device out.
const REVOKE_PATIENCE: Duration = Duration::from_secs(30);

/// How long it may take until a device is known that the server lists.
const FIND_PATIENCE: Duration = Duration::from_secs(10);

fn tell(answers: &Answers, answer: Answer) {
    let _ = answers.send(answer);
}

fn tell_result(answers: &Answers, result: Result<Done, CommandError>) {
    tell(
        answers,
        match result {
            Ok(_) => Answer::Done,
            Err(error) => Answer::failed(error.to_string()),
        },
    );
}

fn address(text: &str) -> Result<BareJid, Box<Answer>> {
    BareJid::parse(text)
        .map_err(|error| Box::new(Answer::failed(format!("“{text}” is no address: {error}"))))
}

/// Lists the devices of an account.
pub(super) fn devices(engine: &Engine, account: Option<&str>, answers: &Answers) {
    let account = match account.map_or_else(|| Ok(engine.account().clone()), address) {
        Ok(account) => account,
        Err(answer) => return tell(answers, *answer),
    };
    match engine.client().devices(&account) {
        Ok(devices) => {
            for device in devices {
                tell(answers, Answer::Device(DeviceRecord::new(&device)));
            }
            tell(answers, Answer::Done);
        }
        Err(error) => tell(answers, Answer::failed(error.to_string())),
    }
}

/// A device that is being taken out.
pub(super) struct Revoking {
    device: u32,
    /// Whether it was found; one that is new may be known only after a look at the server.
    found: bool,
    /// Whether it is one of this account, though there is no connection yet.
    known: bool,
    deadline: Instant,
}

impl Revoking {
    /// Done once the account does not list the device any more.
    pub(super) fn look_at(&mut self, engine: &mut Engine, answers: &Answers) -> Progress {
        if !self.found {
            return self.find(engine, answers);
        }
        let devices = engine.client().devices(engine.account());
        let is_listed = devices.is_ok_and(|devices| {
            devices
                .iter()
                .any(|known| known.device == self.device && !known.forms.is_empty())
        });
        if is_listed || engine.client().is_ending_access() {
            return Progress::Waits;
        }
        let end = match engine.client().access_refused() {
            None => ", and it is logged out.".to_owned(),
            Some(why) => format!(". WARNING: {why}"),
        };
        let device = self.device;
        let text = format!("Device {device} is taken out: nobody writes to it any more{end}");
        tell(answers, Answer::Text { text });
        tell(answers, Answer::Done);
        Progress::Ended
    }

    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Takes it out once it is known.
    fn find(&mut self, engine: &mut Engine, answers: &Answers) -> Progress {
        let known = engine.client().devices(&engine.account().clone());
        let found = known.ok().and_then(|devices| {
            devices
                .into_iter()
                .find(|known| known.device == self.device)
        });
        let Some(found) = found else {
            return Progress::Waits;
        };
        if found.this {
            tell(
                answers,
                Answer::failed("this is the device itself: use `hauspost-agent logout`"),
            );
            return Progress::Ended;
        }
        // Without a connection the server could not be told to log it out.
        self.known = true;
        if !engine.client().is_online() {
            return Progress::Waits;
        }
        let result = engine.command(Command::RevokeDevice {
            device: found.device,
        });
        if let Err(error) = result {
            tell(answers, Answer::failed(error.to_string()));
            return Progress::Ended;
        }
        self.found = true;
        self.deadline = Instant::now() + REVOKE_PATIENCE;
        Progress::Waits
    }

    /// The time is over.
    pub(super) fn expire(&self, answers: &Answers) {
        let answer = if self.found {
            Answer::failed(
                "the server did not take the device out and log it out in time: try again",
            )
        } else if self.known {
            Answer::failed("there is no connection to the server: nothing was done, try again")
        } else {
            Answer::failed(format!(
                "no device of this account has the number {}: `hauspost-agent devices` lists them",
                self.device
            ))
        };
        tell(answers, answer);
    }
}

/// Takes a device of ours out; `None` when that is not possible.
pub(super) fn revoke(engine: &mut Engine, device: u32, answers: &Answers) -> Option<Revoking> {
    let mut revoking = Revoking {
        device,
        found: false,
        known: false,
        deadline: Instant::now() + FIND_PATIENCE,
    };
    (revoking.find(engine, answers) == Progress::Waits).then_some(revoking)
}

/// Decides about a device.
pub(super) fn decide(
    engine: &mut Engine,
    account: &str,
    fingerprint: &str,
    decision: Decision,
    answers: &Answers,
) {
    let account = match address(account) {
        Ok(account) => account,
        Err(answer) => return tell(answers, *answer),
    };
    let Some(identity) = read_fingerprint(fingerprint) else {
        return tell(
            answers,
            Answer::failed("a fingerprint has eight groups of eight hexadecimal digits"),
        );
    };
    let is_known = engine.client().devices(&account).is_ok_and(|devices| {
        devices
            .iter()
            .any(|device| device.identity == Some(identity))
    });
    if !is_known {
        return tell(
            answers,
            Answer::failed(format!(
                "no device of {account} that is known here has this fingerprint: nothing was decided"
            )),
        );
    }
    let result = engine.command(match decision {
        Decision::Verify => Command::Verify { account, identity },
        Decision::Accept => Command::Accept { account, identity },
        Decision::Distrust => Command::Distrust { account, identity },
    });
    tell_result(answers, result);
}

/// Holds a verification address against what is known.
pub(super) fn verify_uri(engine: &mut Engine, uri: String, answers: &Answers) {
    match engine.command(Command::VerifyUri(uri)) {
        Ok(Done::Verified {
            account,
            verified,
            mismatched,
        }) => {
            if !mismatched.is_empty() {
                let list: Vec<String> = mismatched.iter().map(DeviceId::to_string).collect();
                return tell(
                    answers,
                    Answer::Failed {
                        code: super::send::REFUSED,
                        text: format!(
                            "{account} has devices whose key is another one than the code says ({}): somebody may be listening. Nothing was decided about them; ask in person",
                            list.join(", ")
                        ),
                    },
                );
            }
            let text = match verified {
                0 => format!(
                    "none of the devices in the code is known here yet; send {account} a message first, then verify again"
                ),
                1 => format!("1 device of {account} is verified now"),
                _ => format!("{verified} devices of {account} are verified now"),
            };
            tell(answers, Answer::Text { text });
            tell(answers, Answer::Done);
        }
        other => tell_result(answers, other),
    }
}

/// The address that others verify us by.
pub(super) fn own_uri(engine: &Engine, answers: &Answers) {
    match engine.client().verification_uri() {
        Ok(uri) => {
            tell(
                answers,
                Answer::Text {
                    text: uri.to_string(),
                },
            );
            tell(answers, Answer::Done);
        }
        Err(error) => tell(answers, Answer::failed(error.to_string())),
    }
}
