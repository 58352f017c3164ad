//! Logins: TCP connect, stream, TLS where asked for, SASL, bind, and good-bye, by 16 clients at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Result;
use tokio::task::JoinSet;

use super::{Extent, Measured};
use crate::client::{Client, Login};
use crate::histogram::Histogram;
use crate::servers::{DOMAIN, PASSWORD, Server};

const AT_ONCE: usize = 16;

pub(super) async fn run(
    server: &Server,
    extent: &Extent,
    tls: bool,
    accounts: usize,
) -> Result<Measured> {
    let next = Arc::new(AtomicUsize::new(0));
    let address = server.address;
    let cpu = server.process.cpu_seconds();
    let start = Instant::now();
    let end = start + extent.duration;
    let mut clients = JoinSet::new();
    for _ in 0..AT_ONCE {
        let next = Arc::clone(&next);
        let tls = tls.then(|| Arc::clone(&extent.tls));
        clients.spawn(async move {
            let mut times = Histogram::new();
            let mut mechanism = None;
            while Instant::now() < end {
                let username = format!("u{}", next.fetch_add(1, Ordering::Relaxed) % accounts);
                let login = Login {
                    address,
                    domain: DOMAIN,
                    username: &username,
                    password: PASSWORD,
                    resource: "load",
                    tls: tls.clone(),
                };
                let begin = Instant::now();
                let client = Client::log_in(&login).await?;
                times.record(begin.elapsed().as_nanos() as u64);
                mechanism = client.mechanism;
                client.close().await;
            }
            anyhow::Ok((times, mechanism))
        });
    }
    let mut times = Histogram::new();
    let mut mechanism = None;
    while let Some(done) = clients.join_next().await {
        let (part, used) = done??;
        times.merge(&part);
        mechanism = mechanism.or(used);
    }
    let wall = start.elapsed().as_secs_f64();
    server.process.quiet(extent.duration).await;
    let cpu = server.process.cpu_seconds() - cpu;
    let logins = times.count() as f64;
    Ok(Measured {
        figure: logins / cpu,
        details: BTreeMap::from([
            ("logins", logins),
            ("per_second", logins / wall),
            ("cpu_seconds", cpu),
            ("p50_us", times.micros(0.5)),
            ("p99_us", times.micros(0.99)),
        ]),
        note: mechanism.map_or_else(String::new, |mechanism| mechanism.name().to_owned()),
    })
}
