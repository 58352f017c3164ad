//! XEP-0441: Message Archive Management Preferences

use base::Jid;
use store::{ArchiveDefault, ArchivePreferences, Batch};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::archive_preferences::{Default, Preferences};

use super::{IqContext, IqHandler, Module, Reply, Run, Target, store_failed};
use crate::{AccountFacts, Work};

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "archive_preferences",
    specification: "XEP-0441",
    title: "Message Archive Management Preferences",
    version: "0.2.0",
    iq: &[
        IqHandler {
            targets: &[Target::Own],
            set: false,
            payload: "prefs",
            namespace: ns::ARCHIVE,
            run: Run::Client(get),
        },
        IqHandler {
            targets: &[Target::Own],
            set: true,
            payload: "prefs",
            namespace: ns::ARCHIVE,
            run: Run::Client(set),
        },
    ],
    ..Module::NONE
};

/// Whether an account wants its messages with `peer` archived. `by_default` decides for accounts
/// that never said anything.
pub(crate) fn wants(facts: &AccountFacts, peer: &Jid, by_default: bool) -> bool {
    let Some(preferences) = &facts.preferences else {
        return by_default;
    };
    // §2.3.1: an address with a resource is that session only, one without is all of them.
    let names = |list: &[std::sync::Arc<str>]| {
        list.iter()
            .any(|listed| **listed == *peer.as_str() || **listed == *peer.bare_str())
    };
    if names(&preferences.never) {
        return false;
    }
    names(&preferences.always)
        || match preferences.default {
            ArchiveDefault::Always => true,
            ArchiveDefault::Never => false,
            ArchiveDefault::Roster => {
                let contact = peer.bare_str();
                facts
                    .roster
                    .items
                    .binary_search_by(|item| (*item.contact).cmp(contact))
                    .is_ok()
            }
        }
}

fn shown(kept: Option<&ArchivePreferences>, by_default: bool) -> String {
    let addresses = |list: &[std::sync::Arc<str>]| {
        list.iter()
            .filter_map(|text| Jid::parse(text).ok())
            .collect()
    };
    let preferences = match kept {
        Some(kept) => Preferences {
            default: match kept.default {
                ArchiveDefault::Always => Default::Always,
                ArchiveDefault::Never => Default::Never,
                ArchiveDefault::Roster => Default::Roster,
            },
            always: addresses(&kept.always),
            never: addresses(&kept.never),
        },
        None => Preferences {
            default: if by_default {
                Default::Always
            } else {
                Default::Never
            },
            always: Vec::new(),
            never: Vec::new(),
        },
    };
    preferences.to_xml()
}

fn get(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    let by_default = context.chat.config().archive;
    let payload = shown(context.account.facts().preferences.as_ref(), by_default);
    Box::pin(async move { Ok(Reply::payload(payload)) })
}

fn set(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let payload = context.payload();
        let wanted = Preferences::read(payload.root())?;
        drop(payload);
        let most = context.chat.config().limits.blocked_addresses;
        if wanted.always.len() + wanted.never.len() > most {
            return Err(
                StanzaError::new(StanzaCondition::ResourceConstraint).text(format!(
                    "The lists may hold {most} addresses together. Nothing was changed."
                )),
            );
        }
        let addresses = |list: &[Jid]| list.iter().map(|address| address.as_str().into()).collect();
        let preferences = ArchivePreferences {
            default: match wanted.default {
                Default::Always => ArchiveDefault::Always,
                Default::Never => ArchiveDefault::Never,
                Default::Roster => ArchiveDefault::Roster,
            },
            always: addresses(&wanted.always),
            never: addresses(&wanted.never),
        };
        let account = &context.account;
        let _turn = account.turn().await;
        let mut batch = Batch::new();
        batch.preferences_set(account.id(), preferences.clone());
        let kept = context.chat.store().submit(batch).ticket.await;
        kept.map_err(|error| store_failed(&error))?;
        let payload = shown(Some(&preferences), true);
        account.facts().preferences = Some(preferences);
        Ok(Reply::payload(payload))
    })
}
