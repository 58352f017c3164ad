//! Nodes of accounts that come from another server (XEP-0227 §4.9). They become what they were; nobody is told.

use std::collections::HashMap;
use std::sync::Arc;

use base::{BareJid, Jid, Limits, Timestamp};
use store::{AccountId, Batch, NodeAffiliation, NodeItem, NodeSettings, NodeSubscription};
use xmpp::ns;
use xmpp::xep::data_form::DataForm;
use xmpp::xep::node_configuration::{AccessModel, NodeConfiguration};
use xmpp::xep::omemo::Form;
use xmpp::xep::{avatar, node_configuration};
use xmpp::xml::{Element, Tree};

use super::publish::{settings, weight};
use super::{check_length, well_known};

/// The nodes of one account on its way in.
pub struct ArrivingNodes {
    account: AccountId,
    own: BareJid,
    limits: Limits,
    at: Timestamp,
    nodes: HashMap<Box<str>, Arriving>,
    items: usize,
    bytes: usize,
    /// Pictures that are there, and the one that is shown.
    pictures: Vec<Box<str>>,
    shown: Option<String>,
}

#[derive(Default)]
struct Arriving {
    affiliations: usize,
    subscriptions: usize,
}

/// Why something of a node stays out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeftOut {
    /// There are more than an account, or a node, may have.
    #[error("there are more than an account may have here")]
    TooMany,
    /// It has a name that is none here, or nothing that can be read.
    #[error("it cannot be read")]
    Unreadable,
    /// It is configured in a way that is not known here.
    #[error("a part of its configuration is not known here; of access, the strictest holds")]
    Unknown,
}

impl ArrivingNodes {
    /// Those of an account with this address.
    #[must_use]
    pub fn new(account: AccountId, own: BareJid, limits: Limits, at: Timestamp) -> Self {
        Self {
            account,
            own,
            limits,
            at,
            nodes: HashMap::new(),
            items: 0,
            bytes: 0,
            pictures: Vec::new(),
            shown: None,
        }
    }

