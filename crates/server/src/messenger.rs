//! What the messenger is told, and what it needs done from time to time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use base::Redacted;

use chat::config::{
    EncryptionPolicy, EncryptionRule, Registration, RelayConfig, UploadConfig, upload_base,
};
use chat::{Chat, ChatConfig, Contact, FederationSettings, PushConfig};
use store::Store;

use crate::config::{Access, Config, Encryption, FederationMode, Mechanism, RegistrationMode};
use crate::net::Clock;
use crate::uploads::Uploads;
use xmpp::stream::federation::Peers;
use xmpp::xep::privilege;

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
    chat.federation = federation(config);
    chat.encryption = encryption(&config.policy.encryption);
    chat.own_keys_only = config.policy.encryption.own_keys_only;
    chat.throttle.free_failures = config.auth.failures_before_delay;
    chat.throttle.longest_delay = Duration::from_secs(u64::from(config.auth.longest_delay_seconds));
    chat.throttle.refuse_after = config.auth.failures_per_address;
    chat.uploads = config.uploads.enabled.then(|| upload_config(config));
    chat.push = PushConfig {
        enabled: config.push.enabled,
        placeholder: Some(config.push.placeholder.clone()).filter(|text| !text.is_empty()),
        coalesce: Duration::from_secs(u64::from(config.push.coalesce_seconds)),
        registrations: config.limits.push_registrations,
    };
    chat.relays = RelayConfig {
        services: config.turn.services(),
        secret: config.turn.secret.expose().to_owned().into(),
        lifetime: Duration::from_secs(u64::from(config.turn.credential_seconds)),
    };
    chat.registration = registration(config);
    chat.directory = crate::identity::settings_of(&config.identity.ldap);
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

fn encryption(rules: &Encryption) -> EncryptionPolicy {
    use crate::config::EncryptionRule as Rule;
    let rule = |rule| match rule {
        Rule::Required => EncryptionRule::Required,
        Rule::Default => EncryptionRule::Default,
        Rule::Off => EncryptionRule::Off,
    };
    EncryptionPolicy {
        direct: rule(rules.direct),
        groups: rule(rules.groups),
        remote: rule(rules.remote),
    }
}

/// Domains as they stand in addresses.
fn domains(names: &[String]) -> Vec<String> {
    let normal = names.iter().filter_map(|name| base::Jid::parse(name).ok());
    normal.map(|name| name.domain().to_owned()).collect()
}

fn access(access: Access) -> privilege::Access {
    match access {
        Access::None => privilege::Access::None,
        Access::Get => privilege::Access::Get,
        Access::Set => privilege::Access::Set,
        Access::Both => privilege::Access::Both,
    }
}

fn privileges(config: &Config) -> BTreeMap<Arc<str>, privilege::Privileges> {
    let known = config.privileges.0.iter().filter_map(|(domain, given)| {
        let domain = base::Jid::parse(domain).ok()?;
        let privileges = privilege::Privileges {
            roster: access(given.roster),
            message: given.message,
            presence: given.presence,
            iq: given
                .iq
                .iter()
                .map(|(namespace, allowed)| (namespace.clone(), access(*allowed)))
                .collect(),
        };
        Some((domain.domain().into(), privileges))
    });
    known
        .filter(|(_, privileges)| !privileges.is_empty())
        .collect()
}

fn delegations(config: &Config) -> BTreeMap<Arc<str>, Arc<str>> {
    let mut delegations = BTreeMap::new();
    for (domain, given) in &config.privileges.0 {
        let Ok(domain) = base::Jid::parse(domain) else {
            continue;
        };
        for namespace in &given.delegate {
            delegations.insert(namespace.as_str().into(), domain.domain().into());
        }
    }
    delegations
}

fn federation(config: &Config) -> FederationSettings {
    let (policy, federation) = (&config.policy.federation, &config.federation);
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    FederationSettings {
        enabled: policy.mode != FederationMode::Off,
        peers: Peers {
            open: policy.mode == FederationMode::Open,
            allow: domains(&policy.allow),
            block: domains(&policy.block),
        },
        dialback: policy.dialback,
        certificate: true,
        queue_stanzas: federation.queue_stanzas,
        queue_bytes: federation.queue_bytes,
        account_domains: federation.domains_per_account,
        account_bytes: federation.queue_bytes_per_account,
        dials: federation.dials,
        domain_streams: federation.streams_per_domain,
        retry_first: seconds(federation.retry_first_seconds),
        retry_longest: seconds(federation.retry_longest_seconds),
        message_lifetime: Duration::from_secs(u64::from(federation.message_hours) * 3600),
        idle: seconds(federation.idle_seconds),
        privileges: privileges(config),
        delegations: delegations(config),
        components: config
            .components
            .0
            .iter()
            .filter_map(|(domain, secret)| {
                let domain = base::Jid::parse(domain).ok()?;
                Some((
                    domain.domain().into(),
                    Redacted::new(secret.expose().to_owned()),
                ))
            })
            .collect(),
    }
}

