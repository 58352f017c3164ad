//! XEP-0479: XMPP Compliance Suites 2023. What it wants of a server, how far Hauspost is with it,
//! and which test shows that.
//!
//! The state of a specification is what its module (or [`SPECIFICATIONS`](crate::SPECIFICATIONS))
//! declares. A module's scenario has the module's name and counts by itself, unless [`SHOWN_BY`] names
//! another one; whatever else shows something stands there, too. A claim without a test that exists fails the tests.

use std::fmt::Write as _;

use crate::modules::{self, Status};
use crate::specifications::{Row, rows};

/// A test that shows something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// A scenario script, by its stem: `carbons` is `tests/scenarios/carbons.scn`.
    Scenario(&'static str),
    /// A test of a suite with real clients: `tests/suites/FIRST.py`, the function SECOND.
    Suite(&'static str, &'static str),
    /// A test in Rust: the file from the root of the repository, and the function.
    Test(&'static str, &'static str),
}

use Evidence::{Scenario, Suite};

/// What shows a specification beside the scenario that has the name of its module.
static SHOWN_BY: &[(&str, &[Evidence])] = &[
    (
        "RFC 6120",
        &[
            Scenario("messages"),
            Scenario("requests"),
            Suite("login_slixmpp", "slixmpp_logs_in"),
            Suite("sasl2", "stanzas_before_login_end_the_stream"),
        ],
    ),
    (
        "RFC 6121",
        &[Scenario("messages"), Scenario("messages.matrix")],
    ),
    (
        "RFC 7395",
        &[
            Suite("websocket", "a_login_over_a_websocket"),
            Suite("websocket", "two_talk_one_of_them_over_tcp"),
        ],
    ),
    (
        "RFC 7590",
        &[
            Suite("login_slixmpp", "before_tls_there_is_nothing_but_tls"),
            Suite("login_slixmpp", "the_certificate_is_verified"),
        ],
    ),
    (
        "XEP-0045",
        &[
            Scenario("rooms.entering"),
            Scenario("rooms.talking"),
            Scenario("rooms.admin"),
            Scenario("rooms.owner"),
            Scenario("rooms.invitations"),
            Scenario("rooms.secrecy"),
            Suite("rooms_slixmpp", "everyone_hears_everything_in_one_order"),
            Suite("rooms_slixmpp", "roles_and_affiliations_are_kept"),
            Suite("rooms_slixmpp", "a_room_outlives_kill_nine"),
            Suite("sharing", "people_of_both_meet_in_rooms_of_both"),
        ],
    ),
    (
        "XEP-0048",
        &[
            Scenario("bookmarks"),
            Suite(
                "pep_slixmpp",
                "bookmarks_are_the_same_in_the_newer_and_in_the_older_form",
            ),
        ],
    ),
    (
        "XEP-0060",
        &[
            Suite("pep_slixmpp", "each_access_model_is_open_to_whom_it_says"),
            Suite("pep_slixmpp", "what_is_taken_back_is_gone_and_told"),
            Suite(
                "pep_slixmpp",
                "a_node_is_made_configured_and_asked_how_it_is",
            ),
        ],
    ),
    (
        "XEP-0084",
        &[Suite(
            "pep_slixmpp",
            "an_avatar_is_told_fetched_and_shown_in_presence_and_card",
        )],
    ),
    (
        "XEP-0114",
        &[
            Suite("federation", "a_component_attaches_and_talks_with_people"),
            Suite(
                "federation",
                "a_component_with_a_wrong_secret_stays_outside",
            ),
            Suite("gateway", "people_talk_in_an_irc_channel_and_in_private"),
        ],
    ),
    (
        "XEP-0115",
        &[Suite(
            "pep_slixmpp",
            "only_who_wants_to_hear_does_on_each_device",
        )],
    ),
    (
        "XEP-0153",
        &[
            Scenario("avatar"),
            Suite(
                "pep_slixmpp",
                "an_avatar_is_told_fetched_and_shown_in_presence_and_card",
            ),
        ],
    ),
    (
        "XEP-0156",
        &[Suite("host_meta", "host_meta_names_both_ways_in")],
    ),
    (
        "XEP-0163",
        &[
            Scenario("pubsub"),
            Scenario("pubsub.access"),
            Suite("pep_slixmpp", "only_who_wants_to_hear_does_on_each_device"),
            Suite(
                "pep_slixmpp",
                "who_comes_later_hears_of_what_was_published_last",
            ),
            Suite("pep_slixmpp", "what_was_published_outlives_kill_nine"),
            Suite(
                "sharing",
                "what_contacts_publish_is_told_and_can_be_fetched",
            ),
        ],
    ),
    (
        "XEP-0198",
        &[Suite(
            "messaging_slixmpp",
            "a_cut_socket_is_resumed_and_nothing_is_lost_or_comes_twice",
        )],
    ),
    (
        "XEP-0206",
        &[
            Suite("bosh", "a_session_is_created"),
            Suite("bosh", "two_talk_one_of_them_over_tcp"),
        ],
    ),
    (
        "XEP-0223",
        &[
            Scenario("bookmarks"),
            Suite(
                "pep_slixmpp",
                "bookmarks_are_the_same_in_the_newer_and_in_the_older_form",
            ),
        ],
    ),
    (
        "XEP-0249",
        &[
            Scenario("rooms.invitations"),
            Suite("rooms_slixmpp", "who_is_invited_into_a_group_may_enter_it"),
        ],
    ),
    (
        "XEP-0280",
        &[Suite(
            "messaging_slixmpp",
            "carbons_reach_the_other_resource",
        )],
    ),
    (
        "XEP-0313",
        &[Suite(
            "messaging_slixmpp",
            "slixmpp_pages_through_the_archive",
        )],
    ),
    (
        "XEP-0357",
        &[
            Suite("push", "an_app_server_is_told_and_learns_nothing"),
            Suite("push", "a_component_is_an_app_server"),
            Suite(
                "push",
                "rooms_wake_members_who_are_away_and_occupants_who_sleep",
            ),
        ],
    ),
    (
        "XEP-0363",
        &[
            Suite("uploads", "slixmpp_uploads_by_itself"),
            Suite("uploads", "a_file_goes_in_and_comes_out_whole_and_in_parts"),
            Suite("uploads", "nothing_that_acts_is_served_as_such"),
            Suite("sharing", "files_go_from_each_to_the_other"),
        ],
    ),
    (
        "XEP-0368",
        &[Suite(
            "login_slixmpp",
            "direct_tls_takes_a_header_that_comes_with_the_handshake",
        )],
    ),
    (
        "XEP-0384",
        &[
            Suite("omemo_slixmpp", "each_device_of_both_reads_what_is_said"),
            Suite(
                "omemo_slixmpp",
                "every_device_in_a_group_reads_every_message_live",
            ),
        ],
    ),
    (
        "XEP-0398",
        &[
            Scenario("avatar"),
            Suite(
                "pep_slixmpp",
                "an_avatar_is_told_fetched_and_shown_in_presence_and_card",
            ),
        ],
    ),
    (
        "XEP-0402",
        &[Suite(
            "pep_slixmpp",
            "bookmarks_are_the_same_in_the_newer_and_in_the_older_form",
        )],
    ),
    ("XEP-0410", &[Scenario("rooms.entering")]),
    ("XEP-0425", &[Scenario("rooms.moderation")]),
    ("XEP-0433", &[Scenario("rooms.owner")]),
];