    /// Takes in a `<configure/>`, `<affiliations/>` or `<subscriptions/>`.
    ///
    /// # Errors
    /// What of it stays out; the rest is in the batch.
    pub fn describe(&mut self, element: Element<'_>, batch: &mut Batch) -> Result<(), LeftOut> {
        let name = element.attr("node").ok_or(LeftOut::Unreadable)?;
        if element.name() == "configure" {
            return self.configure(name, element.child("x", ns::DATA_FORMS), batch);
        }
        self.begin(name, batch)?;
        let most = self.limits.pubsub_subscriptions;
        let node = self.nodes.get_mut(name).ok_or(LeftOut::Unreadable)?;
        for child in element.children() {
            let address = child.attr("jid").and_then(|jid| Jid::parse(jid).ok());
            let Some(address) = address else { continue };
            match child.name() {
                "affiliation" if address.bare() != self.own => {
                    let Some(affiliation) = affiliation(child.attr("affiliation")) else {
                        continue;
                    };
                    node.affiliations += 1;
                    if node.affiliations > most {
                        return Err(LeftOut::TooMany);
                    }
                    batch.node_affiliate(self.account, name, address.bare_str(), Some(affiliation));
                }
                "subscription" => {
                    // Prosody 0.12 writes the state into an attribute of another name.
                    let state = child.attr("subscription").or(child.attr("subscribed"));
                    let pending = match state {
                        Some("subscribed") => false,
                        Some("pending") => true,
                        _ => continue,
                    };
                    node.subscriptions += 1;
                    if node.subscriptions > most {
                        return Err(LeftOut::TooMany);
                    }
                    let subscriber = address.as_str().into();
                    let subscription = NodeSubscription {
                        subscriber,
                        pending,
                    };
                    batch.node_subscribe(self.account, name, subscription);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A node is there, configured as its specification says unless it is described too.
    ///
    /// # Errors
    /// When it stays out.
    pub fn begin(&mut self, name: &str, batch: &mut Batch) -> Result<(), LeftOut> {
        if self.nodes.contains_key(name) {
            return Ok(());
        }
        self.set(name, &well_known::configuration(name), batch)
    }

    fn configure(
        &mut self,
        name: &str,
        form: Option<Element<'_>>,
        batch: &mut Batch,
    ) -> Result<(), LeftOut> {
        let mut configuration = well_known::configuration(name);
        let mut all = true;
        let form = form.and_then(|form| DataForm::read(form).ok());
        for field in form.iter().flat_map(|form| &form.fields) {
            let mut one = DataForm::new(
                xmpp::xep::data_form::FormKind::Submit,
                ns::PUBSUB_NODE_CONFIG,
            );
            one.fields.push(field.clone());
            if configuration.apply(&one).is_err() {
                all = false;
                if field.var == "pubsub#access_model" {
                    configuration.access = AccessModel::Whitelist;
                }
            }
        }
        if let node_configuration::Bound::Number(number) = &mut configuration.max_items {
            *number =
                (*number).min(u32::try_from(self.limits.pubsub_node_items).unwrap_or(u32::MAX));
        }
        self.set(name, &configuration, batch)?;
        if all { Ok(()) } else { Err(LeftOut::Unknown) }
    }

    fn set(
        &mut self,
        name: &str,
        configuration: &NodeConfiguration,
        batch: &mut Batch,
    ) -> Result<(), LeftOut> {
        check_length(name).map_err(|_| LeftOut::Unreadable)?;
        if !self.nodes.contains_key(name) && self.nodes.len() >= self.limits.pubsub_nodes {
            return Err(LeftOut::TooMany);
        }
        let settings =
            settings(name, configuration, &self.limits).map_err(|_| LeftOut::Unreadable)?;
        let settings = NodeSettings {
            creator: self.own.as_str().into(),
            created: self.at,
            ..settings
        };
        batch.node_set(self.account, settings);
        self.nodes.entry(name.into()).or_default();
        Ok(())
    }

    /// Takes in an `<item/>` of a node; later ones are newer.
    ///
    /// # Errors
    /// When it stays out.
    pub fn publish(
        &mut self,
        name: &str,
        item: Element<'_>,
        batch: &mut Batch,
    ) -> Result<(), LeftOut> {
        self.begin(name, batch)?;
        let id = item.attr("id").ok_or(LeftOut::Unreadable)?;
        check_length(id).map_err(|_| LeftOut::Unreadable)?;
        let payload = item.children().next();
        let payload: Arc<str> = payload.map_or_else(|| "".into(), |one| one.raw().as_ref().into());
        let weight = weight(id, &payload);
        if self.items >= self.limits.pubsub_items || self.bytes + weight > self.limits.pubsub_bytes
        {
            return Err(LeftOut::TooMany);
        }
        self.items += 1;
        self.bytes += weight;
        self.follow(name, id, &payload, batch);
        let publisher = item.attr("publisher").and_then(|jid| Jid::parse(jid).ok());
        let publisher = publisher.unwrap_or_else(|| self.own.clone().into());
        let item = NodeItem {
            id: id.into(),
            publisher: publisher.as_str().into(),
            published: self.at,
            payload,
        };
        batch.node_publish(self.account, name, item);
        Ok(())
    }

    /// What else is known by what is published: devices, and the picture that is shown.
    fn follow(&mut self, name: &str, id: &str, payload: &str, batch: &mut Batch) {
        if let Some(form) = Form::of_device_list_node(name) {
            let tree = Tree::parse(payload).ok();
            let devices = tree.and_then(|tree| form.read_device_list(tree.root()));
            if let Some(devices) = devices {
                batch.devices_listed(self.account, &devices.into_iter().collect::<Vec<_>>());
            }
        }
        match name {
            ns::AVATAR_DATA => self.pictures.push(id.to_ascii_lowercase().into()),
            ns::AVATAR_METADATA => {
                let tree = Tree::parse(payload).ok();
                let shown = tree.and_then(|tree| {
                    avatar::shown(tree.root()).map(|one| one.id.to_ascii_lowercase())
                });
                self.shown = shown;
            }
            _ => {}
        }
    }

    /// All of them are there.
    pub fn finish(self, batch: &mut Batch) {
        let shown = self
            .shown
            .filter(|shown| self.pictures.iter().any(|id| **id == **shown));
        if let Some(shown) = shown {
            batch.avatar_set(self.account, Some(&shown));
        }
    }
}

fn affiliation(word: Option<&str>) -> Option<NodeAffiliation> {
    match word? {
        "publisher" => Some(NodeAffiliation::Publisher),
        "publish-only" => Some(NodeAffiliation::PublishOnly),
        "member" => Some(NodeAffiliation::Member),
        "outcast" => Some(NodeAffiliation::Outcast),
        _ => None,
    }
}
