//! Choosing among the features.

use super::login::{Attempt, Authenticating};
use super::open::{Core, Features, StartingTls};
use super::{ClientError, Handshake, Progress, TlsPolicy};
use crate::ns;
use crate::sasl::scram::{BindingChoice, ClientFirst, ScramCredential};
use crate::sasl::{
    BindingType, ChannelBindings, Mechanism, Plain, SaslError, TokenBinding, advertised_text,
    encode, external_response,
};
use crate::stream::{Security, TransportKind};
use crate::xep::bind2::Bind;
use crate::xep::fast::Fast;
use crate::xep::{channel_binding, sasl2};
use crate::xml::{Stanza, Tree, Writer};

/// What a server offers for login.
pub(super) struct Offer {
    mechanisms: Vec<String>,
    sasl2: bool,
    bindings: Option<Vec<String>>,
    /// XEP-0484.
    tokens: Vec<String>,
    /// XEP-0480.
    upgrades: Vec<String>,
    bind2: bool,
    resume: bool,
}

impl Offer {
    fn read(features: &Stanza, want_sasl2: bool) -> Option<Offer> {
        let bindings = channel_binding::announced(features);
        let names = |tree: &Tree, name: &str, namespace: &str| -> Vec<String> {
            let named = tree
                .root()
                .children()
                .filter(|child| child.is(name, namespace));
            named.map(|child| child.text().trim().to_owned()).collect()
        };
        if let Some(child) = features
            .child("authentication", ns::SASL2)
            .filter(|_| want_sasl2)
        {
            let tree = child.tree();
            let inline = tree.root().child("inline", ns::SASL2);
            let fast = inline.and_then(|inline| inline.child("fast", ns::FAST));
            let tokens = fast.map(|fast| {
                fast.children()
                    .map(|child| child.text().trim().to_owned())
                    .collect()
            });
            return Some(Offer {
                mechanisms: names(&tree, "mechanism", ns::SASL2),
                sasl2: true,
                bindings,
                tokens: tokens.unwrap_or_default(),
                upgrades: names(&tree, "upgrade", ns::SASL_UPGRADE),
                bind2: inline.is_some_and(|inline| inline.child("bind", ns::BIND2).is_some()),
                resume: inline
                    .is_some_and(|inline| inline.child("sm", ns::STREAM_MANAGEMENT).is_some()),
            });
        }
        let tree = features.child("mechanisms", ns::SASL)?.tree();
        Some(Offer {
            mechanisms: names(&tree, "mechanism", ns::SASL),
            sasl2: false,
            bindings,
            tokens: Vec::new(),
            upgrades: Vec::new(),
            bind2: false,
            resume: false,
        })
    }

    fn has(&self, mechanism: Mechanism) -> bool {
        self.mechanisms.iter().any(|name| name == mechanism.name())
    }

    fn has_plus(&self) -> bool {
        self.mechanisms.iter().any(|name| name.ends_with("-PLUS"))
    }

    /// XEP-0440 §3: mechanisms with channel binding and announced types come together.
    fn check(&self) -> Result<(), ClientError> {
        let contradiction = match (self.has_plus(), &self.bindings) {
            (true, None) => self.sasl2,
            (false, Some(_)) => true,
            _ => false,
        };
        if contradiction {
            Err(ClientError::Tampered)
        } else {
            Ok(())
        }
    }

    fn advertised(&self) -> String {
        let bindings = self
            .bindings
            .as_ref()
            .map(|names| names.iter().map(String::as_str).collect::<Vec<_>>());
        advertised_text(
            self.mechanisms.iter().map(String::as_str),
            bindings.as_deref(),
        )
    }

    /// The strongest binding that both ends have.
    fn binding(&self, core: &Core) -> Option<BindingType> {
        let announced = |binding: &BindingType| match &self.bindings {
            Some(names) => names.iter().any(|name| name == binding.name()),
            // RFC 6120's profile without XEP-0440: the type that every server has is worth a try.
            None => *binding == BindingType::TlsServerEndPoint,
        };
        core.transport.bindings().types().find(announced)
    }
}

