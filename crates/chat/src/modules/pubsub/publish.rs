//! XEP-0060 §7.1: items are published, by a client or on behalf of one.

use std::sync::Arc;

use base::Limits;
use store::{Batch, ItemPosition, ItemQuery, Node, NodeItem, NodeSettings, NodeUsage};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::data_form::DataForm;
use xmpp::xep::node_configuration::{Bound, FieldError, NodeConfiguration, SendLast, WhenFull};
use xmpp::xep::pubsub::{Event, PublishedItem, error};
use xmpp::xml::Writer;

use super::access::{Standing, hidden};
use super::notify::{self, Notice};
use super::visit::{Found, Visit};
use super::{check_length, well_known};
use crate::account::Turn;
use crate::modules::{Reply, avatar, bookmarks, displayed, omemo, store_failed};

/// Items of one request at the most.
const MOST_AT_ONCE: usize = 100;

/// What is to be published.
pub(crate) struct Publication<'a> {
    /// Where.
    pub(crate) node: &'a str,
    /// What: id and payload, self-contained.
    pub(crate) items: Vec<(Arc<str>, Arc<str>)>,
    /// Preconditions (§7.1.5).
    pub(crate) options: Option<&'a DataForm>,
}

pub(super) async fn request(
    visit: &Visit,
    node: &str,
    items: &[PublishedItem<'_>],
    options: Option<&DataForm>,
) -> Result<Reply, StanzaError> {
    check_length(node)?;
    if items.len() > MOST_AT_ONCE {
        return Err(error(StanzaCondition::NotAllowed, "max-items-exceeded"));
    }
    let mut published = Vec::with_capacity(items.len());
    for item in items {
        let id: Arc<str> = match item.id {
            Some(id) => id.into(),
            None => Arc::from(visit.chat.new_id("item")),
        };
        check_length(&id)?;
        let payload = item.payload.map(|payload| payload.raw().into_owned());
        published.push((id, payload.unwrap_or_default().into()));
    }
    let mut answer = Writer::new();
    answer.start("pubsub").xmlns(ns::PUBSUB);
    answer.start("publish").attr("node", node);
    for (id, _) in &published {
        answer.start("item").attr("id", id).end();
    }
    answer.end().end();
    let publication = Publication {
        node,
        items: published,
        options,
    };
    let turn = visit.owner.turn().await;
    if node == ns::LEGACY_BOOKMARKS && visit.is_own() {
        bookmarks::publish_legacy(visit, &turn, &publication).await?;
    } else {
        visit.publish(&turn, publication).await?;
    }
    Ok(Reply::payload(answer.finish()))
}

impl Visit {
    /// Publishes, and tells who is to be told. The caller holds the owner's turn.
    pub(crate) async fn publish(
        &self,
        turn: &Turn<'_>,
        publication: Publication<'_>,
    ) -> Result<(), StanzaError> {
        let mut batch = Batch::new();
        let draft = self.draft(publication, &mut batch).await?;
        let shown = avatar::will_publish(self, draft.name(), draft.items(), &mut batch).await?;
        let devices = omemo::will_publish(self, draft.name(), draft.items(), &mut batch);
        displayed::will_publish(self, draft.name(), draft.items(), &mut batch);
        if !batch.is_empty() {
            self.keep(batch).await?;
        }
        if devices {
            omemo::settle(self).await;
        }
        let name = Arc::clone(&draft.found.node.settings.name);
        draft.announce(self).await;
        avatar::settle(self, shown);
        bookmarks::has_changed(self, turn, &name).await;
        Ok(())
    }

    /// Checks a publication, and adds to the batch what is to be kept of it.
    pub(crate) async fn draft(
        &self,
        publication: Publication<'_>,
        batch: &mut Batch,
    ) -> Result<Draft, StanzaError> {
        let Publication {
            node: name,
            items,
            options,
        } = publication;
        let config = self.chat.config();
        let limits = &config.limits;
        check_options(options)?;
        let (found, usage) = self.node(name).await?;
        let found = match found {
            Some(found) => {
                if !found.standing.publishes(&found.configuration) {
                    return Err(found.standing.refusal(&found.configuration));
                }
                if let Some(options) = options {
                    let met = found.configuration.check_preconditions(options);
                    met.map_err(|failed| precondition_not_met(&failed))?;
                }
                found
            }
            None => {
                let mut configuration = well_known::configuration(name);
                if let Some(options) = options {
                    configuration = configuration
                        .with_preconditions(options)
                        .map_err(|failed| precondition_not_met(&failed))?;
                }
                self.make(name, configuration, &usage, batch)?
            }
        };
        check_items(&found.configuration, &items, limits)?;
        let retracted = self.make_room(&found, &items, &usage, limits).await?;
        let items: Vec<NodeItem> = items
            .into_iter()
            .map(|(id, payload)| NodeItem {
                id,
                publisher: self.sender.jid().as_str().into(),
                published: self.now.wall,
                payload,
            })
            .collect();
        if found.configuration.persist_items {
            for item in &items {
                batch.node_publish(self.owner.id(), name, item.clone());
            }
        }
        Ok(Draft {
            found,
            items,
            retracted,
        })
    }

    /// A node that is to be made: only the owner makes one.
    pub(super) fn make(
        &self,
        name: &str,
        configuration: NodeConfiguration,
        usage: &NodeUsage,
        batch: &mut Batch,
    ) -> Result<Found, StanzaError> {
        if !self.is_own() {
            return Err(hidden());
        }
        let config = self.chat.config();
        if usage.nodes >= config.limits.pubsub_nodes as u64 {
            return Err(
                error(StanzaCondition::NotAllowed, "max-nodes-exceeded").text(format!(
                    "An account can have {} nodes; please delete some first.",
                    config.limits.pubsub_nodes
                )),
            );
        }
        let settings = settings(name, &configuration, &config.limits)?;
        let settings = NodeSettings {
            creator: self.sender.jid().bare_str().into(),
            created: self.now.wall,
            ..settings
        };
        batch.node_set(self.owner.id(), settings.clone());
        Ok(Found {
            node: Node {
                settings,
                ..Node::default()
            },
            configuration,
            standing: Standing::OWN,
        })
    }

    /// Sees whether there is room (the node's, and the account's quotas). Returns the items that go for
    /// it, where subscribers are told of them.
    async fn make_room(
        &self,
        found: &Found,
        new: &[(Arc<str>, Arc<str>)],
        usage: &NodeUsage,
        limits: &Limits,
    ) -> Result<Vec<Arc<str>>, StanzaError> {
        let configuration = &found.configuration;
        if !configuration.persist_items {
            return Ok(Vec::new());
        }
        let most = u64::from(keep(configuration, limits));
        let number = new.len() as u64;
        let bytes: usize = new.iter().map(|(id, payload)| weight(id, payload)).sum();
        let quota = |freed: &[NodeItem]| {
            let gone: usize = freed
                .iter()
                .map(|item| weight(&item.id, &item.payload))
                .sum();
            let items = (usage.items + number).saturating_sub(freed.len() as u64);
            let bytes = (usage.bytes + bytes as u64).saturating_sub(gone as u64);
            items <= limits.pubsub_items as u64 && bytes <= limits.pubsub_bytes as u64
        };
        let is_full = found.node.items + number > most;
        // Of a node with a single item, the new one takes the place of the old one.
        let tells = configuration.when_full == WhenFull::RetractOldest
            && configuration.notify_retract
            && most > 1;
        let matters = tells || configuration.when_full == WhenFull::Reject;
        if quota(&[]) && !(is_full && matters) {
            return Ok(Vec::new());
        }
        let ids = new.iter().map(|(id, _)| Arc::clone(id)).collect();
        let mut freed = self.some(found, ItemPosition::Ids(ids), new.len()).await?;
        let surplus = (found.node.items + number - freed.len() as u64).saturating_sub(most);
        let mut oldest = Vec::new();
        if surplus > 0 {
            if configuration.when_full == WhenFull::Reject {
                return Err(StanzaError::new(StanzaCondition::Conflict).text(
                    "The node is full, and it is configured to refuse new items then; please remove some first.",
                ));
            }
            let surplus = usize::try_from(surplus).unwrap_or(MOST_AT_ONCE);
            oldest = self
                .some(found, ItemPosition::First, surplus + freed.len())
                .await?;
            oldest.retain(|item| !new.iter().any(|(id, _)| *id == item.id));
            oldest.truncate(surplus);
            freed.extend(oldest.iter().cloned());
        }
        if !quota(&freed) {
            return Err(StanzaError::new(StanzaCondition::ResourceConstraint).text(format!(
                "An account can keep {} items with {} bytes; please remove some first. Nothing was changed.",
                limits.pubsub_items, limits.pubsub_bytes
            )));
        }
        if !tells {
            oldest.clear();
        }
        Ok(oldest.into_iter().map(|item| item.id).collect())
    }

    /// Some items of a node.
    async fn some(
        &self,
        found: &Found,
        position: ItemPosition,
        max: usize,
    ) -> Result<Vec<NodeItem>, StanzaError> {
        let query = ItemQuery {
            position,
            max,
            max_bytes: usize::MAX,
            since: None,
        };
        let store = self.chat.store();
        let name = &found.node.settings.name;
        let page = store.node_items(self.owner.id(), name, query).await;
        Ok(page.map_err(|error| store_failed(&error))?.items)
    }
}

/// What is published once it is kept.
pub(crate) struct Draft {
    found: Found,
    items: Vec<NodeItem>,
    /// Items that went for it.
    retracted: Vec<Arc<str>>,
}

impl Draft {
    pub(crate) fn name(&self) -> &str {
        &self.found.node.settings.name
    }

    pub(crate) fn items(&self) -> &[NodeItem] {
        &self.items
    }

    /// Tells who is to be told. It must be kept by then, and the owner's turn still be held.
    pub(crate) async fn announce(self, visit: &Visit) {
        let configuration = &self.found.configuration;
        if !configuration.deliver_notifications {
            return;
        }
        let owner = visit.owner.jid().as_str();
        let name = self.name();
        let items = self.items.iter().map(|item| {
            let by_other = item.publisher.split('/').next() != Some(owner);
            let publisher = by_other.then_some(&*item.publisher);
            let payload = if configuration.deliver_payloads {
                &*item.payload
            } else {
                ""
            };
            (&*item.id, publisher, payload)
        });
        let mut events = vec![
            Event::Published {
                node: name,
                items: items.collect(),
            }
            .to_xml(),
        ];
        let published: Vec<&str> = self.items.iter().map(|item| &*item.id).collect();
        let retracted: Vec<&str> = self.retracted.iter().map(|id| &**id).collect();
        let retracted: Vec<&str> = retracted
            .into_iter()
            .filter(|id| !published.contains(id))
            .collect();
        if !retracted.is_empty() {
            events.push(
                Event::Retracted {
                    node: name,
                    items: retracted,
                }
                .to_xml(),
            );
        }
        notify::tell(visit, &Notice::of(&self.found, events)).await;
    }
}

/// The form must say what it is (§7.1.5).
fn check_options(options: Option<&DataForm>) -> Result<(), StanzaError> {
    match options.map(DataForm::form_type) {
        None | Some(Some(ns::PUBSUB_PUBLISH_OPTIONS)) => Ok(()),
        Some(_) => Err(StanzaError::new(StanzaCondition::BadRequest).text(format!(
            "The form of publish-options needs the FORM_TYPE {}.",
            ns::PUBSUB_PUBLISH_OPTIONS
        ))),
    }
}

fn precondition_not_met(failed: &FieldError) -> StanzaError {
    error(StanzaCondition::Conflict, "precondition-not-met").text(format!(
        "Nothing was published, because {failed}; configure the node first."
    ))
}

fn check_items(
    configuration: &NodeConfiguration,
    items: &[(Arc<str>, Arc<str>)],
    limits: &Limits,
) -> Result<(), StanzaError> {
    let told = configuration.deliver_payloads && configuration.deliver_notifications;
    let wanted = configuration.persist_items || told;
    if items.is_empty() && wanted {
        return Err(error(StanzaCondition::BadRequest, "item-required"));
    }
    // §7.1.3.6: with several at once it must be clear what stays.
    if items.len() as u64 > u64::from(keep(configuration, limits)) && configuration.persist_items {
        return Err(error(StanzaCondition::NotAllowed, "max-items-exceeded"));
    }
    for (_, payload) in items {
        if payload.is_empty() && wanted {
            return Err(error(StanzaCondition::BadRequest, "payload-required"));
        }
        if let Some(most) = configuration.max_payload_size
            && payload.len() > most as usize
        {
            return Err(
                error(StanzaCondition::NotAcceptable, "payload-too-big").text(format!(
                    "A payload may have {most} bytes here, this one has {}.",
                    payload.len()
                )),
            );
        }
    }
    Ok(())
}

/// What an item counts for in the quota, in bytes.
pub(super) fn weight(id: &str, payload: &str) -> usize {
    id.len() + payload.len()
}

/// How many items of such a node stay.
pub(super) fn keep(configuration: &NodeConfiguration, limits: &Limits) -> u32 {
    if configuration.persist_items {
        let most = u32::try_from(limits.pubsub_node_items).unwrap_or(u32::MAX);
        configuration.max_items.within(most)
    } else {
        0
    }
}

/// What the store is to know of a configuration.
pub(super) fn settings(
    name: &str,
    configuration: &NodeConfiguration,
    limits: &Limits,
) -> Result<NodeSettings, StanzaError> {
    let most = limits.pubsub_node_items;
    if let Bound::Number(number) = configuration.max_items
        && number as usize > most
    {
        return Err(
            StanzaError::new(StanzaCondition::NotAcceptable).text(format!(
                "A node keeps {most} items at the most; write max for as many as possible."
            )),
        );
    }
    let text = configuration.encode();
    if text.len() > limits.pubsub_configuration_bytes {
        return Err(StanzaError::new(StanzaCondition::NotAcceptable)
            .text("The configuration is too long; please shorten its texts."));
    }
    Ok(NodeSettings {
        name: name.into(),
        configuration: text.into(),
        on_presence: configuration.send_last == SendLast::OnPresence
            && configuration.persist_items
            && configuration.deliver_notifications,
        keep: keep(configuration, limits),
        item_seconds: match configuration.item_expire {
            Some(Bound::Number(seconds)) => Some(seconds),
            Some(Bound::Max) | None => None,
        },
        ..NodeSettings::default()
    })
}
