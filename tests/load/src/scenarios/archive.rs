//! Asking an archive how much it holds (XEP-0313 with XEP-0059 §2.6).

use anyhow::{Context, Result, bail};

use super::session;
use crate::servers::Server;

/// Messages in the archive of `username`.
pub(super) async fn count_archived(server: &Server, username: &str) -> Result<u64> {
    let mut client = session(server, username, None).await?;
    client
        .send(
            "<iq type='set' id='count'><query xmlns='urn:xmpp:mam:2' queryid='count'>\
             <set xmlns='http://jabber.org/protocol/rsm'><max>0</max></set></query></iq>",
        )
        .await?;
    let answer = client.answer(&["</iq>"]).await?;
    client.close().await;
    let Some(count) = between(&answer, "<count>", "</count>") else {
        bail!("no count: {answer}")
    };
    count.parse().with_context(|| format!("count {count:?}"))
}

/// The text between the first `start` and the next `end`.
pub(super) fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let from = text.find(start)? + start.len();
    let length = text[from..].find(end)?;
    Some(&text[from..from + length])
}
