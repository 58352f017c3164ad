//! `verify`: shows this account's code, and verifies devices of others.

use std::cell::RefCell;

use anyhow::{Context, bail};

use super::{Connection, Whereabouts, devices, say, terminal};
use crate::cli::Verify;
use crate::code;
use crate::service::record::DeviceRecord;
use crate::service::{Answer, Decision, Request};

pub(super) async fn verify(place: &Whereabouts, verify: &Verify) -> anyhow::Result<()> {
    let Some(who) = &verify.who else {
        return show(place).await;
    };
    if who.contains("omemo-sid-") {
        let request = Request::VerifyUri { uri: who.clone() };
        return place
            .request(request, Connection::Needed, |answer| match answer {
                Answer::Text { text } => say(&format!("{text}.")),
                _ => Ok(()),
            })
            .await;
    }
    if let Some(fingerprint) = &verify.fingerprint {
        let decision = if verify.distrust {
            Decision::Distrust
        } else {
            Decision::Verify
        };
        return decide(place, who, fingerprint, decision).await;
    }
    compare(place, who).await
}

/// The code that others scan, and the fingerprint that others compare.
async fn show(place: &Whereabouts) -> anyhow::Result<()> {
    let uri = RefCell::new(String::new());
    place
        .request(Request::OwnUri, Connection::None, |answer| {
            if let Answer::Text { text } = answer {
                *uri.borrow_mut() = text;
            }
            Ok(())
        })
        .await?;
    let uri = uri.into_inner();
    let code = code::half_blocks(&uri).context("the code is too large to be drawn")?;
    say(&code::in_colours(&code))?;
    say(&uri)?;
    say("")?;
    for device in known(place, None).await? {
        if device.this {
            say(&devices::in_words(&device))?;
        }
    }
    say("Others scan the code, or compare the fingerprint with what they see.")
}

async fn known(place: &Whereabouts, account: Option<&str>) -> anyhow::Result<Vec<DeviceRecord>> {
    let mut known = Vec::new();
    let request = Request::Devices {
        account: account.map(str::to_owned),
    };
    place
        .request(request, Connection::None, |answer| {
            if let Answer::Device(device) = answer {
                known.push(device);
            }
            Ok(())
        })
        .await?;
    Ok(known)
}

async fn decide(
    place: &Whereabouts,
    who: &str,
    fingerprint: &str,
    decision: Decision,
) -> anyhow::Result<()> {
    let request = Request::Decide {
        account: who.to_owned(),
        fingerprint: fingerprint.to_owned(),
        decision,
    };
    place
        .request(request, Connection::Needed, |_| Ok(()))
        .await?;
    say(match decision {
        Decision::Verify => "Verified.",
        Decision::Accept => "Believed from now on.",
        Decision::Distrust => "Not believed: nothing is written to this device any more.",
    })
}

/// Asks for each device whether its fingerprint is the right one.
async fn compare(place: &Whereabouts, who: &str) -> anyhow::Result<()> {
    let Some(terminal) = terminal::open() else {
        bail!("there is no terminal to compare fingerprints on; use --fingerprint");
    };
    let mut open = 0;
    for device in known(place, Some(who)).await? {
        let is_open = !device.this && device.active && device.trust.as_deref() != Some("verified");
        let Some(fingerprint) = device.fingerprint.as_deref().filter(|_| is_open) else {
            continue;
        };
        open += 1;
        say(&devices::in_words(&device))?;
        let answer = terminal::ask(
            &terminal,
            "Does the other device show the same digits? (yes / no / Enter to skip): ",
        )?;
        let decision = match answer.trim().to_lowercase().as_str() {
            "yes" | "y" | "ja" | "j" => Decision::Verify,
            "no" | "n" | "nein" => Decision::Distrust,
            _ => continue,
        };
        decide(place, who, fingerprint, decision).await?;
    }
    if open == 0 {
        say(&format!(
            "There is no device of {who} here that waits to be verified."
        ))?;
    }
    Ok(())
}