/// From which level on something is required of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    /// Of every server of the category.
    Server,
    /// Of an advanced one.
    Advanced,
    /// Of none; it is only named.
    Noted,
}

/// A row of a suite.
struct Feature {
    name: &'static str,
    level: Level,
    providers: &'static [&'static str],
}

const fn feature(name: &'static str, level: Level, providers: &'static [&'static str]) -> Feature {
    Feature {
        name,
        level,
        providers,
    }
}

use Level::{Advanced, Noted, Server};

/// What XEP-0479 §2 wants of servers, by category. Rows that say N/A for servers are left out.
static SUITES: &[(&str, &[Feature])] = &[
    (
        "Core",
        &[
            feature("Core features", Server, &["RFC 6120"]),
            feature("TLS", Server, &["RFC 7590"]),
            feature("Direct TLS", Advanced, &["XEP-0368"]),
            feature("Feature discovery", Server, &["XEP-0030"]),
            feature("Feature broadcasts", Advanced, &["XEP-0115"]),
            feature("Server extensibility", Server, &["XEP-0114"]),
            feature("Event publishing", Advanced, &["XEP-0163"]),
        ],
    ),
    (
        "Web",
        &[
            feature(
                "Web connection mechanisms",
                Server,
                &["RFC 7395", "XEP-0206"],
            ),
            feature("Connection mechanism discovery", Noted, &["XEP-0156"]),
        ],
    ),
    (
        "IM",
        &[
            feature("Core features", Server, &["RFC 6121"]),
            feature(
                "User avatar compatibility",
                Advanced,
                &["XEP-0398", "XEP-0153"],
            ),
            feature("vcard-temp", Server, &["XEP-0054"]),
            feature("Outbound message synchronization", Server, &["XEP-0280"]),
            feature("User blocking", Advanced, &["XEP-0191"]),
            feature("Group chat", Server, &["XEP-0045", "XEP-0249"]),
            feature(
                "Advanced group chat",
                Advanced,
                &["XEP-0048", "XEP-0313", "XEP-0402", "XEP-0410"],
            ),
            feature(
                "Persistent storage of private data via PubSub",
                Advanced,
                &["XEP-0223"],
            ),
            feature("Private XML storage", Advanced, &["XEP-0049"]),
            feature("Stream management", Advanced, &["XEP-0198"]),
            feature("History storage / retrieval", Advanced, &["XEP-0313"]),
            feature("File upload", Server, &["XEP-0363"]),
            feature("Registration, for public networks", Noted, &["XEP-0077"]),
            feature(
                "Contact addresses, for public networks",
                Noted,
                &["XEP-0157"],
            ),
            feature("Channel search", Noted, &["XEP-0433"]),
            feature(
                "Moderation of public rooms",
                Noted,
                &["XEP-0424", "XEP-0425"],
            ),
        ],
    ),
    (
        "Mobile",
        &[
            feature("Stream management", Server, &["XEP-0198"]),
            feature("Client state indication", Server, &["XEP-0352"]),
            feature("Third party push notifications", Advanced, &["XEP-0357"]),
        ],
    ),
    (
        "A/V calling",
        &[feature("STUN/TURN server discovery", Server, &["XEP-0215"])],
    ),
];

/// That Hauspost follows a specification, and what shows it.
#[derive(Clone, Debug)]
pub struct Claim {
    /// `XEP-0280` or `RFC 6121`.
    pub specification: &'static str,
    /// The tests.
    pub shown_by: Vec<Evidence>,
}

/// Everything that the document claims, each specification once.
#[must_use]
pub fn claims() -> Vec<Claim> {
    let rows = rows();
    let mut specifications: Vec<&'static str> = SUITES
        .iter()
        .flat_map(|(_, features)| *features)
        .flat_map(|feature| feature.providers)
        .copied()
        .filter(|specification| state(&rows, specification).is_some())
        .collect();
    specifications.sort_unstable();
    specifications.dedup();
    specifications
        .into_iter()
        .map(|specification| Claim {
            specification,
            shown_by: shown_by(specification),
        })
        .collect()
}

fn shown_by(specification: &str) -> Vec<Evidence> {
    let more: &[Evidence] = SHOWN_BY
        .iter()
        .find(|(shown, _)| *shown == specification)
        .map_or(&[], |(_, evidence)| evidence);
    let elsewhere = more.iter().any(|evidence| matches!(evidence, Scenario(_)));
    modules::ALL
        .iter()
        .filter(|module| module.specification == specification && !elsewhere)
        .map(|module| Scenario(module.name))
        .chain(more.iter().cloned())
        .collect()
}

/// How much of a specification is here: `None` for nothing, the notes on what is missing.
fn state(rows: &[Row], specification: &str) -> Option<Vec<&'static str>> {
    let mut declared = rows
        .iter()
        .filter(|row| row.specification == specification)
        .peekable();
    declared.peek()?;
    Some(
        declared
            .filter_map(|row| match row.status {
                Status::Complete => None,
                Status::Partial(note) => Some(note),
            })
            .collect(),
    )
}

