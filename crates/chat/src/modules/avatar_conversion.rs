//! XEP-0398: User Avatar to vCard-Based Avatars Conversion
//!
//! There is one picture, in the nodes of XEP-0084. Whoever reads the card and may read those nodes
//! finds it there; one that comes with a card goes to the nodes.

use xmpp::condition::StanzaError;
use xmpp::ns;
use xmpp::xep::avatar::no_picture;
use xmpp::xep::vcard;
use xmpp::xml::{Element, Tree, Writer};

use super::avatar::picture;
use super::pubsub::{Publication, Visit};
use super::{Feature, Module, Seat};

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "avatar_conversion",
    specification: "XEP-0398",
    title: "User Avatar to vCard-Based Avatars Conversion",
    version: "1.0.0",
    features: &[Feature {
        var: ns::AVATAR_CONVERSION,
        seat: Seat::Account,
    }],
    ..Module::NONE
};

/// The card as the visitor is to see it: with the picture, if he may see that. `None` when there is
/// neither.
pub(super) async fn card(
    visit: &Visit,
    kept: Option<String>,
) -> Result<Option<String>, StanzaError> {
    let shown = if may_see(visit).await? {
        picture(&visit.chat, &visit.owner).await?
    } else {
        None
    };
    let Some(shown) = shown else { return Ok(kept) };
    let kept = kept.unwrap_or_else(|| {
        let mut empty = Writer::new();
        empty.leaf("vCard", ns::VCARD);
        empty.finish()
    });
    Ok(Some(match Tree::parse(&kept) {
        Ok(tree) => vcard::with_picture(tree.root(), &shown),
        Err(_) => kept,
    }))
}

/// XEP-0398 §7: only for whom both nodes are.
async fn may_see(visit: &Visit) -> Result<bool, StanzaError> {
    if visit.owner.facts().avatar.is_none() {
        return Ok(false);
    }
    for node in [ns::AVATAR_METADATA, ns::AVATAR_DATA] {
        if !visit.may_read(node).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Takes a card that its owner sends: its picture goes to the nodes. Returns what is to be kept of
/// the card.
pub(super) async fn take(visit: &Visit, card: Element<'_>) -> Result<String, StanzaError> {
    let rest = vcard::without_picture(card);
    let turn = visit.owner.turn().await;
    let before = visit.owner.facts().avatar.clone();
    let Some(shown) = vcard::picture(card) else {
        // vcard-temp replaces the whole: a card without a picture is a wish for none.
        if before.is_some() {
            let id = visit.chat.new_id("item");
            publish(visit, &turn, ns::AVATAR_METADATA, &id, no_picture()).await?;
        }
        return Ok(rest);
    };
    let id = shown.id();
    if before.as_deref() != Some(&*id) {
        publish(visit, &turn, ns::AVATAR_DATA, &id, shown.data_payload()).await?;
        publish(
            visit,
            &turn,
            ns::AVATAR_METADATA,
            &id,
            shown.metadata_payload(),
        )
        .await?;
    }
    Ok(rest)
}

async fn publish(
    visit: &Visit,
    turn: &crate::account::Turn<'_>,
    node: &str,
    id: &str,
    payload: String,
) -> Result<(), StanzaError> {
    let publication = Publication {
        node,
        items: vec![(id.into(), payload.into())],
        options: None,
    };
    visit.publish(turn, publication).await
}
