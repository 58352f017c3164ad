//! XEP-0030: Service Discovery, and XEP-0115: Entity Capabilities: what we say of ourselves, and what the server can do.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::disco::{Identity, Info};
use xmpp::xml::Writer;

use super::{FEATURES, Feature};
use crate::client::Client;
use crate::connection::requests::{Answer, Asked};
use crate::storage::{Storage, StorageError};
use crate::turn::Turn;

const NODE: &str = "https://hauspost.org/client";

pub(crate) static FEATURE: Feature = Feature {
    disco: &[
        ns::CAPS,
        ns::DISCO_INFO,
        ns::DISCO_ITEMS,
        ns::PING,
        ns::MUC,
        ns::CONFERENCE,
        ns::CORRECTION,
        ns::RETRACTION,
        ns::REACTIONS,
        ns::REPLY,
        ns::REFERENCES,
    ],
    notify: &[],
};

/// What the server and its services can do, as far as it was told.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    pub(crate) archive: bool,
    pub(crate) archive_extended: bool,
    pub(crate) inbox: bool,
    pub(crate) displayed_assist: bool,
    pub(crate) previews: bool,
    /// The account has a role in the house.
    pub(crate) administers: bool,
    pub(crate) blocking: bool,
    pub(crate) rooms: Option<String>,
    pub(crate) uploads: Option<String>,
    pub(crate) spaces: Option<String>,
    /// What people of the house say to each other must be encrypted: the server lets nothing else through.
    pub(crate) seals_direct: bool,
    /// The same of private groups.
    pub(crate) seals_groups: bool,
}

fn info(software: &str) -> Info {
    let mut features: BTreeSet<String> = BTreeSet::new();
    for feature in FEATURES {
        features.extend(feature.disco.iter().map(ToString::to_string));
        features.extend(feature.notify.iter().map(|node| format!("{node}+notify")));
    }
    Info {
        identities: vec![Identity {
            category: "client".into(),
            kind: "pc".into(),
            lang: None,
            name: Some(software.to_owned().into()),
        }],
        features: features.into_iter().map(Into::into).collect(),
        forms: Vec::new(),
    }
}

fn hash(info: &Info) -> String {
    STANDARD.encode(Sha1::digest(info.capabilities().as_bytes()))
}

impl<S: Storage> Client<S> {
    pub(crate) fn disco_info(&self, node: Option<&str>) -> Result<String, StanzaError> {
        let info = info(&self.settings.software);
        let known = node.is_none_or(|node| node == format!("{NODE}#{}", hash(&info)));
        if known {
            Ok(info.to_xml(node))
        } else {
            Err(StanzaError::new(StanzaCondition::ItemNotFound))
        }
    }

    /// `<c/>` for our presence.
    pub(crate) fn capabilities(&self, writer: &mut Writer) {
        writer
            .start("c")
            .xmlns(ns::CAPS)
            .attr("hash", "sha-1")
            .attr("node", NODE)
            .attr("ver", hash(&info(&self.settings.software)))
            .end();
    }

    fn ask_what_there_is(&mut self, turn: &Turn<'_>) {
        let query = format!("<query xmlns='{}'/>", ns::DISCO_INFO);
        let account = self.settings.account.as_str().to_owned();
        self.ask(false, Some(&account), &query, Asked::AccountInfo, turn);
    }

    pub(crate) fn discover(&mut self, turn: &Turn<'_>) {
        self.ask_what_there_is(turn);
        let query = format!("<query xmlns='{}'/>", ns::DISCO_INFO);
        let domain = self.settings.account.domain().to_owned();
        self.ask(false, Some(&domain), &query, Asked::ServerInfo, turn);
        let items = format!("<query xmlns='{}'/>", ns::DISCO_ITEMS);
        self.ask(false, Some(&domain), &items, Asked::ServerItems, turn);
    }

    pub(crate) fn account_info_came(
        &mut self,
        answer: Answer<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let found = answer.payload().map(Info::read).unwrap_or_default();
        let has = |feature: &str| found.features.iter().any(|found| found == feature);
        self.surroundings.archive = has(ns::ARCHIVE);
        self.surroundings.archive_extended = has(ns::ARCHIVE_EXTENDED);
        self.surroundings.inbox = has(ns::INBOX);
        self.surroundings.displayed_assist = has(ns::DISPLAYED_ASSIST);
        self.surroundings.previews = has(ns::PREVIEWS);
        self.surroundings.administers = found
            .identities
            .iter()
            .any(|identity| identity.category == "account" && identity.kind == "admin");
        match answer {
            Answer::None => {
                // The session is over, or the answer is late: without it nobody knows what to read.
                if self.catch_up.is_asking() {
                    self.ask_what_there_is(turn);
                }
                Ok(())
            }
            Answer::Result(_) | Answer::Error(_) => self.archive_is_known(turn),
        }
    }

    pub(crate) fn server_info_came(&mut self, answer: Answer<'_>) {
        let found = answer.payload().map(Info::read).unwrap_or_default();
        let has = |feature: &str| found.features.iter().any(|found| found == feature);
        let policy = found
            .forms
            .iter()
            .find(|form| form.form_type == ns::ENCRYPTION_POLICY);
        let requires = |what: &str| {
            policy.is_some_and(|policy| {
                let mut fields = policy.fields.iter();
                fields.any(|(var, values)| {
                    var == what && values.iter().any(|value| value == "required")
                })
            })
        };
        let seals = (requires("direct"), requires("groups"));
        let surroundings = &mut self.surroundings;
        if (surroundings.seals_direct, surroundings.seals_groups) != seals {
            (surroundings.seals_direct, surroundings.seals_groups) = seals;
            // What can be said where, and how, is another thing now.
            let all = self.conversations.all().iter();
            let all: Vec<_> = all.map(|record| record.jid.clone()).collect();
            for jid in all {
                self.conversations.redraw(&jid);
            }
        }
        self.surroundings.blocking = has(ns::BLOCKING);
        if has(ns::HTTP_UPLOAD) {
            self.surroundings.uploads = Some(self.settings.account.domain().to_owned());
        }
    }

    pub(crate) fn server_items_came(&mut self, answer: Answer<'_>, turn: &Turn<'_>) {
        let Some(query) = answer.payload() else {
            return;
        };
        let services: Vec<String> = query
            .children()
            .filter_map(|item| item.attr("jid").map(str::to_owned))
            .take(32)
            .collect();
        let query = format!("<query xmlns='{}'/>", ns::DISCO_INFO);
        for service in services {
            let asked = Asked::ServiceInfo(service.clone());
            self.ask(false, Some(&service), &query, asked, turn);
        }
    }

    pub(crate) fn service_info_came(&mut self, service: String, answer: Answer<'_>) {
        let Some(found) = answer.payload().map(Info::read) else {
            return;
        };
        let has = |feature: &str| found.features.iter().any(|found| found == feature);
        let rooms = found
            .identities
            .iter()
            .any(|identity| identity.category == "conference" && identity.kind == "text");
        if rooms && has(ns::MUC) && self.surroundings.rooms.is_none() {
            self.surroundings.rooms = Some(service);
        } else if has(ns::HTTP_UPLOAD) && self.surroundings.uploads.is_none() {
            self.surroundings.uploads = Some(service);
        } else if has(ns::PUBSUB) && service.starts_with("spaces.") {
            // XEP-0503 names no identity for the service of spaces: only its nodes say what they are.
            self.surroundings.spaces = Some(service);
        }
    }
}
