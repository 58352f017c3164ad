//! What Hauspost follows: the list made of all modules and of the specifications that are carried
//! out below or above them, and the documents made of the list.

use std::fmt::Write as _;

use xmpp::xml::Writer;

use crate::modules::{self, Status};

/// A specification that has no module, because it is about streams, transports or forms of
/// payloads.
#[derive(Clone, Copy, Debug)]
pub struct Specification {
    /// `XEP-0388` or `RFC 7395`.
    pub specification: &'static str,
    /// Its title.
    pub title: &'static str,
    /// The version that the code follows; for an RFC its year.
    pub version: &'static str,
    /// How much of it is here.
    pub status: Status,
    /// Since which version of Hauspost.
    pub since: &'static str,
    /// Where the code is, from `crates/`.
    pub place: &'static str,
}

const fn all_of(
    specification: &'static str,
    title: &'static str,
    version: &'static str,
    place: &'static str,
) -> Specification {
    Specification {
        specification,
        title,
        version,
        status: Status::Complete,
        since: "0.1.0",
        place,
    }
}

/// The specifications without a module.
pub static SPECIFICATIONS: &[Specification] = &[
    all_of(
        "RFC 6120",
        "XMPP Core: streams, TLS, SASL, stanzas",
        "2011",
        "xmpp/src/stream",
    ),
    all_of(
        "RFC 7395",
        "XMPP over WebSocket",
        "2014",
        "server/src/http/websocket.rs",
    ),
    all_of(
        "RFC 7590",
        "Use of Transport Layer Security (TLS) in XMPP",
        "2015",
        "server/src/tls",
    ),
    all_of("RFC 7622", "XMPP Address Format", "2015", "base/src/jid.rs"),
    all_of(
        "XEP-0004",
        "Data Forms",
        "2.13.2",
        "xmpp/src/xep/data_form.rs",
    ),
    all_of("XEP-0045", "Multi-User Chat", "1.35.5", "chat/src/rooms"),
    all_of(
        "XEP-0059",
        "Result Set Management",
        "1.0",
        "xmpp/src/xep/result_set.rs",
    ),
    all_of(
        "XEP-0068",
        "Field Standardization for Data Forms",
        "1.3.0",
        "xmpp/src/xep/data_form.rs",
    ),
    all_of(
        "XEP-0082",
        "XMPP Date and Time Profiles",
        "1.1.1",
        "base/src/time.rs",
    ),
    all_of(
        "XEP-0114",
        "Jabber Component Protocol",
        "1.6",
        "xmpp/src/stream/component.rs",
    ),
    all_of(
        "XEP-0124",
        "Bidirectional-streams Over Synchronous HTTP (BOSH)",
        "1.11.2",
        "server/src/http/bosh",
    ),
    all_of(
        "XEP-0156",
        "Discovering Alternative XMPP Connection Methods",
        "1.4.0",
        "server/src/http/host_meta.rs",
    ),
    all_of(
        "XEP-0178",
        "Best Practices for Use of SASL EXTERNAL with Certificates",
        "1.2",
        "xmpp/src/stream/federation",
    ),
    all_of(
        "XEP-0185",
        "Dialback Key Generation and Validation",
        "1.0",
        "xmpp/src/xep/dialback.rs",
    ),
    all_of(
        "XEP-0203",
        "Delayed Delivery",
        "2.0",
        "xmpp/src/xep/delay.rs",
    ),
    all_of("XEP-0206", "XMPP Over BOSH", "1.4", "server/src/http/bosh"),
    all_of(
        "XEP-0220",
        "Server Dialback",
        "1.1.1",
        "xmpp/src/stream/federation",
    ),
    all_of(
        "XEP-0249",
        "Direct MUC Invitations",
        "1.2",
        "chat/src/rooms/invite.rs",
    ),
    all_of(
        "XEP-0288",
        "Bidirectional Server-to-Server Connections",
        "1.0.1",
        "xmpp/src/stream/federation",
    ),
    all_of(
        "XEP-0227",
        "Portable Import/Export Format for XMPP-IM Servers",
        "1.1",
        "server/src/portable",
    ),
    all_of(
        "XEP-0297",
        "Stanza Forwarding",
        "1.0",
        "xmpp/src/xep/forwarding.rs",
    ),
    all_of(
        "XEP-0307",
        "Unique Room Names for Multi-User Chat",
        "0.1",
        "chat/src/rooms/request.rs",
    ),
    all_of("XEP-0317", "Hats", "0.3.1", "chat/src/rooms/hats.rs"),
    Specification {
        status: Status::Partial(
            "For certificates that are good, by an authority or by DANE; a server that connects with TLS from the first byte is not looked up.",
        ),
        ..all_of(
            "XEP-0344",
            "Impact of TLS and DNSSEC on Dialback",
            "0.4",
            "xmpp/src/stream/federation",
        )
    },
    all_of(
        "XEP-0368",
        "SRV records for XMPP over TLS",
        "1.1.0",
        "server/src/net",
    ),
    all_of(
        "XEP-0379",
        "Pre-Authenticated Roster Subscription",
        "0.3.3",
        "chat/src/accounts/invitations.rs",
    ),
    all_of("XEP-0386", "Bind 2", "1.1.0", "xmpp/src/xep/bind2.rs"),
    all_of(
        "XEP-0388",
        "Extensible SASL Profile",
        "1.0.4",
        "xmpp/src/xep/sasl2.rs",
    ),
    all_of(
        "XEP-0410",
        "MUC Self-Ping (Schrödinger's Chat)",
        "1.1.0",
        "chat/src/rooms/request.rs",
    ),
    all_of(
        "XEP-0421",
        "Occupant identifiers for semi-anonymous MUCs",
        "1.0.1",
        "xmpp/src/xep/occupant_id.rs",
    ),
    all_of(
        "XEP-0425",
        "Moderated Message Retraction",
        "0.3.0",
        "chat/src/rooms/moderation.rs",
    ),
    all_of(
        "XEP-0433",
        "Extended Channel Search",
        "0.1.0",
        "chat/src/rooms/search.rs",
    ),
    all_of(
        "XEP-0440",
        "SASL Channel-Binding Type Capability",
        "1.0.0",
        "xmpp/src/xep/channel_binding.rs",
    ),
    all_of(
        "XEP-0445",
        "Pre-Authenticated In-Band Registration",
        "0.2.0",
        "xmpp/src/stream/server/register.rs",
    ),
    all_of(
        "XEP-0453",
        "DOAP usage in XMPP",
        "0.1.2",
        "chat/src/specifications.rs",
    ),
    all_of(
        "XEP-0463",
        "MUC Affiliations Versioning",
        "0.2.0",
        "chat/src/rooms/versions.rs",
    ),
    all_of(
        "XEP-0474",
        "SASL SCRAM Downgrade Protection",
        "0.5.0",
        "xmpp/src/sasl/downgrade.rs",
    ),
    all_of(
        "XEP-0480",
        "SASL Upgrade Tasks",
        "0.2.0",
        "xmpp/src/xep/sasl2.rs",
    ),
    Specification {
        status: Status::Partial("Tokens are not taken in TLS early data."),
        ..all_of(
            "XEP-0484",
            "Fast Authentication Streamlining Tokens",
            "0.2.0",
            "xmpp/src/xep/fast.rs",
        )
    },
    all_of(
        "XEP-0486",
        "MUC Avatars",
        "0.1.0",
        "chat/src/rooms/avatar.rs",
    ),
    Specification {
        status: Status::Partial(
            "Departments of the directory are spaces, each with its rooms, for its people. They are read: \
             nodes are made by the directory and items by a room's group, so there is no creating, \
             configuring, publishing or subscribing; no pictures of spaces.",
        ),
        ..all_of(
            "XEP-0503",
            "Server-side spaces",
            "0.3.0",
            "chat/src/rooms/spaces.rs",
        )
    },
];

