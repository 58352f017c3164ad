//! `chat`: the terminal client.

use super::{Whereabouts, connect, open};
use crate::service::Host;
use crate::words;
use anyhow::bail;

pub(super) async fn chat(place: &Whereabouts, language: Option<&str>) -> anyhow::Result<()> {
    let (account, folder) = place.folder()?;
    let Some(_lock) = folder.lock()? else {
        bail!(
            "another hauspost-agent has {account}: use that one, or end it first. `send` and the other commands work beside it"
        );
    };
    let words = words::of(&words::language(language));
    let mut host = Host::new(open(&account, &folder, &folder.profile()?)?);
    host.open_door(&folder)?;
    connect(&mut host)?;
    let result = crate::chat::run(&mut host, words).await;
    host.leave().await;
    result
}
