//! XEP-0049: Private XML Storage

use std::collections::HashMap;

use store::{Batch, StoreError};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::bookmarks::Storage;
use xmpp::xml::{Element, Tree, Writer};

use super::bookmarks;
use super::pubsub::Visit;
use super::{Feature, IqContext, IqHandler, Module, Reply, Run, Seat, Target, store_failed};
use crate::Work;

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "private_storage",
    specification: "XEP-0049",
    title: "Private XML Storage",
    version: "1.2",
    features: &[Feature {
        var: ns::PRIVATE,
        seat: Seat::Host,
    }],
    iq: &[
        IqHandler {
            targets: &[Target::Own],
            set: false,
            payload: "query",
            namespace: ns::PRIVATE,
            run: Run::Client(get),
        },
        IqHandler {
            targets: &[Target::Own],
            set: true,
            payload: "query",
            namespace: ns::PRIVATE,
            run: Run::Client(set),
        },
        IqHandler {
            targets: &[Target::Other],
            set: false,
            payload: "",
            namespace: ns::PRIVATE,
            run: Run::Client(forbidden),
        },
        IqHandler {
            targets: &[Target::Other],
            set: true,
            payload: "",
            namespace: ns::PRIVATE,
            run: Run::Client(forbidden),
        },
    ],
    ..Module::NONE
};

/// Longest name or namespace of a fragment, in bytes: it is a key.
const MOST_NAME_BYTES: usize = 1023;
/// Fragments that one request may name.
const MOST_AT_ONCE: usize = 20;

/// §5: only one's own.
fn forbidden(_context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async {
        Err(StanzaError::new(StanzaCondition::Forbidden)
            .text("Private data can be read and changed by their owner only."))
    })
}

/// An element that a request names.
struct Fragment {
    name: String,
    namespace: String,
    /// The whole element; `None` when nothing is in it. Kept or not, it is answered the same then.
    xml: Option<String>,
}

impl Fragment {
    fn of(element: Element<'_>) -> Self {
        let empty = element.children().next().is_none()
            && element.attributes().next().is_none()
            && element.text().is_empty();
        Self {
            name: element.name().to_owned(),
            namespace: element.namespace().to_owned(),
            xml: (!empty).then(|| element.raw().into_owned()),
        }
    }
}

/// The fragments that a request names.
fn fragments(context: &IqContext) -> Result<Vec<Fragment>, StanzaError> {
    let payload = context.payload();
    let fragments: Vec<_> = payload.root().children().map(Fragment::of).collect();
    let refuse = |condition, text: &str| Err(StanzaError::new(condition).text(text));
    if fragments.is_empty() {
        return refuse(
            StanzaCondition::BadRequest,
            "Name an element, with its namespace, inside of the query.",
        );
    }
    if fragments.len() > MOST_AT_ONCE {
        return refuse(
            StanzaCondition::NotAcceptable,
            "Please name fewer elements at once.",
        );
    }
    for Fragment {
        name, namespace, ..
    } in &fragments
    {
        // §4: an element of the stream itself, or of this protocol, is not anybody's own.
        if ns::is_content(namespace) || namespace.is_empty() || namespace == ns::PRIVATE {
            return refuse(
                StanzaCondition::NotAcceptable,
                "The element needs a namespace of its own.",
            );
        }
        if name.len() > MOST_NAME_BYTES || namespace.len() > MOST_NAME_BYTES {
            return refuse(
                StanzaCondition::NotAcceptable,
                "The name or namespace of the element is too long.",
            );
        }
    }
    Ok(fragments)
}

/// XEP-0402 §5.3: bookmarks are kept in the newer form.
fn is_bookmarks(name: &str, namespace: &str) -> bool {
    name == "storage" && namespace == ns::LEGACY_BOOKMARKS
}

fn get(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let mut out = Writer::with_capacity(512);
        out.start("query").xmlns(ns::PRIVATE);
        for Fragment {
            name, namespace, ..
        } in fragments(&context)?
        {
            if is_bookmarks(&name, &namespace) {
                let storage = bookmarks::storage(&Visit::at_home(&context)).await?;
                out.raw(&storage.to_xml());
                continue;
            }
            let kept = context
                .chat
                .store()
                .private(context.account.id(), &name, &namespace)
                .await;
            match kept.map_err(|error| store_failed(&error))? {
                Some(xml) => out.raw(&xml),
                None => out.leaf(&name, &namespace),
            };
        }
        out.end();
        Ok(Reply::payload(out.finish()))
    })
}

fn set(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let most = context.chat.config().limits.private_xml_bytes;
        let mut fragments = fragments(&context)?;
        for fragment in &fragments {
            let bytes = fragment.xml.as_ref().map_or(0, String::len);
            if bytes > most {
                return Err(
                    StanzaError::new(StanzaCondition::ResourceConstraint).text(format!(
                        "An element may have {most} bytes; this one has {bytes}. Nothing was changed."
                    )),
                );
            }
        }
        let is_bookmarks =
            |fragment: &mut Fragment| is_bookmarks(&fragment.name, &fragment.namespace);
        let storage = fragments.extract_if(.., is_bookmarks).last();
        let mut batch = Batch::new();
        for fragment in &fragments {
            batch.private_set(
                context.account.id(),
                &fragment.name,
                &fragment.namespace,
                fragment.xml.as_deref(),
            );
        }
        let turn = context.account.turn().await;
        let room = has_room(&context, &fragments).await;
        if !room.map_err(|error| store_failed(&error))? {
            let most = context.chat.config().limits.private_xml_items;
            return Err(
                StanzaError::new(StanzaCondition::ResourceConstraint).text(format!(
                    "{most} elements may be kept; set one that is not needed to an empty one first. Nothing was \
                     changed."
                )),
            );
        }
        if let Some(fragment) = storage {
            let storage = fragment
                .xml
                .and_then(|xml| Tree::parse(&xml).ok())
                .and_then(|tree| Storage::read(tree.root()));
            let visit = Visit::at_home(&context);
            bookmarks::replace(&visit, &turn, &storage.unwrap_or_default()).await?;
        }
        if !batch.is_empty() {
            let kept = context.chat.store().submit(batch).ticket.await;
            kept.map_err(|error| store_failed(&error))?;
        }
        Ok(Reply::empty())
    })
}

/// Whether `limits.private_xml_items` allows what would be kept after these are set.
async fn has_room(context: &IqContext, fragments: &[Fragment]) -> Result<bool, StoreError> {
    let (store, account) = (context.chat.store(), context.account.id());
    let most = context.chat.config().limits.private_xml_items as u64;
    let kept = store.private_count(account).await?;
    if kept + fragments.len() as u64 <= most {
        return Ok(true);
    }
    // The last word on a name counts.
    let last: HashMap<_, _> = fragments
        .iter()
        .map(|fragment| {
            (
                (&fragment.name, &fragment.namespace),
                fragment.xml.is_some(),
            )
        })
        .collect();
    let (mut added, mut removed) = (0, 0);
    for ((name, namespace), set) in last {
        match (store.private(account, name, namespace).await?, set) {
            (None, true) => added += 1,
            (Some(_), false) => removed += 1,
            _ => {}
        }
    }
    // Who has too many already (the limit was lowered) may still change and remove.
    Ok(added == 0 || kept + added - removed.min(kept) <= most)
}
