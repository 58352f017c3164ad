//! Where a directory keeps the passwords of some: what is offered to whom.

use base::BareJid;

use super::kit::*;
use crate::sasl::{Mechanism, Password, ScramHash};
use crate::stream::TransportKind;
use crate::stream::client::{ClientConfig, ClientError};
use crate::stream::server::{DirectoryOffer, ServerConfig};

fn with_directory(scram_for_unnamed: bool) -> ServerConfig {
    ServerConfig {
        plain: false,
        directory: Some(DirectoryOffer { scram_for_unnamed }),
        ..server_config()
    }
}

/// Takes PLAIN where nothing else is offered.
fn anybody(account: &str, password: &str) -> ClientConfig {
    ClientConfig {
        mechanisms: Mechanism::PREFERENCE.to_vec(),
        upgrades: true,
        ..ClientConfig::new(BareJid::parse(account).unwrap(), Password::new(password))
    }
}

fn house() -> House {
    let mut house = House::with_romeo(&ScramHash::ALL);
    let juliet = BareJid::parse("juliet@example.org").unwrap();
    house.directory.insert(juliet, "of the directory");
    house
}

#[test]
fn whose_password_is_elsewhere_shows_it_and_others_prove_theirs() {
    for kind in [TransportKind::Tcp, TransportKind::WebSocket] {
        for sasl2 in [false, true] {
            let line = Line::new(kind);
            for (account, password, mechanism) in [
                ("juliet@example.org", "of the directory", "PLAIN"),
                ("romeo@example.org", "r0m30", "SCRAM-SHA-512-PLUS"),
            ] {
                let client = ClientConfig {
                    sasl2,
                    ..anybody(account, password)
                };
                let outcome = line.run(with_directory(false), &mut house(), client);
                let bound = outcome.client.unwrap();
                let used = bound.mechanism.map(Mechanism::name);
                assert_eq!(used, Some(mechanism), "{kind:?} {sasl2}");
                // Nothing that would keep keys of a password that is not kept here.
                let upgrades = outcome.said.contains("urn:xmpp:sasl:upgrade:0");
                assert_eq!(upgrades, mechanism != "PLAIN", "{kind:?} {sasl2}");
            }
        }
    }
}

#[test]
fn over_bosh_nothing_is_said_of_whom_it_is_for() {
    let outcome = Line::new(TransportKind::Bosh).run(
        with_directory(false),
        &mut house(),
        anybody("juliet@example.org", "of the directory"),
    );
    let mechanism = outcome.client.unwrap().mechanism.map(Mechanism::name);
    assert_eq!(mechanism, Some("PLAIN"));
}

#[test]
fn who_does_not_take_plain_is_not_made_to() {
    let client = ClientConfig::new(
        BareJid::parse("juliet@example.org").unwrap(),
        Password::new("of the directory"),
    );
    let outcome = Line::new(TransportKind::Tcp).run(with_directory(false), &mut house(), client);
    assert!(matches!(outcome.client, Err(ClientError::NoMechanism)));
}

fn mechanisms(config: ServerConfig, from: &str) -> Vec<String> {
    let mut counter = Counter::over_tls(config);
    let header = HEADER.replace(" version=", &format!("{from} version="));
    let features = counter.say(&header);
    let old = features.split("<mechanisms").nth(1).unwrap_or_default();
    let names = old.split("<mechanism>").skip(1);
    names
        .filter_map(|name| name.split('<').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_stream_of_nobody_is_offered_what_everybody_can_use() {
    assert_eq!(mechanisms(with_directory(false), ""), ["PLAIN"]);
    let all = mechanisms(with_directory(true), "");
    assert!(all.contains(&"PLAIN".to_owned()) && all.contains(&"SCRAM-SHA-256-PLUS".to_owned()));
    // Who is not there is offered the same as people of the directory.
    let nobody = mechanisms(with_directory(true), " from='nobody@example.org'");
    assert_eq!(nobody, ["PLAIN"]);
    let romeo = mechanisms(with_directory(false), " from='romeo@example.org'");
    assert!(romeo.contains(&"SCRAM-SHA-512-PLUS".to_owned()));
    // Without a directory nothing is asked.
    let romeo = mechanisms(server_config(), "");
    assert!(romeo.contains(&"SCRAM-SHA-512-PLUS".to_owned()));
}

#[test]
fn a_mechanism_that_was_not_offered_is_not_taken() {
    let mut counter = Counter::over_tls(with_directory(true));
    counter.say(&HEADER.replace(" version=", " from='juliet@example.org' version="));
    let answer = counter.say(
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>biwsbj1qdWxpZXQscj1hYmM=</auth>",
    );
    assert!(answer.contains("<invalid-mechanism/>"), "{answer}");
}
