//! What the rooms count, given to the metrics at scrape time.

use std::sync::Arc;

use api::{Api, Figure, FigureKind};
use chat::Chat;
use store::Store;

use crate::backup::Tally;
use crate::net::{Doors, Peers};

/// Connects the counters of messenger, store and sockets.
pub(crate) fn connect(
    api: &Api,
    chat: &Chat,
    store: &Store,
    doors: &Doors,
    peers: &Peers,
    backups: &Arc<Tally>,
) {
    let (messenger, kept, sockets) = (chat.clone(), store.clone(), doors.clone());
    let (peers, backups) = (peers.clone(), backups.clone());
    api.metrics.add_source(move |out| {
        let chat = messenger.metrics().snapshot();
        let store = kept.figures();
        let sessions = chat.sessions_bound.saturating_sub(chat.sessions_ended);
        for (name, help, value) in [
            (
                "hauspost_messages_received",
                "Messages received from clients",
                chat.messages_in,
            ),
            (
                "hauspost_presence_received",
                "Presence stanzas received from clients",
                chat.presence_in,
            ),
            (
                "hauspost_requests_received",
                "IQ stanzas received from clients",
                chat.requests_in,
            ),
            (
                "hauspost_stanzas_sent",
                "Stanzas written to clients",
                chat.stanzas_out,
            ),
            (
                "hauspost_messages_kept",
                "Messages kept in archives",
                chat.messages_kept,
            ),
            (
                "hauspost_sessions_bound",
                "Sessions begun",
                chat.sessions_bound,
            ),
            (
                "hauspost_sessions_resumed",
                "Sessions resumed",
                chat.sessions_resumed,
            ),
            ("hauspost_logins", "Logins that succeeded", chat.logins),
            (
                "hauspost_logins_failed",
                "Logins that failed",
                chat.logins_failed,
            ),
            (
                "hauspost_stream_errors",
                "Streams ended by an error of ours",
                chat.stream_errors,
            ),
            (
                "hauspost_mailboxes_overflowed",
                "Sessions ended because they did not read",
                chat.mailboxes_overflowed,
            ),
            (
                "hauspost_store_batches",
                "Batches that are durable",
                store.batches,
            ),
            (
                "hauspost_store_entries",
                "Archive copies that are durable",
                store.entries,
            ),
            (
                "hauspost_store_commits",
                "Commits, each with one sync of the disk",
                store.commits,
            ),
            (
                "hauspost_store_commits_failed",
                "Commits that failed",
                store.failed_commits,
            ),
            (
                "hauspost_backups_failed",
                "Backups that the server could not make",
                backups.failed(),
            ),
        ] {
            out.push(Figure {
                name,
                help,
                kind: FigureKind::Counter,
                value: value as f64,
            });
        }
        for (name, help, value) in [
            ("hauspost_sessions", "Sessions that are there now", sessions),
            (
                "hauspost_sockets",
                "XMPP connections that are open now",
                u64::from(sockets.open()),
            ),
            (
                "hauspost_peer_connections",
                "Connections with other servers and components that are open now",
                u64::from(peers.open()),
            ),
            (
                "hauspost_store_queued_bytes",
                "Bytes that wait to be written",
                store.queued_bytes,
            ),
            (
                "hauspost_store_tail_bytes",
                "Bytes of new archive entries in memory",
                store.tail_bytes,
            ),
            (
                "hauspost_store_wal_bytes",
                "Bytes of the write-ahead log",
                store.wal_bytes,
            ),
            (
                "hauspost_backup_newest_timestamp_seconds",
                "When the newest backup was begun; 0 when the server makes none",
                u64::try_from(backups.newest()).unwrap_or(0),
            ),
        ] {
            out.push(Figure {
                name,
                help,
                kind: FigureKind::Gauge,
                value: value as f64,
            });
        }
    });
    let store = store.clone();
    api.health.add_check(move || {
        if store.figures().failing {
            // Whether it still does is found out by trying: nobody else may, once no clients are sent here.
            let mut attempt = store::Batch::new();
            attempt.setting_set("readiness", Some(b"asked".as_slice()));
            attempt.setting_set("readiness", None);
            drop(store.submit(attempt));
            Err("nothing can be kept; the log says why".to_owned())
        } else if store.congested() {
            Err("the disk does not keep up".to_owned())
        } else {
            Ok(())
        }
    });
}
