//! Every script in `tests/scenarios`, in memory on a virtual clock and against the binary.

use chat::Contact;
use chat::config::EncryptionPolicy;
use kit::house::House;
use kit::script::{Script, all};
use kit::server::Server;
use xmpp::xep::external_services::Service;

fn report(failures: &[String]) {
    assert!(
        failures.is_empty(),
        "{} failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// The scripts that `HAUSPOST_SCENARIO` names, or all.
fn chosen() -> Vec<(String, Script)> {
    let mut scripts = all();
    if let Ok(wanted) = std::env::var("HAUSPOST_SCENARIO") {
        scripts.retain(|(name, _)| wanted.split(',').any(|wanted| wanted == name));
    }
    scripts
}

/// What the house in memory is told, for the binary.
const SETTINGS: &str = r#"[contact]
admin = ["xmpp:admin@example.org"]
[turn]
servers = ["turn:turn.example.org", "stun:stun.example.org"]
secret = "north"
"#;

#[test]
fn in_memory() {
    let mut failures = Vec::new();
    for (name, script) in chosen() {
        let mut house = House::new(|config| {
            config.contact.push(Contact {
                kind: "admin-addresses".into(),
                addresses: vec!["xmpp:admin@example.org".into()],
            });
            config.publish_server_information = script.server_information;
            if script.encryption {
                config.encryption = EncryptionPolicy::default();
            }
            config.relays.services = [("turn", true), ("stun", false)]
                .map(|(kind, restricted)| Service {
                    host: format!("{kind}.example.org"),
                    port: Some(3478),
                    kind: kind.into(),
                    transport: Some("udp".into()),
                    restricted,
                    ..Service::default()
                })
                .into();
            config.relays.secret = "north".to_owned().into();
        });
        if let Err(why) = script.run(&mut house) {
            failures.push(format!("{name}.scn, {why}"));
        }
    }
    report(&failures);
}

#[test]
fn against_the_binary() {
    let mut failures = Vec::new();
    for (name, script) in chosen() {
        if script.only_in_memory {
            continue;
        }
        let mut config = SETTINGS.replace(
            "[contact]\n",
            &format!(
                "[contact]\npublish_server_information = {}\n",
                script.server_information
            ),
        );
        if script.encryption {
            config.push_str("[policy.encryption]\n");
        }
        let mut server = Server::start(&name, &config);
        if let Err(why) = script.run(&mut server) {
            failures.push(format!("{name}.scn, {why}"));
        }
    }
    report(&failures);
}