/// `docs/compliance.md`.
pub(crate) fn document() -> String {
    let rows = rows();
    let mut text = String::from(
        "# Compliance\n\n\
         What [XMPP Compliance Suites 2023 (XEP-0479)](https://xmpp.org/extensions/xep-0479.html) wants of a server, \
         how far Hauspost is with it, and which test shows that.\n\
         Made by `crates/chat/src/compliance.rs` from what the code declares: `cargo xtask docs` writes it anew, and a \
         test fails when a claim names no test that exists.\n\n\
         Scenarios (`tests/scenarios`) run in process and against the binary; suites (`tests/suites`) are real clients \
         of others.\n",
    );
    // Writing into memory does not fail.
    let _ = writeln!(
        text,
        "\n| Category | Server | Advanced server |\n|---|---|---|"
    );
    for (category, features) in SUITES {
        let _ = writeln!(
            text,
            "| {category} | {} | {} |",
            verdict(&rows, features, |level| level == Server),
            verdict(&rows, features, |level| level != Noted)
        );
    }
    let _ = writeln!(text, "\nEvery category also needs *Core*.");
    for (category, features) in SUITES {
        let _ = writeln!(
            text,
            "\n## {category}\n\n| Feature | Specification | Required of | State | Shown by |\n|---|---|---|---|---|"
        );
        for feature in *features {
            for specification in feature.providers {
                let _ = writeln!(text, "{}", line(&rows, feature, specification));
            }
        }
    }
    text
}

