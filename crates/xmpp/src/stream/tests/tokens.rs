use super::kit::*;
use crate::condition::SaslCondition;
use crate::sasl::{ChannelBindings, Mechanism, ScramHash, TokenBinding};
use crate::stream::client::{Bound, ClientConfig, ClientError, Credentials, HeldToken};
use crate::stream::{ClientAgent, TransportKind};

fn device(id: &str) -> ClientAgent {
    ClientAgent {
        id: Some(id.into()),
        ..ClientAgent::default()
    }
}

fn asks(binding: TokenBinding) -> ClientConfig {
    ClientConfig {
        agent: device("phone"),
        request_token: vec![Mechanism::Token(binding)],
        ..client_config("r0m30")
    }
}

fn holds(bound: &Bound, binding: TokenBinding) -> ClientConfig {
    let token = HeldToken {
        token: bound.token.as_ref().unwrap().token.clone(),
        mechanism: Mechanism::Token(binding),
        count: None,
        invalidate: false,
    };
    ClientConfig {
        agent: device("phone"),
        credentials: Credentials {
            token: Some(token),
            ..Credentials::default()
        },
        ..client_config("")
    }
}

fn held(config: &mut ClientConfig) -> &mut HeldToken {
    config.credentials.token.as_mut().unwrap()
}

const BINDINGS: [TokenBinding; 3] = [
    TokenBinding::None,
    TokenBinding::EndPoint,
    TokenBinding::Exporter,
];

#[test]
fn a_token_replaces_the_password_in_one_round() {
    for kind in [
        TransportKind::Tcp,
        TransportKind::WebSocket,
        TransportKind::Bosh,
    ] {
        for binding in BINDINGS {
            let mut house = House::with_romeo(&ScramHash::ALL);
            let line = Line::new(kind);
            let (first, _) = line.well(&mut house, asks(binding));
            assert_eq!(
                first.token.as_ref().unwrap().expiry.seconds(),
                2_000_000_000
            );
            let (again, _) = line.well(&mut house, holds(&first, binding));
            assert_eq!(again.mechanism, Some(Mechanism::Token(binding)));
            assert!(again.bind2 && again.token.is_none());
        }
    }
}

#[test]
fn a_token_opens_only_what_it_was_made_for() {
    let mut house = House::with_romeo(&ScramHash::ALL);
    let line = Line::new(TransportKind::Tcp);
    let (first, _) = line.well(&mut house, asks(TokenBinding::Exporter));
    // Another mechanism.
    let refused = ClientError::Login(SaslCondition::NotAuthorized);
    assert_eq!(
        line.fails(&mut house, holds(&first, TokenBinding::None)),
        refused
    );
    // Another device.
    let stolen = ClientConfig {
        agent: device("laptop"),
        ..holds(&first, TokenBinding::Exporter)
    };
    assert_eq!(line.fails(&mut house, stolen), refused);
    // Another connection.
    let mut other = Line::new(TransportKind::Tcp);
    other.client_tls.bindings = ChannelBindings {
        exporter: Some([1; 32]),
        ..bindings()
    };
    assert_eq!(
        other.fails(&mut house, holds(&first, TokenBinding::Exporter)),
        refused
    );
    // Another account.
    let mut juliet = holds(&first, TokenBinding::Exporter);
    juliet.account = base::BareJid::parse("juliet@example.org").unwrap();
    assert_eq!(line.fails(&mut house, juliet), refused);
    assert_eq!(house.failed.len(), 4);
    // And it still opens that.
    line.well(&mut house, holds(&first, TokenBinding::Exporter));
}

#[test]
fn counts_are_not_taken_twice() {
    let mut house = House::with_romeo(&ScramHash::ALL);
    let line = Line::new(TransportKind::Tcp);
    let (first, _) = line.well(&mut house, asks(TokenBinding::None));
    let mut client = holds(&first, TokenBinding::None);
    for (count, good) in [
        (1, true),
        (1, false),
        (2, true),
        (1, false),
        (9, true),
        (3, false),
    ] {
        held(&mut client).count = Some(count);
        let outcome = line.run(server_config(), &mut house, client.clone());
        assert_eq!(outcome.client.is_ok(), good, "{count}");
    }
}

#[test]
fn tokens_rotate_expire_and_end() {
    let mut house = House {
        rotate: true,
        ..House::with_romeo(&ScramHash::ALL)
    };
    let line = |seed| Line {
        seed,
        ..Line::new(TransportKind::Tcp)
    };
    let (first, _) = line(1).well(&mut house, asks(TokenBinding::None));
    let (second, _) = line(2).well(&mut house, holds(&first, TokenBinding::None));
    // The old one holds until the new one is used.
    assert!(second.token.is_some());
    line(3).well(&mut house, holds(&first, TokenBinding::None));
    line(4).well(&mut house, holds(&second, TokenBinding::None));
    // Ending one gives no new one.
    let mut client = holds(&second, TokenBinding::None);
    held(&mut client).invalidate = true;
    let (ended, _) = line(5).well(&mut house, client.clone());
    assert!(ended.token.is_none());
    assert_eq!(
        line(22).fails(&mut house, client),
        ClientError::Login(SaslCondition::NotAuthorized)
    );
    for kept in &mut house.tokens {
        kept.stored.expired = true;
    }
    let expired = holds(&first, TokenBinding::None);
    assert_eq!(
        line(23).fails(&mut house, expired),
        ClientError::Login(SaslCondition::CredentialsExpired)
    );
}

#[test]
fn a_refused_token_gives_way_to_the_password() {
    let mut house = House::with_romeo(&ScramHash::ALL);
    let line = Line::new(TransportKind::Tcp);
    let (first, _) = line.well(&mut house, asks(TokenBinding::None));
    house.tokens.clear();
    let mut client = holds(&first, TokenBinding::None);
    client.credentials.password = client_config("r0m30").credentials.password;
    let (bound, _) = line.well(&mut house, client);
    assert_eq!(bound.mechanism.unwrap().name(), "SCRAM-SHA-512-PLUS");
}

#[test]
fn a_token_sets_no_keys() {
    let mut house = House::with_romeo(&[ScramHash::Sha1]);
    let config = crate::stream::server::ServerConfig {
        scram: vec![ScramHash::Sha1],
        ..server_config()
    };
    let line = Line::new(TransportKind::Tcp);
    let first = line
        .run(config.clone(), &mut house, asks(TokenBinding::None))
        .client
        .unwrap();
    let token = first.token.unwrap().token;
    let message = token
        .message("romeo", TokenBinding::None, &ChannelBindings::NONE)
        .unwrap();
    let mut counter = Counter::open();
    counter.house = house;
    let said = counter.say(&format!(
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='HT-SHA-256-NONE'><initial-response>{}</initial-response>\
         <user-agent id='phone'/><fast xmlns='urn:xmpp:fast:0'/>\
         <upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-256</upgrade></authenticate>",
        crate::sasl::encode(message)
    ));
    assert!(
        said.starts_with("<success") && !said.contains("continue"),
        "{said}"
    );
    assert_eq!(counter.house.accounts[&romeo()].len(), 1);
}
