//! Streams between servers: RFC 6120 with XEP-0178 (certificates), XEP-0220 (dialback), XEP-0288 (both ways on one
//! stream).
//!
//! [`Acceptor`] speaks for the server that is connected to, [`Connector`] for the one that connects. Other than
//! with clients, both go on for as long as the stream: further domains may be shown to be the peer's at any time. The
//! caller hands over frames, takes outputs until there is none, and answers questions when it can: several may
//! be open at once, and the stream goes on meanwhile.

mod accept;
mod connect;

use base::{Jid, Redacted};
use bytes::Bytes;

use crate::condition::{SaslCondition, StanzaCondition, StreamCondition};
use crate::ns;
use crate::sm::SmElement;
use crate::stream::CertificateNames;
use crate::xml::{Stanza, StreamHeader, Writer};

pub use accept::Acceptor;
pub use connect::{Connector, Purpose};

/// Domains of a peer that one stream may be good for, and verifications that may be open on it.
const MOST_DOMAINS: usize = 64;

/// What holds for all streams with other servers.
#[derive(Debug, Clone)]
pub struct FederationConfig {
    /// Every domain that is served here, in the form of [`base::Jid::domain`].
    pub domains: Vec<String>,
    /// Who may talk with us.
    pub peers: Peers,
    /// Dialback keys come from it. 32 random bytes, kept.
    pub secret: Redacted<[u8; 32]>,
    /// Take dialback (XEP-0220) for proof where a peer's certificate does not name its domain. TLS is needed all
    /// the same.
    pub dialback: bool,
    /// Our own certificate is shown when we connect, so EXTERNAL is worth a try.
    pub certificate: bool,
    /// Offer and use stream management (XEP-0198, without resumption).
    pub stream_management: bool,
    /// Offer and use streams in both directions (XEP-0288).
    pub bidirectional: bool,
}

impl FederationConfig {
    fn serves(&self, domain: &str) -> bool {
        self.domains.iter().any(|own| own == domain)
    }
}

/// Whom we talk with. A name stands for its subdomains too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peers {
    /// Everyone who is not in `block`.
    pub open: bool,
    /// When not `open`: these.
    pub allow: Vec<String>,
    /// Never these.
    pub block: Vec<String>,
}

impl Peers {
    /// Whether streams with `domain` may be.
    pub fn permits(&self, domain: &str) -> bool {
        let named = |names: &[String]| {
            names.iter().any(|name| {
                domain
                    .strip_suffix(name.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            })
        };
        !named(&self.block) && (self.open || named(&self.allow))
    }
}

/// What to do next. Take outputs until there is none, in this order.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "lives for one call; a box would be an allocation for each stanza"
)]
pub enum Output {
    /// Bytes for the peer.
    Send(Bytes),
    /// Throw away what was received after this element, start TLS, put a new reader in place and call
    /// `tls_established`.
    StartTls,
    /// A new stream begins on the same transport: `Reader::restart`. Bytes already received stay.
    RestartStream,
    /// The peer says that it is `remote` and has dialback alone to show it: ask the server of `remote` with
    /// [`Purpose::Verify`], and give [`Acceptor::verified`] what it says.
    Verify(Verification),
    /// From now on the peer may send as `remote`.
    Authorized {
        /// The domain of the peer.
        remote: String,
        /// Ours, that it was shown to.
        local: String,
        /// Stanzas from `local` to `remote` may go back on this stream.
        bidirectional: bool,
    },
    /// The connecting side may send now.
    Ready {
        /// Stanzas are to be counted from here on (`<enabled/>` was received).
        stream_management: bool,
    },
    /// The answer to [`Purpose::Verify`]. The stream closes.
    Verified(bool),
    /// A stanza. The sender's domain was shown to be the peer's, the recipient's is served here.
    Stanza {
        /// The sender.
        from: Jid,
        /// The recipient.
        to: Jid,
        /// The stanza.
        stanza: Stanza,
    },
    /// `<enable/>`, `<r/>` and `<a/>` of an authorized peer; for the owner of the counters.
    Management(SmElement),
    /// The connecting side did not get what it wanted. The stream closes.
    Failed(PeerError),
    /// Send what is queued, then close the transport. Nothing comes after.
    Close,
}

/// A dialback key that the server of a domain is to judge (XEP-0220 §2.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// The domain whose key it is said to be.
    pub remote: String,
    /// Ours, that it was made for.
    pub local: String,
    /// The id of the stream.
    pub stream: String,
    /// The key.
    pub key: String,
}

