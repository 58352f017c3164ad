//! XEP-0484: Fast Authentication Streamlining Tokens.

use base::Timestamp;

use crate::ns;
use crate::sasl::Token;
use crate::xml::{Element, Writer};

/// `<fast/>` in an `<authenticate/>` (§3.4): the login uses a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fast {
    /// Grows with every attempt; needed with TLS early data only.
    pub count: Option<u64>,
    /// The token shall end with this login (§3.6).
    pub invalidate: bool,
}

impl Fast {
    pub(crate) fn read(element: Element<'_>) -> Fast {
        Fast {
            count: element
                .attr("count")
                .and_then(|count| count.trim().parse().ok()),
            invalidate: matches!(
                element.attr("invalidate").map(str::trim),
                Some("true" | "1")
            ),
        }
    }

    pub(crate) fn to_xml(self) -> String {
        let mut writer = Writer::with_capacity(96);
        writer
            .start("fast")
            .xmlns(ns::FAST)
            .attr_opt("count", self.count.map(|count| count.to_string()));
        writer
            .attr_opt("invalidate", self.invalidate.then_some("true"))
            .end();
        writer.finish()
    }
}

/// `<token/>` (§3.3).
#[derive(Debug, Clone)]
pub struct IssuedToken {
    /// The secret.
    pub token: Token,
    /// When it ends.
    pub expiry: Timestamp,
}

impl IssuedToken {
    pub(crate) fn read(element: Element<'_>) -> Option<IssuedToken> {
        let token = element.attr("token").filter(|token| !token.is_empty())?;
        let expiry = Timestamp::parse(element.attr("expiry")?).ok()?;
        Some(IssuedToken {
            token: Token::new(token),
            expiry,
        })
    }

    pub(crate) fn to_xml(&self) -> String {
        let mut writer = Writer::with_capacity(160);
        writer.start("token").xmlns(ns::FAST);
        writer
            .attr("expiry", self.expiry.to_string())
            .attr("token", self.token.expose())
            .end();
        writer.finish()
    }
}

/// The feature `<fast/>` within SASL2's `<inline/>` (§3.1). Early data is never taken, so `tls-0rtt` is not set.
pub fn feature<'a>(mechanisms: impl IntoIterator<Item = &'a str>) -> String {
    let mut writer = Writer::with_capacity(256);
    writer.start("fast").xmlns(ns::FAST);
    for mechanism in mechanisms {
        writer.leaf_text("mechanism", None, mechanism);
    }
    writer.end();
    writer.finish()
}