/// What a module or an entry of [`SPECIFICATIONS`] declares.
pub(crate) struct Row {
    pub(crate) specification: &'static str,
    title: &'static str,
    version: &'static str,
    pub(crate) status: Status,
    since: &'static str,
    place: String,
}

impl Row {
    /// `0388` of `XEP-0388`.
    fn xep(&self) -> Option<&'static str> {
        self.specification.strip_prefix("XEP-")
    }

    /// `inbox` of `urn:hauspost:inbox:0`, a protocol of our own.
    fn own(&self) -> Option<&'static str> {
        let (name, _) = self
            .specification
            .strip_prefix("urn:hauspost:")?
            .split_once(':')?;
        Some(name)
    }

    fn rfc(&self) -> Option<&'static str> {
        self.specification.strip_prefix("RFC ")
    }
}

/// Everything, RFCs first, each kind by number.
pub(crate) fn rows() -> Vec<Row> {
    let declared = modules::ALL.iter().map(|module| Row {
        specification: module.specification,
        title: module.title,
        version: module.version,
        status: module.status,
        since: module.since,
        place: format!("chat/src/modules/{}.rs", module.name),
    });
    let others = SPECIFICATIONS.iter().map(|other| Row {
        specification: other.specification,
        title: other.title,
        version: other.version,
        status: other.status,
        since: other.since,
        place: other.place.to_owned(),
    });
    let mut rows: Vec<Row> = declared.chain(others).collect();
    rows.sort_by_key(|row| (row.specification, row.title));
    rows
}

pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "# What Hauspost follows\n\n\
         Made by the test `crates/chat/tests/documents.rs` from what the code declares: `cargo xtask docs` writes it anew.\n\
         *Complete* means all of it that concerns a server.\n\n\
         | Specification | Title | Version | Status | Since | Code |\n|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let link = match (row.xep(), row.rfc()) {
            (Some(number), _) => format!(
                "[{}](https://xmpp.org/extensions/xep-{number}.html)",
                row.specification
            ),
            (_, Some(number)) => format!(
                "[{}](https://www.rfc-editor.org/rfc/rfc{number})",
                row.specification
            ),
            (None, None) => match row.own() {
                Some(name) => format!("[{}]({name}.md)", row.specification),
                None => row.specification.to_owned(),
            },
        };
        let status = match row.status {
            Status::Complete => "complete".to_owned(),
            Status::Partial(note) => format!("partial: {note}"),
        };
        // Writing into memory does not fail.
        let _ = writeln!(
            text,
            "| {link} | {} | {} | {status} | {} | `{}` |",
            row.title, row.version, row.since, row.place
        );
    }
    text
}

/// XEP-0453 §4.
pub(crate) fn doap(rows: &[Row]) -> String {
    let mut out = Writer::with_capacity(16 * 1024);
    out.start("rdf:RDF")
        .attr("xmlns:rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#")
        .attr("xmlns", "http://usefulinc.com/ns/doap#")
        .attr("xmlns:xmpp", "https://linkmauve.fr/ns/xmpp-doap#");
    out.raw("\n  ").start("Project");
    line(&mut out, 2, |out| {
        out.leaf_text("name", None, "Hauspost");
    });
    for (language, text) in [
        (
            "en",
            "A messenger server for an organisation, under its own roof",
        ),
        (
            "de",
            "Ein Messenger-Server für eine Organisation, unter ihrem eigenen Dach",
        ),
    ] {
        line(&mut out, 2, |out| {
            out.start("shortdesc")
                .attr("xml:lang", language)
                .text(text)
                .end();
        });
    }
    let resource = |name: &'static str, target: String| {
        move |out: &mut Writer| {
            out.start(name).attr("rdf:resource", target).end();
        }
    };
    line(
        &mut out,
        2,
        resource(
            "license",
            "https://www.gnu.org/licenses/agpl-3.0.html".to_owned(),
        ),
    );
    line(&mut out, 2, |out| {
        out.leaf_text("programming-language", None, "Rust");
    });
    line(&mut out, 2, |out| {
        out.leaf_text("os", None, "Linux");
    });
    line(
        &mut out,
        2,
        resource(
            "category",
            "https://linkmauve.fr/ns/xmpp-doap#category-server".to_owned(),
        ),
    );
    let mut rfcs: Vec<&str> = rows.iter().filter_map(Row::rfc).collect();
    rfcs.dedup();
    for number in rfcs {
        line(
            &mut out,
            2,
            resource(
                "implements",
                format!("https://www.rfc-editor.org/rfc/rfc{number}"),
            ),
        );
    }
    for row in rows {
        let Some(number) = row.xep() else { continue };
        out.raw("\n    ")
            .start("implements")
            .raw("\n      ")
            .start("xmpp:SupportedXep");
        let xep = format!("https://xmpp.org/extensions/xep-{number}.html");
        line(&mut out, 4, resource("xmpp:xep", xep));
        let (status, note) = match row.status {
            Status::Complete => ("complete", None),
            Status::Partial(note) => ("partial", Some(note)),
        };
        for (name, value) in [
            ("xmpp:status", status),
            ("xmpp:version", row.version),
            ("xmpp:since", row.since),
        ] {
            line(&mut out, 4, |out| {
                out.leaf_text(name, None, value);
            });
        }
        if let Some(note) = note {
            line(&mut out, 4, |out| {
                out.start("xmpp:note")
                    .attr("xml:lang", "en")
                    .text(note)
                    .end();
            });
        }
        out.raw("\n      ").end().raw("\n    ").end();
    }
    out.raw("\n  ").end().raw("\n").end();
    format!("<?xml version='1.0' encoding='UTF-8'?>\n{}\n", out.finish())
}

/// An element on a line of its own.
fn line(out: &mut Writer, depth: usize, element: impl FnOnce(&mut Writer)) {
    out.raw("\n").raw(&"  ".repeat(depth));
    element(out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_specification_says_what_it_is() {
        for row in rows() {
            if row.own().is_some() {
                continue;
            }
            let number = row.xep().or(row.rfc()).unwrap_or_default();
            assert_eq!(number.len(), 4, "{} has four digits", row.specification);
            assert!(
                number.bytes().all(|byte| byte.is_ascii_digit()),
                "{}",
                row.specification
            );
            assert!(
                !row.title.is_empty() && !row.version.is_empty(),
                "{}",
                row.specification
            );
        }
        let mut xeps: Vec<_> = rows().iter().filter_map(Row::xep).collect();
        let all = xeps.len();
        xeps.dedup();
        assert_eq!(xeps.len(), all, "a specification is declared twice");
    }
}
