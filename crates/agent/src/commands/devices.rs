//! `devices`: lists devices, and takes lost ones out.

use super::{Connection, Whereabouts, say};
use crate::chat::harmless;
use crate::cli::Devices;
use crate::service::record::DeviceRecord;
use crate::service::{Answer, Request};

pub(super) async fn devices(place: &Whereabouts, devices: &Devices) -> anyhow::Result<()> {
    if let Some(device) = devices.revoke {
        let revoke = Request::Revoke { device };
        return place
            .request(revoke, Connection::Needed, |answer| match answer {
                Answer::Text { text } => say(&text),
                _ => Ok(()),
            })
            .await;
    }
    let request = Request::Devices {
        account: devices.of.as_ref().map(ToString::to_string),
    };
    let mut found = 0;
    place
        .request(request, Connection::None, |answer| {
            let Answer::Device(device) = answer else {
                return Ok(());
            };
            found += 1;
            if devices.json {
                say(&super::json(&device)?)
            } else {
                say(&in_words(&device))
            }
        })
        .await?;
    if found == 0 && !devices.json {
        say("No device is known here yet: they are learnt when you write to somebody.")?;
    }
    Ok(())
}

/// Two lines for a person.
pub(super) fn in_words(device: &DeviceRecord) -> String {
    let trust = match device.trust.as_deref() {
        _ if device.this => "this device",
        Some("verified") => "verified",
        Some("first-use") => "believed on first use, not verified",
        Some("distrusted") => "not believed: nothing is written to it",
        Some(_) => "new: nothing is written to it before you have looked at it",
        None => "its key is not known yet",
    };
    let gone = if device.active { "" } else { ", gone" };
    let label = device
        .label
        .as_deref()
        .map_or_else(String::new, |label| format!(" “{}”", harmless(label)));
    let heard = device
        .heard
        .as_deref()
        .filter(|_| !device.this)
        .map_or_else(String::new, |heard| format!(", last heard {heard}"));
    let fingerprint = device.fingerprint.as_deref().unwrap_or("–");
    format!(
        "{}{label}: {trust}{gone}{heard}\n  {fingerprint}",
        device.device
    )
}
