//! What is offered: `<stream:features/>` before and after login.

use super::{Negotiation, Passwords, Profile};
use crate::ns;
use crate::sasl::{Mechanism, TokenBinding, advertised_text};
use crate::stream::{Security, TransportKind};
use crate::xep::{bind2, channel_binding, fast};
use crate::xml::Writer;

impl Negotiation {
    /// Whether a login may happen now.
    pub(super) fn may_log_in(&self) -> bool {
        self.transport.is_protected() || self.config.allow_unprotected
    }

    pub(super) fn offers_starttls(&self) -> bool {
        self.config.starttls
            && self.transport.kind == TransportKind::Tcp
            && self.transport.security == Security::Plain
            && !self.transport.trusted_proxy
    }

    /// The mechanisms on offer, strongest first. The same for both profiles.
    pub(super) fn mechanisms(&self) -> impl Iterator<Item = Mechanism> + '_ {
        Mechanism::PREFERENCE
            .into_iter()
            .filter(|mechanism| self.offers(*mechanism))
    }

    /// Whether a mechanism is on offer. For tokens: within SASL2's `<fast/>`.
    pub(super) fn offers(&self, mechanism: Mechanism) -> bool {
        let bindings = self.transport.bindings();
        self.may_log_in()
            && match mechanism {
                // Whoever is in the directory has no other way.
                Mechanism::Plain => self.config.plain || self.config.directory.is_some(),
                Mechanism::Scram { plus, hash } => {
                    self.passwords == Passwords::Here
                        && self.config.scram.contains(&hash)
                        && (!plus || !bindings.is_empty())
                }
                Mechanism::External => {
                    matches!(&self.transport.security, Security::Tls(facts) if !facts.client_addresses.is_empty())
                }
                Mechanism::Token(binding) => {
                    self.config.sasl2
                        && self.config.tokens
                        && binding
                            .binding()
                            .is_none_or(|binding| bindings.data(binding).is_some())
                }
            }
    }

    /// Whether any mechanism with channel binding is on offer.
    pub(super) fn offers_plus(&self) -> bool {
        self.may_log_in()
            && self.passwords == Passwords::Here
            && !self.config.scram.is_empty()
            && !self.transport.bindings().is_empty()
    }

    /// The names of the binding types that are announced; empty when the feature is not sent.
    fn announced_bindings(&self) -> Vec<&'static str> {
        if self.offers_plus() {
            self.transport
                .bindings()
                .types()
                .map(|binding| binding.name())
                .collect()
        } else {
            Vec::new()
        }
    }

    /// What XEP-0474 hashes: all that was offered.
    pub(super) fn advertised(&self) -> String {
        let bindings = self.announced_bindings();
        let bindings = (!bindings.is_empty()).then_some(&bindings[..]);
        advertised_text(self.mechanisms().map(Mechanism::name), bindings)
    }

    fn start_features(&self, writer: &mut Writer) {
        writer.start("stream:features");
        if self.transport.kind != TransportKind::Tcp {
            writer.attr("xmlns:stream", ns::STREAMS);
        }
    }

    pub(super) fn features_before_login(&self) -> String {
        let mut writer = Writer::with_capacity(1024);
        self.start_features(&mut writer);
        if self.offers_starttls() {
            writer.start("starttls").xmlns(ns::TLS);
            if !self.config.allow_unprotected {
                writer.start("required").end();
            }
            writer.end();
        }
        if self.mechanisms().next().is_some() {
            let bindings = self.announced_bindings();
            if !bindings.is_empty() {
                writer.raw(&channel_binding::feature(bindings));
            }
            if self.config.sasl2 {
                self.authentication(&mut writer);
            }
            writer
                .start("mechanisms")
                .xmlns(Profile::Rfc6120.namespace());
            for mechanism in self.mechanisms() {
                writer.leaf_text("mechanism", None, mechanism.name());
            }
            writer.end();
        }
        self.registration_features(&mut writer);
        for feature in &self.config.features_pre_auth {
            writer.raw(feature);
        }
        writer.end();
        writer.finish()
    }

    /// XEP-0388's feature.
    fn authentication(&self, writer: &mut Writer) {
        writer.start("authentication").xmlns(ns::SASL2);
        for mechanism in self.mechanisms() {
            writer.leaf_text("mechanism", None, mechanism.name());
        }
        writer.start("inline");
        let sm = self
            .config
            .stream_management
            .then_some(ns::STREAM_MANAGEMENT);
        if let Some(sm) = sm {
            writer.leaf("sm", sm);
        }
        writer.raw(&bind2::feature(
            self.config
                .bind2_features
                .iter()
                .map(String::as_str)
                .chain(sm),
        ));
        let tokens = [
            TokenBinding::Exporter,
            TokenBinding::EndPoint,
            TokenBinding::None,
        ];
        let tokens = tokens
            .map(Mechanism::Token)
            .into_iter()
            .filter(|token| self.offers(*token));
        let mut tokens = tokens.map(Mechanism::name).peekable();
        if tokens.peek().is_some() {
            writer.raw(&fast::feature(tokens));
        }
        writer.end();
        let upgrades = (self.passwords == Passwords::Here).then_some(&self.config.upgrades);
        for hash in upgrades.into_iter().flatten() {
            writer.leaf_text("upgrade", Some(ns::SASL_UPGRADE), hash.upgrade_task());
        }
        writer.end();
    }

    /// Features of a stream that is logged in, and `bound` already or not.
    pub(super) fn features_after_login(&self, bound: bool) -> String {
        let mut writer = Writer::with_capacity(768);
        self.start_features(&mut writer);
        if !bound {
            writer.leaf("bind", ns::BIND);
            writer
                .start("session")
                .xmlns(ns::SESSION)
                .start("optional")
                .end()
                .end();
        }
        if self.config.stream_management {
            writer.leaf("sm", ns::STREAM_MANAGEMENT);
        }
        for feature in &self.config.features_post_auth {
            writer.raw(feature);
        }
        writer.end();
        writer.finish()
    }
}
