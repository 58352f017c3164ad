//! XEP-0191: Blocking Command.

use base::Jid;

use crate::condition::{ErrorType, StanzaCondition, StanzaError};
use crate::ns;
use crate::xml::{Element, Writer};

/// A command, or the push that tells other sessions of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockingCommand {
    /// `<block/>` (§3.3): these addresses are blocked now.
    Block(Vec<Jid>),
    /// `<unblock/>` (§3.4): these addresses are not blocked any more.
    Unblock(Vec<Jid>),
    /// An empty `<unblock/>` (§3.5): nobody is blocked any more.
    UnblockAll,
}

impl BlockingCommand {
    /// Reads `<block/>` or `<unblock/>`.
    ///
    /// # Errors
    /// `bad-request` when addresses are missing, `jid-malformed` when one is none.
    pub fn read(element: Element<'_>) -> Result<Self, StanzaError> {
        let bad = |text: &str| StanzaError::new(StanzaCondition::BadRequest).text(text);
        let mut addresses = Vec::new();
        for item in element
            .children()
            .filter(|child| child.is("item", ns::BLOCKING))
        {
            let address = item
                .attr("jid")
                .ok_or_else(|| bad("Every item needs the attribute jid"))?;
            addresses.push(Jid::parse(address).map_err(|_| {
                StanzaError::new(StanzaCondition::JidMalformed)
                    .text("An item names no valid address; please check its spelling. Nothing was changed.")
            })?);
        }
        match (element.name(), addresses.is_empty()) {
            ("block", true) => Err(bad("Name at least one address to block")),
            ("block", false) => Ok(Self::Block(addresses)),
            ("unblock", true) => Ok(Self::UnblockAll),
            ("unblock", false) => Ok(Self::Unblock(addresses)),
            _ => Err(bad("The commands are block and unblock")),
        }
    }

    /// The command as XML.
    pub fn to_xml(&self) -> String {
        match self {
            Self::Block(addresses) => write("block", addresses.iter().map(Jid::as_str)),
            Self::Unblock(addresses) => write("unblock", addresses.iter().map(Jid::as_str)),
            Self::UnblockAll => write("unblock", []),
        }
    }
}

fn write<'a>(name: &str, addresses: impl IntoIterator<Item = &'a str>) -> String {
    let mut writer = Writer::with_capacity(128);
    writer.start(name).xmlns(ns::BLOCKING);
    for address in addresses {
        writer.start("item").attr("jid", address).end();
    }
    writer.end();
    writer.finish()
}

/// `<blocklist/>` (§3.2).
pub fn blocklist<'a>(addresses: impl IntoIterator<Item = &'a str>) -> String {
    write("blocklist", addresses)
}

/// The error for a stanza to someone whom its sender has blocked (§3.3).
pub fn blocked_by_sender() -> StanzaError {
    let mut blocked = Writer::new();
    blocked.leaf("blocked", ns::BLOCKING_ERRORS);
    StanzaError::new(StanzaCondition::NotAcceptable)
        .kind(ErrorType::Cancel)
        .text("You have blocked this address; unblock it to write to it.")
        .app(blocked.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    fn read(text: &str) -> Result<BlockingCommand, StanzaError> {
        BlockingCommand::read(Tree::parse(text).expect("XML").root())
    }

    #[test]
    fn commands_of_the_specification() {
        let block = "<block xmlns='urn:xmpp:blocking'><item jid='romeo@montague.net'/></block>";
        assert_eq!(read(block).expect("a command").to_xml(), block);
        let all = "<unblock xmlns='urn:xmpp:blocking'/>";
        assert_eq!(read(all), Ok(BlockingCommand::UnblockAll));
        assert_eq!(BlockingCommand::UnblockAll.to_xml(), all);
        let condition = |text| read(text).expect_err("no command").condition;
        assert_eq!(
            condition("<block xmlns='urn:xmpp:blocking'/>"),
            StanzaCondition::BadRequest
        );
        assert_eq!(
            condition("<block xmlns='urn:xmpp:blocking'><item/></block>"),
            StanzaCondition::BadRequest
        );
        let malformed = "<block xmlns='urn:xmpp:blocking'><item jid='@b'/></block>";
        assert_eq!(condition(malformed), StanzaCondition::JidMalformed);
    }
}
