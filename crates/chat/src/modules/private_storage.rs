//! XEP-0049: Private XML Storage

use store::Batch;
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xml::Writer;

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

/// The fragments that a request names: name, namespace, text.
fn fragments(context: &IqContext) -> Result<Vec<(String, String, String)>, StanzaError> {
    let payload = context.payload();
    let fragments: Vec<_> = payload
        .root()
        .children()
        .map(|child| {
            (
                child.name().to_owned(),
                child.namespace().to_owned(),
                child.raw().into_owned(),
            )
        })
        .collect();
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
    for (name, namespace, _) in &fragments {
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

fn get(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let mut out = Writer::with_capacity(512);
        out.start("query").xmlns(ns::PRIVATE);
        for (name, namespace, _) in fragments(&context)? {
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
        let mut batch = Batch::new();
        for (name, namespace, xml) in fragments(&context)? {
            if xml.len() > most {
                return Err(
                    StanzaError::new(StanzaCondition::ResourceConstraint).text(format!(
                        "An element may have {most} bytes; this one has {}. Nothing was changed.",
                        xml.len()
                    )),
                );
            }
            batch.private_set(context.account.id(), &name, &namespace, Some(&xml));
        }
        let kept = context.chat.store().submit(batch).ticket.await;
        kept.map_err(|error| store_failed(&error))?;
        Ok(Reply::empty())
    })
}
