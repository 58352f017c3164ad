//! Accounts made before login, and several passwords of one account.

use super::kit::*;
use crate::sasl::{Mechanism, Password, ScramHash, ScramKeys};
use crate::stream::server::{Candidate, Credential, RegistrationOffer, ServerConfig};
use crate::stream::{Security, Transport, TransportKind};

const GET: &str = "<iq type='get' id='g'><query xmlns='jabber:iq:register'/></iq>";

fn counter(registration: RegistrationOffer) -> (Counter, String) {
    let config = ServerConfig {
        registration,
        ..server_config()
    };
    let transport = Transport {
        kind: TransportKind::Tcp,
        security: Security::Tls(tls(bindings())),
        trusted_proxy: false,
    };
    let mut counter = Counter::new(config, transport);
    let said = counter.say(HEADER);
    (counter, said)
}

fn set(name: &str, password: &str) -> String {
    format!(
        "<iq type='set' id='s' to='example.org'><query xmlns='jabber:iq:register'>\
         <username>{name}</username><password>{password}</password></query></iq>"
    )
}

fn token(token: &str) -> String {
    format!(
        "<iq type='set' id='t' to='example.org'><preauth xmlns='urn:xmpp:pars:0' token='{token}'/></iq>"
    )
}

#[test]
fn without_an_offer_nobody_registers() {
    let (mut counter, said) = counter(RegistrationOffer::Off);
    assert!(!said.contains("register"), "{said}");
    assert!(counter.say(GET).contains("not-authorized"));
    assert!(counter.server.is_over());
}

#[test]
fn nothing_is_offered_before_tls() {
    let config = ServerConfig {
        registration: RegistrationOffer::Open,
        ..server_config()
    };
    let transport = Transport {
        kind: TransportKind::Tcp,
        security: Security::Plain,
        trusted_proxy: false,
    };
    let mut counter = Counter::new(config, transport);
    assert!(!counter.say(HEADER).contains("iq-register"));
    assert!(counter.say(GET).contains("not-authorized"));
}

#[test]
fn open_registration_makes_one_account_and_then_logs_in() {
    let (mut counter, said) = counter(RegistrationOffer::Open);
    assert!(said.contains("<register xmlns='http://jabber.org/features/iq-register'/>"));
    let fields = counter.say(GET);
    assert!(fields.contains("<username/><password/>"), "{fields}");
    assert!(counter.say(&set("romeo", "x")).contains("<conflict"));
    assert!(counter.say(&set("bill", "")).contains("<not-acceptable"));
    let remove = "<iq type='set' id='r'><query xmlns='jabber:iq:register'><remove/></query></iq>";
    assert!(counter.say(remove).contains("<unexpected-request"));
    assert_eq!(
        counter.say(&set("bill", "Calliope")),
        "<iq type='result' id='s'/>"
    );
    assert_eq!(
        counter.house.registered,
        [("bill".to_owned(), "Calliope".to_owned(), None)]
    );
    assert!(
        counter
            .say(&set("bill2", "Calliope"))
            .contains("<not-acceptable")
    );
    assert!(!counter.server.is_over());
    let auth =
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHJvbWVvAHIwbTMw</auth>";
    assert!(counter.say(auth).contains("<success"));
}

#[test]
fn an_invitation_opens_what_is_closed() {
    let (mut counter, said) = counter(RegistrationOffer::Invited);
    assert!(
        said.contains("<register xmlns='urn:xmpp:ibr-token:0'/>"),
        "{said}"
    );
    assert!(counter.say(GET).contains("<not-allowed"));
    assert!(counter.say(&set("bill", "x")).contains("<not-allowed"));
    assert!(counter.say(&token("wrong")).contains("<item-not-found"));
    assert!(counter.say(GET).contains("<not-allowed"));
    assert_eq!(
        counter.say(&token("for-benvolio")),
        "<iq type='result' id='t'/>"
    );
    assert!(counter.say(GET).contains("<username>benvolio</username>"));
    assert_eq!(
        counter.say(&set("benvolio", "x")),
        "<iq type='result' id='s'/>"
    );
    let made = (
        "benvolio".to_owned(),
        "x".to_owned(),
        Some("for-benvolio".to_owned()),
    );
    assert_eq!(counter.house.registered, [made]);
}

#[test]
fn asking_and_guessing_are_bounded() {
    for ask in [GET.to_owned(), token("wrong")] {
        let (mut counter, _) = counter(RegistrationOffer::Open);
        let asked = (0..100).find(|_| {
            counter.say(&ask);
            counter.server.is_over()
        });
        assert_eq!(asked, Some(10), "{ask}");
    }
}

#[test]
fn an_app_password_logs_in_with_the_salt_of_the_account() {
    for hash in ScramHash::ALL.iter().copied() {
        for plus in [false, true] {
            let mut house = House::with_romeo(&ScramHash::ALL);
            let app = |password: &str, salt: &[u8]| {
                ScramKeys::derive(&Password::new(password), salt, 4096, hash).unwrap()
            };
            house.app_keys = vec![
                (1, app("of-another-salt", b"another salt ...")),
                (7, app("app-password", b"sixteen bytes...")),
            ];
            let login = |password: &str| crate::stream::client::ClientConfig {
                mechanisms: vec![Mechanism::Scram { plus, hash }],
                ..client_config(password)
            };
            let line = Line::new(TransportKind::Tcp);
            line.well(&mut house, login("r0m30"));
            line.well(&mut house, login("app-password"));
            let by: Vec<_> = house
                .bound
                .iter()
                .map(|request| (request.credential, request.by_password))
                .collect();
            assert_eq!(
                by,
                [(Credential::Account, true), (Credential::App(7), true)]
            );
            line.fails(&mut house, login("of-another-salt"));
            line.fails(&mut house, login("wrong"));
        }
    }
}

#[test]
fn an_app_password_sets_no_further_keys() {
    let mut house = House::with_romeo(&[ScramHash::Sha1]);
    let keys = ScramKeys::derive(
        &Password::new("app"),
        b"sixteen bytes...",
        4096,
        ScramHash::Sha1,
    );
    house.app_keys = vec![(7, keys.unwrap())];
    let config = crate::stream::client::ClientConfig {
        sasl2: true,
        mechanisms: vec![Mechanism::Scram {
            plus: true,
            hash: ScramHash::Sha1,
        }],
        ..client_config("app")
    };
    Line::new(TransportKind::Tcp).well(&mut house, config);
    assert_eq!(house.accounts[&romeo()].len(), 1);
    assert_eq!(house.bound[0].credential, Credential::App(7));
}

#[test]
fn candidates_of_the_account_come_first() {
    let keys = ScramKeys::derive(&Password::new("x"), b"salt", 4096, ScramHash::Sha1).unwrap();
    assert_eq!(Candidate::own(keys).credential, Credential::default());
}
