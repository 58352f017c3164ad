//! What a session that only sits there costs in memory of the server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use super::{Extent, Measured, available_session};
use crate::servers::Server;

const AT_ONCE: usize = 8;

pub(super) async fn run(server: &Server, extent: &Extent, tls: bool) -> Result<Measured> {
    // The first logins pay for what is shared by all (caches, code pages): they are not counted.
    let warm = AT_ONCE * 8;
    let mut kept = log_in(server, extent, tls, 0, warm).await?;
    server.process.quiet(Duration::from_secs(5)).await;
    let before = server.process.memory();
    kept.append(&mut log_in(server, extent, tls, warm, extent.idle_sessions).await?);
    server.process.quiet(Duration::from_secs(5)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = server.process.memory();
    let sessions = (extent.idle_sessions - warm) as f64;
    let each = |before: u64, after: u64| after.saturating_sub(before) as f64 / sessions;
    drop(kept);
    Ok(Measured {
        figure: each(before.proportional_kib, after.proportional_kib),
        details: BTreeMap::from([
            ("sessions", sessions),
            (
                "rss_kib_per_session",
                each(before.resident_kib, after.resident_kib),
            ),
            ("all_pss_mib", after.proportional_kib as f64 / 1024.0),
        ]),
        note: String::new(),
    })
}

async fn log_in(
    server: &Server,
    extent: &Extent,
    tls: bool,
    from: usize,
    to: usize,
) -> Result<Vec<crate::client::Client>> {
    let mut kept = Vec::with_capacity(to - from);
    let numbers: Vec<usize> = (from..to).collect();
    for group in numbers.chunks(AT_ONCE) {
        let mut logins = Vec::new();
        for number in group {
            let username = format!("u{number}");
            let tls = tls.then(|| Arc::clone(&extent.tls));
            logins.push(async move { available_session(server, &username, tls).await });
        }
        kept.append(&mut all(logins).await?);
    }
    Ok(kept)
}

/// Waits for all of `futures` at once, on this task.
async fn all<T>(futures: Vec<impl Future<Output = Result<T>>>) -> Result<Vec<T>> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut results: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        let mut waiting = false;
        for (future, result) in futures.iter_mut().zip(&mut results) {
            if result.is_some() {
                continue;
            }
            match future.as_mut().poll(context) {
                std::task::Poll::Ready(Ok(value)) => *result = Some(value),
                std::task::Poll::Ready(Err(error)) => return std::task::Poll::Ready(Err(error)),
                std::task::Poll::Pending => waiting = true,
            }
        }
        if waiting {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(Ok(()))
        }
    })
    .await?;
    Ok(results.into_iter().flatten().collect())
}