/// What is missing from a level.
fn verdict(rows: &[Row], features: &[Feature], wanted: impl Fn(Level) -> bool) -> String {
    let missing: Vec<&str> = features
        .iter()
        .filter(|feature| wanted(feature.level))
        .flat_map(|feature| feature.providers)
        .copied()
        .filter(|specification| state(rows, specification).is_none())
        .collect();
    if missing.is_empty() {
        "all there".to_owned()
    } else {
        format!("missing: {}", missing.join(", "))
    }
}

fn line(rows: &[Row], feature: &Feature, specification: &str) -> String {
    let link = match specification.split_once(['-', ' ']) {
        Some(("XEP", number)) => format!("https://xmpp.org/extensions/xep-{number}.html"),
        Some((_, number)) => format!("https://www.rfc-editor.org/rfc/rfc{number}"),
        None => String::new(),
    };
    let required = match feature.level {
        Server => "server",
        Advanced => "advanced server",
        Noted => "none; named only",
    };
    let (state, shown) = match state(rows, specification) {
        None => ("not yet".to_owned(), String::new()),
        Some(notes) => {
            let state = if notes.is_empty() {
                "complete".to_owned()
            } else {
                format!("partial: {}", notes.join(" "))
            };
            let shown: Vec<String> = shown_by(specification).iter().map(name).collect();
            (state, shown.join(", "))
        }
    };
    format!(
        "| {} | [{specification}]({link}) | {required} | {state} | {shown} |",
        feature.name
    )
}

fn name(evidence: &Evidence) -> String {
    match evidence {
        Scenario(stem) => format!("scenario `{stem}`"),
        Suite(file, function) => format!("suite `{file}.{function}`"),
        Evidence::Test(file, function) => format!("`{file}`: `{function}`"),
    }
}
