use super::kit::*;
use crate::sasl::{ChannelBindings, Mechanism, Password, ScramHash};
use crate::stream::client::{ClientConfig, ClientError, Credentials};
use crate::stream::server::{Established, Inline, ServerConfig, SmRequest};
use crate::stream::{ClientAgent, TransportKind};

const KINDS: [TransportKind; 3] = [
    TransportKind::Tcp,
    TransportKind::WebSocket,
    TransportKind::Bosh,
];

fn agent() -> ClientAgent {
    ClientAgent {
        id: Some("d4565fa7-4d72-4749-b3d3-740edbf87770".into()),
        software: Some("AwesomeXMPP".into()),
        device: Some("Kiva's <Phone>".into()),
    }
}

#[test]
fn every_mechanism_over_every_transport_and_profile_in_any_pieces() {
    for kind in KINDS {
        for mechanism in Mechanism::PREFERENCE {
            for sasl2 in [false, true] {
                for piece in [usize::MAX, 1, 7] {
                    let mut line = Line {
                        piece,
                        ..Line::new(kind)
                    };
                    line.server_tls.client_addresses = vec![romeo()];
                    let mut client = ClientConfig {
                        sasl2,
                        ..with_mechanism(mechanism)
                    };
                    client.credentials.certificate = true;
                    let mut house = House::with_romeo(&ScramHash::ALL);
                    let (bound, established) = line.well(&mut house, client);
                    assert_eq!(bound.mechanism, Some(mechanism));
                    assert_eq!(bound.bind2, sasl2);
                    let Established::Bound { jid, bind2, .. } = established else {
                        panic!()
                    };
                    assert_eq!((bound.jid.as_ref(), bind2), (Some(&jid), sasl2));
                    assert_eq!(jid.bare(), romeo());
                    assert!(
                        bound
                            .features
                            .unwrap()
                            .has("ver", "urn:xmpp:features:rosterver")
                    );
                    assert!(house.failed.is_empty());
                }
            }
        }
    }
}

#[test]
fn the_strongest_mechanism_is_taken() {
    for (hashes, server, expected) in [
        (
            vec![ScramHash::Sha1, ScramHash::Sha256],
            bindings(),
            "SCRAM-SHA-256-PLUS",
        ),
        (
            ScramHash::ALL.to_vec(),
            ChannelBindings::NONE,
            "SCRAM-SHA-512",
        ),
        (
            vec![ScramHash::Sha1],
            ChannelBindings {
                exporter: None,
                ..bindings()
            },
            "SCRAM-SHA-1-PLUS",
        ),
    ] {
        let mut line = Line::new(TransportKind::Tcp);
        line.server_tls.bindings = server.clone();
        line.client_tls.bindings = server;
        let mut house = House::with_romeo(&hashes);
        let config = ServerConfig {
            scram: hashes,
            ..server_config()
        };
        let outcome = line.run(config, &mut house, client_config("r0m30"));
        assert_eq!(outcome.client.unwrap().mechanism.unwrap().name(), expected);
    }
}

#[test]
fn a_client_without_bindings_meets_a_server_with_them() {
    let mut line = Line::new(TransportKind::Tcp);
    line.client_tls.bindings = ChannelBindings::NONE;
    let (bound, _) = line.well(
        &mut House::with_romeo(&ScramHash::ALL),
        client_config("r0m30"),
    );
    assert_eq!(bound.mechanism.unwrap().name(), "SCRAM-SHA-512");
    // And the other way round, where the client says `y`.
    let mut line = Line::new(TransportKind::Tcp);
    line.server_tls.bindings = ChannelBindings::NONE;
    let (bound, _) = line.well(
        &mut House::with_romeo(&ScramHash::ALL),
        client_config("r0m30"),
    );
    assert_eq!(bound.mechanism.unwrap().name(), "SCRAM-SHA-512");
}

#[test]
fn bind2_enables_inline_and_keeps_its_resource() {
    let enable = Inline {
        carbons: true,
        inactive: true,
        stream_management: Some(SmRequest {
            resume: true,
            max: Some(300),
        }),
        others: vec!["<x xmlns='urn:example'><y/></x>".into()],
    };
    let client = ClientConfig {
        enable: enable.clone(),
        tag: Some("AwesomeXMPP".into()),
        agent: agent(),
        ..client_config("r0m30")
    };
    let mut house = House::with_romeo(&ScramHash::ALL);
    let mut jids = Vec::new();
    for (kind, seed) in [(TransportKind::Tcp, 1), (TransportKind::WebSocket, 2)] {
        let line = Line {
            seed,
            ..Line::new(kind)
        };
        let (bound, established) = line.well(&mut house, client.clone());
        assert_eq!(bound.stream_management, Some(Some("sm-1".into())));
        let Established::Bound {
            jid,
            enable: asked,
            bind2,
            agent: seen,
        } = established
        else {
            panic!()
        };
        assert!(bind2);
        assert_eq!((asked, seen), (enable.clone(), agent()));
        assert!(jid.resource().starts_with("AwesomeXMPP/"), "{jid}");
        assert!(!jid.resource().contains("d4565fa7"));
        jids.push(jid);
    }
    assert_eq!(jids[0], jids[1], "the same device gets the same resource");
    let other = ClientConfig {
        agent: ClientAgent {
            id: Some("another".into()),
            ..agent()
        },
        ..client
    };
    let (_, established) = Line::new(TransportKind::Tcp).well(&mut house, other);
    let Established::Bound { jid, .. } = established else {
        panic!()
    };
    assert_ne!(jid, jids[0]);
}