impl Features {
    /// Takes `<stream:features/>` and goes on with the best of them.
    ///
    /// # Errors
    /// [`ClientError`] when nothing fits.
    pub fn choose(self, element: &Stanza) -> Result<Progress, ClientError> {
        if element.name() != "features" || element.namespace() != ns::STREAMS {
            return Err(ClientError::Unexpected);
        }
        let core = self.core;
        if core.mechanism.is_some() {
            return super::bind::begin(core, element);
        }
        let plain = core.transport.kind == TransportKind::Tcp
            && core.transport.security == Security::Plain
            && !core.transport.trusted_proxy;
        if plain && core.config.tls != TlsPolicy::Never && element.has("starttls", ns::TLS) {
            let mut writer = Writer::with_capacity(64);
            writer.leaf("starttls", ns::TLS);
            return Ok(Progress::next(
                Handshake::StartingTls(StartingTls { core }),
                writer.finish(),
            ));
        }
        if !core.transport.is_protected() && core.config.tls == TlsPolicy::Required {
            return Err(ClientError::NoTls);
        }
        log_in(core, element)
    }
}

/// Whether the connection has what a token of this mechanism is bound to.
fn is_bindable(mechanism: Mechanism, bindings: &ChannelBindings) -> bool {
    let Mechanism::Token(binding) = mechanism else {
        return false;
    };
    match binding {
        TokenBinding::None => true,
        TokenBinding::Exporter => bindings.data(BindingType::TlsExporter).is_some(),
        TokenBinding::EndPoint => bindings.data(BindingType::TlsServerEndPoint).is_some(),
        TokenBinding::Unique => false,
    }
}

/// Begins a login by the best mechanism that is left.
pub(super) fn log_in(mut core: Box<Core>, features: &Stanza) -> Result<Progress, ClientError> {
    let offer = Offer::read(features, core.config.sasl2).ok_or(ClientError::NoMechanism)?;
    offer.check()?;
    let config = core.config.clone();
    let username = config.account.local().unwrap_or_default();
    let held = config.credentials.token.as_ref().filter(|held| {
        !core.token_refused
            && offer.sasl2
            && offer
                .tokens
                .iter()
                .any(|name| name == held.mechanism.name())
    });
    let (mechanism, message, attempt, fast) = match held {
        Some(held) => {
            let Mechanism::Token(binding) = held.mechanism else {
                return Err(ClientError::NoMechanism);
            };
            let message = held
                .token
                .message(username, binding, core.transport.bindings())?;
            let fast = Fast {
                count: held.count,
                invalidate: held.invalidate,
            };
            (
                held.mechanism,
                message,
                Attempt::Token(held.token.clone(), binding),
                Some(fast),
            )
        }
        None => {
            let binding = offer.binding(&core);
            let usable = |mechanism: &Mechanism| {
                offer.has(*mechanism) && can_use(&core, *mechanism, binding)
            };
            let mechanism = config
                .mechanisms
                .iter()
                .copied()
                .find(usable)
                .ok_or(ClientError::NoMechanism)?;
            let (message, attempt) = first_message(&mut core, &offer, mechanism, binding)?;
            (mechanism, message, attempt, None)
        }
    };
    let text = if offer.sasl2 {
        let may_upgrade =
            config.upgrades && mechanism.uses_password() && config.credentials.password.is_some();
        let known = |name: &String| upgrade_hash(name).is_some();
        let token_wanted = config.request_token.iter().copied().find(|wanted| {
            offer.tokens.iter().any(|name| name == wanted.name())
                && is_bindable(*wanted, core.transport.bindings())
        });
        core.token_wanted = token_wanted;
        let bind = (config.bind2 && offer.bind2).then(|| Bind {
            tag: config.tag.clone(),
            enable: config.enable.clone(),
        });
        sasl2::Authenticate {
            mechanism: mechanism.name().to_owned(),
            initial_response: Some(message),
            agent: config.agent.clone(),
            upgrades: if may_upgrade {
                offer
                    .upgrades
                    .iter()
                    .filter(|name| known(name))
                    .cloned()
                    .collect()
            } else {
                Vec::new()
            },
            bind,
            resume: config.resume.clone().filter(|_| offer.resume),
            fast,
            request_token: token_wanted.map(|wanted| wanted.name().to_owned()),
        }
        .to_xml()
    } else {
        let mut writer = Writer::with_capacity(320);
        writer
            .start("auth")
            .xmlns(ns::SASL)
            .attr("mechanism", mechanism.name());
        let message = encode(message);
        writer
            .text(if message.is_empty() { "=" } else { &message })
            .end();
        writer.finish()
    };
    let step = Authenticating {
        core,
        mechanism,
        attempt,
        sasl2: offer.sasl2,
        advertised: offer.advertised(),
        features: features.clone(),
        task: None,
    };
    Ok(Progress::next(
        Handshake::Authenticating(Box::new(step)),
        text,
    ))
}