fn upload_config(config: &Config) -> UploadConfig {
    let limits = &config.limits;
    let days = u64::from(config.uploads.retention_days);
    UploadConfig {
        base: upload_base(&config.public_url()),
        file_bytes: limits.upload_file_bytes,
        profile_bytes: limits.upload_profile_bytes,
        account_bytes: limits.upload_account_bytes,
        slot: Duration::from_secs(u64::from(limits.upload_slot_seconds)),
        slots: limits.upload_slots,
        retention: (days > 0).then(|| Duration::from_secs(days * 86_400)),
    }
}

fn registration(config: &Config) -> Registration {
    let days = |days: u32| Duration::from_secs(u64::from(days) * 24 * 3600);
    let rules = &config.registration;
    let reserved = rules.reserved_names.iter();
    Registration {
        mode: match rules.mode {
            RegistrationMode::Off => chat::config::RegistrationMode::Off,
            RegistrationMode::Invitation => chat::config::RegistrationMode::Invitation,
            RegistrationMode::Open => chat::config::RegistrationMode::Open,
        },
        users_invite: rules.users_invite,
        invitation_lifetime: days(rules.invitation_days),
        invitations: rules.invitations_per_user,
        per_address_per_hour: rules.per_address_per_hour,
        per_hour: rules.per_hour,
        shortest_password: rules.shortest_password,
        reserved_names: reserved
            .filter_map(|name| base::jid::local_part_strict(name).ok())
            .map(Into::into)
            .collect(),
        users_remove: rules.users_remove,
        app_passwords: rules.app_passwords_per_user,
        device_history: days(rules.device_days),
        public_url: if config.http.public_url.is_empty() && config.listen.https.is_empty() {
            // Only this machine reaches the pages.
            "".into()
        } else {
            config.public_url().into()
        },
    }
}

/// How long invitations are kept after their end, so that their page can say what became of them.
const ENDED_INVITATIONS: Duration = Duration::from_secs(90 * 24 * 3600);

/// Chores of every second and every hour, for as long as the server runs.
pub async fn chores(chat: Chat, config: Arc<ArcSwap<Config>>, uploads: Arc<Uploads>, clock: Clock) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut seconds: u32 = 0;
    // Ends with this task: a store that was closed for a restore is no error of the files.
    let mut files = tokio::task::JoinSet::new();
    let mut compared = None;
    loop {
        second.tick().await;
        chat.tick(clock.now()).await;
        if seconds.is_multiple_of(3600) {
            hourly(&chat, &config.load_full(), clock).await;
        }
        let settings = config.load_full();
        while files.try_join_next().is_some() {}
        if settings.uploads.enabled && seconds.is_multiple_of(FILES_EVERY) && files.is_empty() {
            let uploads = Arc::clone(&uploads);
            let all = compared.is_none_or(|then| seconds.wrapping_sub(then) >= COMPARED_EVERY);
            if all && uploads.is_ready() {
                compared = Some(seconds);
            }
            files.spawn(async move { files_chore(&uploads, &settings, clock, all).await });
        }
        seconds = seconds.wrapping_add(1);
    }
}

/// Seconds between collections of files whose time has come.
const FILES_EVERY: u32 = 60;
/// Seconds between comparisons of all records with all files.
const COMPARED_EVERY: u32 = 24 * 3600;

/// What is to be done about files; `all` compares records and objects, too.
async fn files_chore(uploads: &Uploads, config: &Config, clock: Clock, all: bool) {
    let now = clock.now();
    if !uploads.is_ready() {
        if let Err(error) = uploads.recover().await {
            tracing::error!(
                error = format!("{error:#}"),
                "files cannot be used; trying again in a minute"
            );
            return;
        }
        tracing::info!("files can be used");
    }
    let days = i64::from(config.uploads.retention_days);
    let before = (days > 0).then(|| {
        base::Timestamp::from_micros(now.wall.micros().saturating_sub(days * 86_400_000_000))
    });
    match uploads.expire(now, before).await {
        Ok(0) => {}
        Ok(removed) => tracing::info!(removed, "files removed whose time was over"),
        Err(error) => {
            tracing::error!(
                error = format!("{error:#}"),
                "old files could not be removed"
            );
        }
    }
    if !all {
        return;
    }
    match uploads.compare(now).await {
        Ok(orphans) if orphans == Default::default() => {}
        Ok(orphans) => tracing::warn!(
            objects = orphans.objects,
            records = orphans.records,
            "files without a record and records without a file removed"
        ),
        Err(error) => {
            tracing::error!(
                error = format!("{error:#}"),
                "files could not be compared with their records"
            );
        }
    }
}

async fn hourly(chat: &Chat, config: &Config, clock: Clock) {
    let now = clock.now().wall;
    let mut batch = store::Batch::new();
    batch.token_expire(now);
    batch.api_token_expire(now);
    let earlier = |span: Duration| {
        let span = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        base::Timestamp::from_micros(now.micros().saturating_sub(span))
    };
    batch.invitation_expire(earlier(ENDED_INVITATIONS));
    batch.device_expire(earlier(chat.config().registration.device_history));
    batch.node_items_expire(now);
    if let Err(error) = chat.store().submit(batch).ticket.await {
        tracing::error!(%error, "old tokens, invitations, devices and items could not be removed");
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
