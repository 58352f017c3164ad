//! Who may do what at a node (XEP-0060 §4): pure decisions.

use std::sync::Arc;

use store::NodeAffiliation;
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::xep::node_configuration::{AccessModel, NodeConfiguration, PublishModel};

/// What somebody is to a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// The account that owns the node.
    pub(super) own: bool,
    /// Someone who sees the owner's presence.
    pub(super) sees_presence: bool,
    /// The groups of the owner's roster in which it stands.
    pub(super) groups: Vec<Arc<str>>,
    /// What the node's list says.
    pub(super) affiliation: Option<NodeAffiliation>,
    /// Subscribed explicitly, and approved where that is needed.
    pub(super) subscribed: bool,
}

impl Standing {
    pub(super) const OWN: Self = Self {
        own: true,
        sees_presence: true,
        groups: Vec::new(),
        affiliation: None,
        subscribed: false,
    };

    /// Whether items may be read and events be heard of (§6.5.1).
    pub(super) fn reads(&self, node: &NodeConfiguration) -> bool {
        match self.affiliation {
            _ if self.own => true,
            Some(NodeAffiliation::Outcast | NodeAffiliation::PublishOnly) => false,
            Some(NodeAffiliation::Publisher | NodeAffiliation::Member) => true,
            None => match node.access {
                AccessModel::Open => true,
                AccessModel::Presence => self.sees_presence,
                AccessModel::Roster => {
                    self.sees_presence
                        && self.groups.iter().any(|group| {
                            node.roster_groups
                                .iter()
                                .any(|allowed| **allowed == **group)
                        })
                }
                AccessModel::Whitelist => false,
                AccessModel::Authorize => self.subscribed,
            },
        }
    }

    /// Whether it may subscribe, if only to wait for the owner's word (§6.1).
    pub(super) fn subscribes(&self, node: &NodeConfiguration) -> Subscribing {
        let barred = matches!(
            self.affiliation,
            Some(NodeAffiliation::Outcast | NodeAffiliation::PublishOnly)
        );
        if self.reads(node) {
            Subscribing::Yes
        } else if node.access == AccessModel::Authorize && !barred {
            Subscribing::Asks
        } else {
            Subscribing::No
        }
    }

    /// Whether it may publish (§7.1.1).
    pub(super) fn publishes(&self, node: &NodeConfiguration) -> bool {
        match self.affiliation {
            _ if self.own => true,
            Some(NodeAffiliation::Publisher | NodeAffiliation::PublishOnly) => true,
            Some(NodeAffiliation::Outcast) => false,
            Some(NodeAffiliation::Member) | None => match node.publish {
                PublishModel::Publishers => false,
                PublishModel::Subscribers => self.subscribed && self.reads(node),
                PublishModel::Open => self.reads(node),
            },
        }
    }

    /// The answer to who may not do what it wants: who does not even read is told nothing.
    pub(super) fn refusal(&self, node: &NodeConfiguration) -> StanzaError {
        if self.reads(node) {
            not_yours()
        } else {
            hidden()
        }
    }
}

/// Whether a subscription is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subscribing {
    /// At once.
    Yes,
    /// When the owner says so.
    Asks,
    /// Not.
    No,
}

/// The answer of a node that is not there, and of every one that is not for the asker.
pub(super) fn hidden() -> StanzaError {
    StanzaError::new(StanzaCondition::ItemNotFound)
        .text("There is no such node here that you may see.")
        // Profanity publishes its list of devices once it hears that there is none, which it takes from the number alone.
        .code(404)
}

/// What only the owner may do.
pub(super) fn not_yours() -> StanzaError {
    StanzaError::new(StanzaCondition::Forbidden).text("Only the owner may do that.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(access: AccessModel) -> NodeConfiguration {
        NodeConfiguration {
            access,
            roster_groups: vec!["Friends".into()],
            ..NodeConfiguration::default()
        }
    }

    #[test]
    fn access_models_say_who_reads() {
        use AccessModel::*;
        let stranger = Standing::default();
        let contact = Standing {
            sees_presence: true,
            ..Standing::default()
        };
        let friend = Standing {
            groups: vec!["Friends".into()],
            ..contact.clone()
        };
        let approved = Standing {
            subscribed: true,
            ..Standing::default()
        };
        // Someone who was taken out of sight keeps his group.
        let former = Standing {
            sees_presence: false,
            ..friend.clone()
        };
        for (standing, readable) in [
            (
                Standing::OWN,
                &[Open, Presence, Roster, Whitelist, Authorize][..],
            ),
            (stranger, &[Open]),
            (contact, &[Open, Presence]),
            (friend, &[Open, Presence, Roster]),
            (approved, &[Open, Authorize]),
            (former, &[Open]),
        ] {
            for access in [Open, Presence, Roster, Whitelist, Authorize] {
                assert_eq!(
                    standing.reads(&node(access)),
                    readable.contains(&access),
                    "{standing:?} {access:?}"
                );
            }
        }
    }

    #[test]
    fn affiliations_come_before_access_models() {
        let with = |affiliation| Standing {
            affiliation: Some(affiliation),
            sees_presence: true,
            ..Standing::default()
        };
        let (open, closed) = (node(AccessModel::Open), node(AccessModel::Whitelist));
        for (affiliation, reads, publishes) in [
            (NodeAffiliation::Publisher, true, true),
            (NodeAffiliation::PublishOnly, false, true),
            (NodeAffiliation::Member, true, false),
            (NodeAffiliation::Outcast, false, false),
        ] {
            for node in [&open, &closed] {
                assert_eq!(with(affiliation).reads(node), reads, "{affiliation:?}");
                assert_eq!(with(affiliation).publishes(node), publishes);
            }
        }
    }

    #[test]
    fn only_approval_is_asked_for() {
        let stranger = Standing::default();
        let outcast = Standing {
            affiliation: Some(NodeAffiliation::Outcast),
            ..Standing::default()
        };
        let asks = node(AccessModel::Authorize);
        assert_eq!(stranger.subscribes(&asks), Subscribing::Asks);
        assert_eq!(outcast.subscribes(&asks), Subscribing::No);
        assert_eq!(
            stranger.subscribes(&node(AccessModel::Presence)),
            Subscribing::No
        );
        assert_eq!(
            stranger.subscribes(&node(AccessModel::Open)),
            Subscribing::Yes
        );
    }

    #[test]
    fn publish_models_need_reading() {
        let stranger = Standing::default();
        let subscriber = Standing {
            subscribed: true,
            ..Standing::default()
        };
        let mut open = node(AccessModel::Open);
        open.publish = PublishModel::Open;
        assert!(stranger.publishes(&open));
        open.publish = PublishModel::Subscribers;
        assert!(!stranger.publishes(&open));
        assert!(subscriber.publishes(&open));
        let mut closed = node(AccessModel::Whitelist);
        closed.publish = PublishModel::Open;
        assert!(!stranger.publishes(&closed));
    }
}