/// The hash of an upgrade task's name.
pub(super) fn upgrade_hash(task: &str) -> Option<crate::sasl::ScramHash> {
    crate::sasl::ScramHash::ALL
        .into_iter()
        .find(|hash| hash.upgrade_task() == task)
}

fn can_use(core: &Core, mechanism: Mechanism, binding: Option<BindingType>) -> bool {
    let credentials = &core.config.credentials;
    match mechanism {
        Mechanism::External => credentials.certificate,
        Mechanism::Plain => credentials.password.is_some(),
        Mechanism::Scram { plus, hash } => {
            let known = credentials.password.is_some()
                || credentials.salted.iter().any(|salted| salted.hash == hash);
            known && (!plus || binding.is_some())
        }
        Mechanism::Token(_) => false,
    }
}

fn first_message(
    core: &mut Core,
    offer: &Offer,
    mechanism: Mechanism,
    binding: Option<BindingType>,
) -> Result<(Vec<u8>, Attempt), SaslError> {
    let config = core.config.clone();
    let username = config.account.local().unwrap_or_default();
    let credentials = &config.credentials;
    let password = || credentials.password.clone().ok_or(SaslError::NotAuthorized);
    match mechanism {
        Mechanism::External => Ok((external_response(None), Attempt::Other)),
        Mechanism::Plain => {
            let plain = Plain {
                authorization: None,
                username: username.to_owned(),
                password: password()?,
            };
            Ok((plain.message(), Attempt::Other))
        }
        Mechanism::Token(_) => Err(SaslError::NotAuthorized),
        Mechanism::Scram { plus, hash } => {
            let choice = match (plus, binding) {
                (true, Some(binding)) => BindingChoice::Use(binding),
                (true, None) => return Err(SaslError::NotAuthorized),
                // We could bind and see no offer: say so, it is a lie if there was one (RFC 5802 §6).
                (false, _) if !core.transport.bindings().is_empty() && !offer.has_plus() => {
                    BindingChoice::NotOffered
                }
                (false, _) => BindingChoice::Unsupported,
            };
            let kept = credentials
                .salted
                .iter()
                .find(|salted| salted.hash == hash)
                .cloned();
            let credential = match kept {
                Some(salted) => ScramCredential::Kept(salted, credentials.password.clone()),
                None => ScramCredential::Password(password()?),
            };
            let nonce = core.seed.text("nonce");
            let (message, first) = ClientFirst::new(
                hash,
                choice,
                core.transport.bindings(),
                username,
                credential,
                &nonce,
            )?;
            Ok((message.into_bytes(), Attempt::First(first)))
        }
    }
}