#[test]
fn legacy_bind_takes_the_wish_and_stream_management_follows() {
    let enable = Inline {
        stream_management: Some(SmRequest {
            resume: true,
            max: None,
        }),
        ..Inline::default()
    };
    for kind in KINDS {
        let client = ClientConfig {
            sasl2: false,
            resource: Some("balcony 🌹".into()),
            enable: enable.clone(),
            ..client_config("r0m30")
        };
        let (bound, established) =
            Line::new(kind).well(&mut House::with_romeo(&ScramHash::ALL), client);
        assert_eq!(bound.jid.unwrap().resource(), "balcony 🌹");
        assert_eq!(bound.stream_management, Some(Some("sm-2".into())));
        assert!(matches!(
            established,
            Established::Bound { bind2: false, .. }
        ));
    }
}

#[test]
fn sasl2_without_bind2_binds_the_older_way() {
    let client = ClientConfig {
        bind2: false,
        ..client_config("r0m30")
    };
    let (bound, _) =
        Line::new(TransportKind::Tcp).well(&mut House::with_romeo(&ScramHash::ALL), client.clone());
    assert!(bound.jid.is_some() && !bound.bind2);
    let mut house = House {
        refuse_bind: true,
        ..House::with_romeo(&ScramHash::ALL)
    };
    assert!(matches!(
        Line::new(TransportKind::Tcp).fails(&mut house, client),
        ClientError::Bind(_)
    ));
}

#[test]
fn sessions_are_resumed_inline_and_before_binding() {
    for sasl2 in [false, true] {
        let mut house = House::with_romeo(&ScramHash::ALL);
        house.sessions.insert("old".into(), 7);
        let resume = |previous: &str| ClientConfig {
            sasl2,
            resume: Some((previous.into(), 3)),
            ..client_config("r0m30")
        };
        let line = Line::new(TransportKind::Tcp);
        let (bound, established) = line.well(&mut house, resume("old"));
        assert_eq!((bound.resumed, bound.jid), (Some(7), None));
        assert_eq!(
            established,
            Established::Resumed {
                account: romeo(),
                previous: "old".into()
            }
        );
        assert!(house.bound.is_empty());
        // An unknown session leads to a new one.
        let (bound, established) = line.well(&mut house, resume("older"));
        assert_eq!(bound.resumed, None);
        assert!(bound.jid.is_some());
        assert!(matches!(established, Established::Bound { .. }));
    }
}

#[test]
fn upgrades_bring_what_is_missing_and_only_that() {
    let mut house = House::with_romeo(&[ScramHash::Sha1]);
    let config = ServerConfig {
        scram: vec![ScramHash::Sha1],
        ..server_config()
    };
    let client = ClientConfig {
        upgrades: true,
        ..client_config("r0m30")
    };
    let line = Line::new(TransportKind::Tcp);
    for _ in 0..2 {
        let outcome = line.run(config.clone(), &mut house, client.clone());
        assert!(outcome.client.unwrap().bind2);
        let keys = &house.accounts[&romeo()];
        let hashes: Vec<_> = keys.iter().map(|keys| keys.hash).collect();
        assert_eq!(hashes, ScramHash::ALL);
        assert!(keys.iter().all(|keys| keys.verify(&Password::new("r0m30"))));
    }
    let (bound, _) = line.well(&mut house, client_config("r0m30"));
    assert_eq!(bound.mechanism.unwrap().name(), "SCRAM-SHA-512-PLUS");
}

#[test]
fn a_kept_password_logs_in_without_the_password() {
    let mut house = House::with_romeo(&ScramHash::ALL);
    let line = Line::new(TransportKind::Tcp);
    let (bound, _) = line.well(&mut house, client_config("r0m30"));
    let credentials = Credentials {
        salted: vec![bound.salted.unwrap()],
        ..Credentials::default()
    };
    let (bound, _) = line.well(
        &mut house,
        ClientConfig {
            credentials,
            ..client_config("")
        },
    );
    assert_eq!(bound.mechanism.unwrap().name(), "SCRAM-SHA-512-PLUS");
}

#[test]
fn in_clear_only_where_that_is_allowed() {
    use crate::sasl::ScramHash::Sha256;
    let mut line = Line::new(TransportKind::Tcp);
    line.server_tls.bindings = ChannelBindings::NONE;
    let mut house = House::with_romeo(&[Sha256]);
    let strict = ServerConfig {
        scram: vec![Sha256],
        ..server_config()
    };
    let outcome = line.run(strict.clone(), &mut house, in_clear(client_config("r0m30")));
    assert_eq!(outcome.client.unwrap_err(), ClientError::NoMechanism);
    assert!(!outcome.said.contains("mechanism"), "{}", outcome.said);
    assert!(outcome.said.contains("<required/>"));
    let open = ServerConfig {
        allow_unprotected: true,
        ..strict.clone()
    };
    assert!(
        line.run(open, &mut house, in_clear(client_config("r0m30")))
            .client
            .is_ok()
    );
    let without = ServerConfig {
        starttls: false,
        ..strict
    };
    assert_eq!(
        line.run(without, &mut house, client_config("r0m30"))
            .client
            .unwrap_err(),
        ClientError::NoTls
    );
}