/// Why a stream to another server did not come about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// The other server offers no TLS.
    #[error("the server offers no TLS")]
    NoTls,
    /// Its certificate does not name the domain, or nobody we trust has issued it.
    #[error("the certificate of the server is not one for its domain that we can trust")]
    Untrusted,
    /// It takes none of our proofs.
    #[error("the server takes neither our certificate nor dialback")]
    NoProof,
    /// It did not believe our certificate.
    #[error("the server refused our certificate: {0}")]
    Refused(SaslCondition),
    /// It did not believe dialback.
    #[error("the server refused dialback{}", .0.map(|condition| format!(": {condition}")).unwrap_or_default())]
    DialbackRefused(Option<StanzaCondition>),
    /// It closed the stream with an error.
    #[error("the server closed the stream: {0}")]
    Stream(StreamCondition),
    /// It closed the stream.
    #[error("the server closed the stream")]
    Closed,
    /// Something came that has no place there.
    #[error("the server sent something that has no place there")]
    Unexpected,
}

/// Our header between servers. `id` on the accepting side.
fn header(from: Option<&str>, to: Option<&str>, id: Option<&str>) -> String {
    let mut writer = Writer::with_capacity(320);
    writer
        .raw("<?xml version='1.0'?>")
        .start("stream:stream")
        .xmlns(ns::SERVER)
        .attr("xmlns:stream", ns::STREAMS)
        .attr("xmlns:db", ns::DIALBACK)
        .attr_opt("from", from)
        .attr_opt("to", to)
        .attr_opt("id", id)
        .attr("version", "1.0")
        .attr("xml:lang", "en");
    writer.finish_open()
}

/// What is wrong with a peer's header, but for its addresses.
fn check_header(header: &StreamHeader) -> Result<(), (StreamCondition, &'static str)> {
    if header.name != "stream" || header.namespace != ns::STREAMS {
        return Err((
            StreamCondition::InvalidNamespace,
            "The root must be <stream:stream/> of http://etherx.jabber.org/streams.",
        ));
    }
    if header.default_namespace != ns::SERVER {
        return Err((
            StreamCondition::InvalidNamespace,
            "The content namespace must be jabber:server.",
        ));
    }
    let version = header.version.as_deref().unwrap_or("0.9");
    let major = version
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major == 0) {
        return Err((
            StreamCondition::UnsupportedVersion,
            "Version 1.0 of XMPP is needed.",
        ));
    }
    Ok(())
}

/// A domain out of an attribute.
fn domain(text: Option<&str>) -> Option<String> {
    let jid = Jid::parse(text?).ok()?;
    jid.is_domain().then(|| jid.domain().to_owned())
}

/// Who a stanza is from and to, if the peer may send it: its domain among those in `authorized`, ours served here.
fn addresses(
    stanza: &Stanza,
    authorized: &[String],
    config: &FederationConfig,
) -> Result<(Jid, Jid), (StreamCondition, &'static str)> {
    let address = |text: Option<std::borrow::Cow<'_, str>>| Jid::parse(&text?).ok();
    let (Some(from), Some(to)) = (address(stanza.from()), address(stanza.to())) else {
        return Err((
            StreamCondition::ImproperAddressing,
            "Between servers every stanza has a valid 'from' and 'to'.",
        ));
    };
    if !authorized.iter().any(|remote| remote == from.domain()) {
        return Err((
            StreamCondition::InvalidFrom,
            "You have not shown that the domain in 'from' is yours.",
        ));
    }
    if !config.serves(to.domain()) {
        return Err((
            StreamCondition::HostUnknown,
            "This server does not serve that host.",
        ));
    }
    Ok((from, to))
}

/// What the certificate shows on a stream, once there is TLS.
type Shown = Option<CertificateNames>;

#[cfg(test)]
mod tests {
    use super::Peers;

    #[test]
    fn policy_goes_by_whole_labels_and_block_wins() {
        let peers = |open, allow: &[&str], block: &[&str]| Peers {
            open,
            allow: allow.iter().map(|name| (*name).to_owned()).collect(),
            block: block.iter().map(|name| (*name).to_owned()).collect(),
        };
        let open = peers(true, &[], &["bad.example"]);
        assert!(open.permits("good.example") && open.permits("verybad.example"));
        assert!(!open.permits("bad.example") && !open.permits("rooms.bad.example"));
        let closed = peers(false, &["partner.example"], &["chat.partner.example"]);
        assert!(closed.permits("partner.example") && closed.permits("rooms.partner.example"));
        assert!(!closed.permits("chat.partner.example") && !closed.permits("other.example"));
    }
}
