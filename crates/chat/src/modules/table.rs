//! The table made of the list: who answers what, found without a search.

use std::collections::HashMap;

use super::commands::Command;
use super::{Feature, Identity, IqHandler, MessageContext, Module, Seat, Target, Verdict};

/// The modules of a house, indexed.
pub struct Table {
    modules: &'static [&'static Module],
    requests: HashMap<(&'static str, bool), Vec<&'static IqHandler>>,
    commands: HashMap<&'static str, &'static Command>,
    messages: Vec<fn(&mut MessageContext<'_>) -> Verdict>,
}

impl Table {
    /// Indexes a list.
    #[must_use]
    pub fn of(modules: &'static [&'static Module]) -> Self {
        let mut requests: HashMap<_, Vec<_>> = HashMap::new();
        for handler in modules.iter().flat_map(|module| module.iq) {
            requests
                .entry((handler.namespace, handler.set))
                .or_default()
                .push(handler);
        }
        Self {
            modules,
            requests,
            commands: modules
                .iter()
                .flat_map(|module| module.commands)
                .map(|command| (command.node, command))
                .collect(),
            messages: modules.iter().filter_map(|module| module.message).collect(),
        }
    }

    /// The modules in the order of the list.
    pub fn modules(&self) -> impl Iterator<Item = &'static Module> {
        self.modules.iter().copied()
    }

    /// Who answers this request.
    #[must_use]
    pub fn request(
        &self,
        target: Target,
        set: bool,
        payload: &str,
        namespace: &str,
    ) -> Option<&'static IqHandler> {
        let handlers = self.requests.get(&(namespace, set))?;
        handlers
            .iter()
            .find(|handler| {
                handler.targets.contains(&target)
                    && (handler.payload.is_empty() || handler.payload == payload)
            })
            .copied()
    }

    /// The ad-hoc commands, in the order of the list.
    pub(crate) fn commands(&self) -> impl Iterator<Item = &'static Command> {
        self.modules().flat_map(|module| module.commands)
    }

    /// The ad-hoc command of this node.
    #[must_use]
    pub(crate) fn command(&self, node: &str) -> Option<&'static Command> {
        self.commands.get(node).copied()
    }

    /// The modules' words on a message, in order.
    #[must_use]
    pub(crate) fn messages(&self) -> &[fn(&mut MessageContext<'_>) -> Verdict] {
        &self.messages
    }

    /// Features shown at `seat`, sorted, each once.
    #[must_use]
    pub fn features(&self, seat: Seat) -> Vec<&'static str> {
        let mut features: Vec<&str> = self
            .modules()
            .flat_map(|module| module.features)
            .filter(|Feature { seat: at, .. }| *at == seat || *at == Seat::Both)
            .map(|feature| feature.var)
            .collect();
        features.sort_unstable();
        features.dedup();
        features
    }

    /// Identities shown at `seat`.
    pub fn identities(&self, seat: Seat) -> impl Iterator<Item = &'static Identity> {
        self.modules()
            .flat_map(|module| module.identities)
            .filter(move |identity| identity.seat == seat || identity.seat == Seat::Both)
    }

    /// Stream features after authentication, as XML.
    pub fn stream_features(&self) -> impl Iterator<Item = &'static str> {
        self.modules()
            .flat_map(|module| module.stream_features)
            .copied()
    }
}
