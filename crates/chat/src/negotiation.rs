//! What the stream machine is told: made of the configuration and what the modules declare.

use base::Redacted;
use xmpp::sasl::ScramHash;
use xmpp::stream::server::ServerConfig;

use crate::ChatConfig;
use crate::modules::{Table, caps, stream_limits};

pub(crate) fn server_config(config: &ChatConfig, table: &Table) -> ServerConfig {
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
        scram,
        tokens: config.tokens,
        starttls: config.starttls,
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
