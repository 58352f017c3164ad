//! XEP-0060 §8.1 to §8.3: nodes are made and configured.

use std::sync::Arc;

use store::Batch;
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::data_form::{DataForm, FormKind};
use xmpp::xep::node_configuration::{FieldError, NodeConfiguration};
use xmpp::xep::pubsub::{Event, error};
use xmpp::xml::Writer;

use super::notify::{self, Notice};
use super::publish::settings;
use super::visit::Visit;
use super::{check_length, well_known};
use crate::modules::Reply;

/// §8.1.
pub(super) async fn create(
    visit: &Visit,
    node: Option<&str>,
    form: Option<&DataForm>,
) -> Result<Reply, StanzaError> {
    visit.must_be_own()?;
    let name: Arc<str> = match node {
        Some(node) => node.into(),
        None => Arc::from(visit.chat.new_id("node")),
    };
    check_length(&name)?;
    let mut configuration = well_known::configuration(&name);
    if let Some(form) = form {
        configuration
            .apply(form)
            .map_err(|failed| not_possible(&failed))?;
    }
    let _turn = visit.owner.turn().await;
    let (found, usage) = visit.node(&name).await?;
    if found.is_some() || &*name == ns::LEGACY_BOOKMARKS {
        return Err(StanzaError::new(StanzaCondition::Conflict)
            .text("There is a node of that name; configure it, or choose another name."));
    }
    let mut batch = Batch::new();
    visit.make(&name, configuration, &usage, &mut batch)?;
    visit.keep(batch).await?;
    let mut answer = Writer::new();
    answer.start("pubsub").xmlns(ns::PUBSUB);
    answer.start("create").attr("node", &name).end().end();
    Ok(Reply::payload(answer.finish()))
}

fn not_possible(failed: &FieldError) -> StanzaError {
    error(StanzaCondition::NotAcceptable, "invalid-options")
        .text(format!("Nothing was changed, because {failed}."))
}

/// §8.2.1.
pub(super) async fn show(visit: &Visit, node: &str) -> Result<Reply, StanzaError> {
    let found = visit.owned(node).await?;
    Ok(Reply::payload(form(
        visit,
        "configure",
        Some(node),
        &found.configuration,
    )))
}

/// §8.3.
pub(super) fn default(visit: &Visit) -> Result<Reply, StanzaError> {
    visit.must_be_own()?;
    let configuration = NodeConfiguration::default();
    Ok(Reply::payload(form(visit, "default", None, &configuration)))
}

fn form(visit: &Visit, name: &str, node: Option<&str>, of: &NodeConfiguration) -> String {
    let groups: Vec<Arc<str>> = {
        let facts = visit.owner.facts();
        let items = facts.roster.items.iter();
        items.flat_map(|item| item.groups.iter().cloned()).collect()
    };
    let mut groups: Vec<&str> = groups.iter().map(|group| &**group).collect();
    groups.sort_unstable();
    groups.dedup();
    let mut out = Writer::with_capacity(4096);
    out.start("pubsub").xmlns(ns::PUBSUB_OWNER);
    out.start(name).attr_opt("node", node);
    of.form(FormKind::Form, &groups).write(&mut out);
    out.end().end();
    out.finish()
}

/// §8.2.4.
pub(super) async fn change(
    visit: &Visit,
    node: &str,
    form: Option<&DataForm>,
) -> Result<Reply, StanzaError> {
    let _turn = visit.owner.turn().await;
    let mut found = visit.owned(node).await?;
    let Some(form) = form else {
        return Ok(Reply::empty());
    };
    if form
        .form_type()
        .is_some_and(|kind| kind != ns::PUBSUB_NODE_CONFIG)
    {
        return Err(StanzaError::new(StanzaCondition::BadRequest).text(format!(
            "The FORM_TYPE of a configuration is {}.",
            ns::PUBSUB_NODE_CONFIG
        )));
    }
    found
        .configuration
        .apply(form)
        .map_err(|failed| not_possible(&failed))?;
    let config = visit.chat.config();
    let changed = settings(node, &found.configuration, &config.limits)?;
    let mut batch = Batch::new();
    batch.node_set(visit.owner.id(), changed);
    visit.keep(batch).await?;
    if found.configuration.notify_config {
        let told = found.configuration.deliver_payloads;
        let event = Event::Configured {
            node,
            form: told.then(|| found.configuration.form(FormKind::Result, &[])),
        };
        notify::tell(visit, &Notice::of(&found, vec![event.to_xml()])).await;
    }
    Ok(Reply::empty())
}
