//! XEP-0054: vcard-temp

use store::Batch;
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xml::{Tree, Writer};

use super::avatar_conversion;
use super::pubsub::Visit;
use super::{
    Feature, IqContext, IqHandler, Module, OpenIqContext, Reply, Run, Seat, Target, store_failed,
};
use crate::Work;

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "vcard",
    specification: "XEP-0054",
    title: "vcard-temp",
    version: "1.3.0",
    features: &[Feature {
        var: ns::VCARD,
        seat: Seat::Both,
    }],
    iq: &[
        IqHandler {
            targets: &[Target::Own],
            set: false,
            payload: "vCard",
            namespace: ns::VCARD,
            run: Run::Client(own),
        },
        IqHandler {
            targets: &[Target::Own],
            set: true,
            payload: "vCard",
            namespace: ns::VCARD,
            run: Run::Client(set),
        },
        IqHandler {
            targets: &[Target::Other],
            set: false,
            payload: "vCard",
            namespace: ns::VCARD,
            run: Run::Anyone(other),
        },
        IqHandler {
            targets: &[Target::Other],
            set: true,
            payload: "vCard",
            namespace: ns::VCARD,
            run: Run::Anyone(forbidden),
        },
    ],
    ..Module::NONE
};

/// §3.1: one's own card, empty when there is none yet.
fn own(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let card = context.chat.store().vcard(context.account.id()).await;
        let card = card.map_err(|error| store_failed(&error))?;
        let card = avatar_conversion::card(&Visit::at_home(&context), card).await?;
        Ok(Reply::payload(card.unwrap_or_else(|| {
            let mut empty = Writer::new();
            empty.leaf("vCard", ns::VCARD);
            empty.finish()
        })))
    })
}

/// §3.3: nobody can tell an account without a card from one that is not there.
fn other(context: OpenIqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let card = match &context.target_account {
            Some(account) => context
                .chat
                .store()
                .vcard(account.id())
                .await
                .map_err(|error| store_failed(&error))?,
            None => None,
        };
        let card = match Visit::of(&context) {
            Some(visit) => avatar_conversion::card(&visit, card).await?,
            None => None,
        };
        card.map(Reply::payload)
            .ok_or_else(|| StanzaError::new(StanzaCondition::ServiceUnavailable))
    })
}

/// §3.2.
fn set(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let most = context.chat.config().limits.private_xml_bytes;
        let payload = context.payload();
        let length = payload.root().raw().len();
        if length > most {
            return Err(StanzaError::new(StanzaCondition::ResourceConstraint).text(format!(
                "A card may have {most} bytes, this one has {length}; please use a smaller picture. Nothing was changed."
            )));
        }
        // The picture is kept in the nodes of XEP-0084.
        let card = avatar_conversion::take(&Visit::at_home(&context), payload.root()).await?;
        let empty = Tree::parse(&card).is_ok_and(|tree| tree.root().children().next().is_none());
        let mut batch = Batch::new();
        batch.vcard_set(context.account.id(), (!empty).then_some(card.as_str()));
        let kept = context.chat.store().submit(batch).ticket.await;
        kept.map_err(|error| store_failed(&error))?;
        Ok(Reply::empty())
    })
}

fn forbidden(_context: OpenIqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async {
        Err(StanzaError::new(StanzaCondition::Forbidden)
            .text("A card can be changed by its owner only."))
    })
}
