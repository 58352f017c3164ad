//! What the stream machine is told: made of the configuration and what the modules declare.

use std::net::IpAddr;
use std::sync::Arc;

use base::Redacted;
use xmpp::sasl::ScramHash;
use xmpp::stream::server::{DirectoryOffer, RegistrationOffer, ServerConfig};

use crate::ChatConfig;
use crate::config::RegistrationMode;
use crate::modules::{Table, caps, stream_limits};

/// What streams are offered, made once for all of them.
pub(crate) struct Offers {
    usual: Arc<ServerConfig>,
    /// For clients on this machine.
    loopback: Arc<ServerConfig>,
}

impl Offers {
    pub(crate) fn new(config: &ChatConfig, table: &Table) -> Self {
        let usual = server_config(config, table);
        let loopback = ServerConfig {
            allow_unprotected: config.plaintext_on_loopback,
            ..usual.clone()
        };
        Self {
            usual: usual.into(),
            loopback: loopback.into(),
        }
    }

    /// The offer for a client at `peer`.
    pub(crate) fn to(&self, peer: IpAddr) -> Arc<ServerConfig> {
        Arc::clone(if peer.is_loopback() {
            &self.loopback
        } else {
            &self.usual
        })
    }
}

fn server_config(config: &ChatConfig, table: &Table) -> ServerConfig {
    let offered = |name: &str| {
        config
            .mechanisms
            .iter()
            .any(|mechanism| mechanism.eq_ignore_ascii_case(name))
    };
    let scram: Vec<ScramHash> = ScramHash::ALL
        .iter()
        .copied()
        .filter(|hash| offered(&format!("SCRAM-{}", hash.name())))
        .collect();
    ServerConfig {
        plain: offered("PLAIN"),
        upgrades: scram
            .iter()
            .copied()
            .filter(|hash| *hash != ScramHash::Sha1)
            .collect(),
        directory: config.directory.as_ref().map(|directory| DirectoryOffer {
            scram_for_unnamed: directory.scram_for_unnamed,
        }),
        scram,
        tokens: config.tokens,
        starttls: config.starttls,
        registration: match config.registration.mode {
            RegistrationMode::Off => RegistrationOffer::Off,
            RegistrationMode::Invitation => RegistrationOffer::Invited,
            RegistrationMode::Open => RegistrationOffer::Open,
        },
        attempts: u8::try_from(config.limits.login_attempts).unwrap_or(u8::MAX),
        allow_unprotected: false,
        iterations: config.scram_iterations,
        secret: Redacted::new(config.secret),
        features_pre_auth: vec![stream_limits::before_authentication(config)],
        features_post_auth: [
            stream_limits::after_authentication(config),
            caps::stream_feature(config, table),
        ]
        .into_iter()
        .chain(table.stream_features().map(str::to_owned))
        .collect(),
        bind2_features: table
            .modules()
            .flat_map(|module| module.bind_features)
            .map(|&var| var.to_owned())
            .collect(),
        ..ServerConfig::new(&*config.domain, config.secret)
    }
}
