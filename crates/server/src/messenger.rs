//! What the messenger is told, and what it needs done from time to time.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use chat::{Chat, ChatConfig, Contact};
use store::Store;

use crate::config::{Config, Mechanism};
use crate::net::Clock;

/// Setting under which the server's secret is kept.
const SECRET: &str = "server-secret";

/// The secret of this server, made at the first start.
///
/// # Errors
/// When the store cannot be used.
pub async fn secret(store: &Store) -> anyhow::Result<[u8; 32]> {
    let mut fresh = [0; 32];
    getrandom::fill(&mut fresh)?;
    let kept = store.setting_or(SECRET, fresh.to_vec()).await?;
    kept.try_into().map_err(|_| {
        anyhow::anyhow!("the server's secret in the store is damaged; restore the last backup")
    })
}

/// The messenger's part of the configuration.
pub fn chat_config(config: &Config, secret: [u8; 32]) -> ChatConfig {
    let mut chat = ChatConfig::new(&config.domain, secret);
    chat.mechanisms = config
        .auth
        .mechanisms
        .iter()
        .map(|mechanism| {
            match mechanism {
                Mechanism::ScramSha512 => "SCRAM-SHA-512",
                Mechanism::ScramSha256 => "SCRAM-SHA-256",
                Mechanism::ScramSha1 => "SCRAM-SHA-1",
                Mechanism::Plain => "PLAIN",
                Mechanism::External => "EXTERNAL",
            }
            .to_owned()
        })
        .collect();
    chat.scram_iterations = config.auth.scram_iterations;
    chat.plaintext_on_loopback = config.auth.plaintext_on_loopback;
    chat.tokens = config.auth.fast;
    chat.token_lifetime = Duration::from_secs(u64::from(config.auth.fast_token_days) * 24 * 3600);
    chat.publish_server_information = config.contact.publish_server_information;
    chat.limits = config.limits.messenger();
    chat.archive = config.archive.enabled;
    chat.throttle.free_failures = config.auth.failures_before_delay;
    chat.throttle.longest_delay = Duration::from_secs(u64::from(config.auth.longest_delay_seconds));
    chat.throttle.refuse_after = config.auth.failures_per_address;
    let contact = &config.contact;
    chat.contact = [
        ("abuse-addresses", &contact.abuse),
        ("admin-addresses", &contact.admin),
        ("feedback-addresses", &contact.feedback),
        ("sales-addresses", &contact.sales),
        ("security-addresses", &contact.security),
        ("status-addresses", &contact.status),
        ("support-addresses", &contact.support),
    ]
    .into_iter()
    .filter(|(_, addresses)| !addresses.is_empty())
    .map(|(kind, addresses)| Contact {
        kind: kind.to_owned(),
        addresses: addresses.clone(),
    })
    .collect();
    chat
}

/// Chores of every second and every hour, for as long as the server runs.
pub async fn chores(chat: Chat, config: Arc<ArcSwap<Config>>, clock: Clock) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut seconds: u32 = 0;
    loop {
        second.tick().await;
        chat.tick(clock.now()).await;
        if seconds.is_multiple_of(3600) {
            hourly(&chat, &config.load_full(), clock).await;
        }
        seconds = seconds.wrapping_add(1);
    }
}

async fn hourly(chat: &Chat, config: &Config, clock: Clock) {
    let now = clock.now().wall;
    let mut batch = store::Batch::new();
    batch.token_expire(now);
    if let Err(error) = chat.store().submit(batch).ticket.await {
        tracing::error!(%error, "old tokens could not be removed");
    }
    let days = i64::from(config.archive.retention_days);
    if days > 0 {
        let before =
            base::Timestamp::from_micros(now.micros().saturating_sub(days * 86_400_000_000));
        match chat.store().archive_expire(before).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(
                removed,
                "messages older than archive.retention_days removed"
            ),
            Err(error) => tracing::error!(%error, "old messages could not be removed"),
        }
    }
}
