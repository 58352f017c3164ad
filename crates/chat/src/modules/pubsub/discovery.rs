//! XEP-0060 §5: nodes in service discovery, for those who may see them.

use store::Node;
use xmpp::condition::StanzaError;
use xmpp::ns;
use xmpp::xep::disco::{Form, Identity, Info, Item};
use xmpp::xep::node_configuration::{Bound, NodeConfiguration};

use super::access::{Subscribing, hidden};
use super::visit::Visit;
use crate::modules::{OpenIqContext, store_failed};

/// §5.2: the nodes of an account that the asker may read or ask to subscribe to.
pub(crate) async fn visible_nodes(context: &OpenIqContext) -> Result<Vec<Item>, StanzaError> {
    let Some(visit) = Visit::of(context) else {
        return Ok(Vec::new());
    };
    let nodes = visit.chat.store().nodes(visit.owner.id()).await;
    let nodes = nodes.map_err(|error| store_failed(&error))?;
    let jid = visit.owner.jid().as_str();
    let visible = nodes.into_iter().filter_map(|node| {
        let configuration = NodeConfiguration::decode(&node.settings.configuration);
        may_know(&visit, &node, &configuration).then(|| Item {
            jid: jid.to_owned(),
            node: Some(node.settings.name.to_string().into()),
            name: configuration.title.map(Into::into),
        })
    });
    Ok(visible.collect())
}

fn may_know(visit: &Visit, node: &Node, configuration: &NodeConfiguration) -> bool {
    visit.standing(node).subscribes(configuration) != Subscribing::No
}

/// §5.4: a node, with its meta-data.
pub(crate) async fn node_info(context: &OpenIqContext, node: &str) -> Result<Info, StanzaError> {
    let visit = Visit::of(context).ok_or_else(hidden)?;
    let (found, _) = visit.node(node).await?;
    let found = found
        .filter(|found| may_know(&visit, &found.node, &found.configuration))
        .ok_or_else(hidden)?;
    let configuration = &found.configuration;
    let settings = &found.node.settings;
    let mut fields: Vec<(&'static str, Vec<String>)> = vec![
        ("pubsub#type", configuration.kind.iter().cloned().collect()),
        ("pubsub#creator", vec![settings.creator.to_string()]),
        ("pubsub#creation_date", vec![settings.created.to_string()]),
        (
            "pubsub#title",
            configuration.title.iter().cloned().collect(),
        ),
        (
            "pubsub#description",
            configuration.description.iter().cloned().collect(),
        ),
        (
            "pubsub#language",
            configuration.language.iter().cloned().collect(),
        ),
        ("pubsub#contact", configuration.contact.clone()),
        ("pubsub#owner", vec![visit.owner.jid().to_string()]),
        (
            "pubsub#access_model",
            vec![configuration.access.as_str().to_owned()],
        ),
        (
            "pubsub#publish_model",
            vec![configuration.publish.as_str().to_owned()],
        ),
        (
            "pubsub#max_items",
            vec![match configuration.max_items {
                Bound::Number(number) => number.to_string(),
                Bound::Max => "max".to_owned(),
            }],
        ),
    ];
    if found.standing.own {
        let subscribed = found.node.subscriptions.iter();
        let number = subscribed.filter(|known| !known.pending).count();
        fields.push(("pubsub#num_subscribers", vec![number.to_string()]));
    }
    fields.retain(|(_, values)| !values.is_empty());
    let fields = fields
        .into_iter()
        .map(|(var, values)| (var.into(), values))
        .collect();
    Ok(Info {
        identities: vec![Identity {
            category: "pubsub".into(),
            kind: "leaf".into(),
            lang: None,
            name: configuration.title.clone().map(Into::into),
        }],
        features: vec![
            ns::PUBSUB.into(),
            ns::DISCO_INFO.into(),
            ns::DISCO_ITEMS.into(),
        ],
        forms: vec![Form {
            form_type: ns::PUBSUB_META_DATA.into(),
            fields,
        }],
    })
}

/// §5.5: the items of a node, by their ids.
pub(crate) async fn node_items(
    context: &OpenIqContext,
    node: &str,
) -> Result<Vec<Item>, StanzaError> {
    let visit = Visit::of(context).ok_or_else(hidden)?;
    let found = visit.readable(node).await?;
    let query = store::ItemQuery {
        position: store::ItemPosition::First,
        max: visit.chat.config().limits.pubsub_page,
        max_bytes: usize::MAX,
        since: visit.oldest(&found.configuration),
    };
    let page = visit
        .chat
        .store()
        .node_items(visit.owner.id(), node, query)
        .await;
    let page = page.map_err(|error| store_failed(&error))?;
    let jid = visit.owner.jid().as_str();
    let items = page.items.into_iter().map(|item| Item {
        jid: jid.to_owned(),
        node: None,
        name: Some(item.id.to_string().into()),
    });
    Ok(items.collect())
}
