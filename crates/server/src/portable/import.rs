//! Taking accounts in.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use base::{BareJid, Jid, Now};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chat::Chat;
use chat::accounts::{Authority, Refusal};
use chat::modules::{ArrivingNodes, LeftOut};
use store::{
    AccountChange, AccountId, ArchiveOwner, Batch, EntryFlags, ImportedEntry, Role, RosterItem,
    RosterRequest, ScramRecord, Subscription, wait,
};
use xmpp::ns;
use xmpp::sasl::Password;
use xmpp::xep::forwarding::Forwarded;
use xmpp::xml::{Child, Edit, Element, Stanza, Tree};

use super::document::{Document, Piece};
use super::{NS_ACCOUNT, NS_SCRAM};

/// Messages that are kept in one commit.
const MESSAGES: usize = 500;
/// Bytes of messages that are kept in one commit.
const BYTES: usize = 2 * 1024 * 1024;
/// Notes that are shown.
const MOST_NOTES: usize = 50;

/// What was taken in.
#[derive(Debug, Default)]
pub struct Imported {
    /// Accounts made.
    pub created: u64,
    /// Names that were there before and are unchanged.
    pub existing: Vec<String>,
    /// Messages in archives.
    pub messages: u64,
    /// What was left out, and why; not more than a page of it.
    pub notes: Vec<String>,
    /// Notes that were left out themselves.
    pub more: u64,
}

impl Imported {
    fn note(&mut self, text: String) {
        if self.notes.len() >= MOST_NOTES {
            self.more += 1;
        } else if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }
}

/// Takes in all accounts of a document that are of our domain and not there yet.
///
/// # Errors
/// Names the file and the place. Accounts before that place are in; the one at it is not.
pub fn import(chat: &Chat, source: &Path, by: &Authority, now: Now) -> anyhow::Result<Imported> {
    let path = if source.is_dir() {
        source.join("index.xml")
    } else {
        source.to_owned()
    };
    let mut document = Document::open(&path)?;
    let mut imported = Imported::default();
    let mut user: Option<User<'_>> = None;
    let result = read(chat, &mut document, &mut user, &mut imported, by, now);
    // What is not whole is nothing.
    if let Some(user) = user.take() {
        let _ = wait(std::pin::pin!(chat.give_arrival_up(
            user.account,
            &user.own,
            now
        )));
    }
    result.map(|()| imported)
}

fn read<'a>(
    chat: &'a Chat,
    document: &mut Document,
    user: &mut Option<User<'a>>,
    imported: &mut Imported,
    by: &Authority,
    now: Now,
) -> anyhow::Result<()> {
    let domain = chat.domain();
    let mut ours = true;
    while let Some(piece) = document.next()? {
        match piece {
            Piece::Host(host) => {
                let host_name = Jid::domain_only(&host);
                ours = host_name.is_ok_and(|host| *host.domain() == *domain);
                if !ours {
                    imported.note(format!(
                        "{host}: this server is {domain}; its users are left out"
                    ));
                }
            }
            Piece::User { name, password } => {
                if let Some(unfinished) = user.take() {
                    return Err(anyhow!("{}: a user within a user", unfinished.own));
                }
                if !ours {
                    continue;
                }
                match User::begin(chat, &name, password, by, now) {
                    Ok(begun) => *user = Some(begun),
                    Err(Refusal::NameTaken) => imported.existing.push(name),
                    Err(Refusal::NameInvalid) => {
                        imported.note(format!("{name}: cannot be a name here; left out"));
                    }
                    Err(refusal) => return Err(anyhow!("{name}: {refusal}")),
                }
            }
            Piece::Part(tree) => {
                if let Some(user) = user {
                    user.part(&tree, imported)?;
                }
            }
            Piece::Archived(tree) => {
                if let Some(user) = user {
                    user.archived(&tree, imported)?;
                }
            }
            Piece::NodePart(tree) => {
                if let Some(user) = user {
                    let root = tree.root();
                    let name = root.attr("node").unwrap_or_default().to_owned();
                    user.node(&name, imported, |nodes, batch| nodes.describe(root, batch))?;
                }
            }
            Piece::Node(name) => {
                if let Some(user) = user {
                    user.node(&name, imported, |nodes, batch| nodes.begin(&name, batch))?;
                }
            }
            Piece::Item { node, item } => {
                if let Some(user) = user {
                    user.bytes += item.root().raw().len();
                    user.node(&node, imported, |nodes, batch| {
                        nodes.publish(&node, item.root(), batch)
                    })?;
                }
            }
            Piece::Waiting(tree) => {
                if let Some(user) = user {
                    user.waiting(&tree);
                }
            }
            Piece::UserEnd => {
                if let Some(finished) = user.as_mut() {
                    finished.finish(imported)?;
                    *user = None;
                    imported.created += 1;
                }
            }
            Piece::Unknown(name) => imported.note(format!("{name} is not understood; left out")),
        }
    }
    Ok(())
}

/// An account on its way in.
struct User<'a> {
    chat: &'a Chat,
    own: BareJid,
    account: AccountId,
    now: Now,
    password: Option<Password>,
    keys: Vec<ScramRecord>,
    change: AccountChange,
    enabled: bool,
    contacts: usize,
    /// Contacts that see the user's presence.
    granted: HashSet<Arc<str>>,
    /// Requests for it that wait for an answer.
    requests: Vec<RosterRequest>,
    /// Nodes, and what of them is not kept yet.
    nodes: ArrivingNodes,
    batch: Batch,
    writes: usize,
    /// Messages on their way into the archive.
    entries: Vec<ImportedEntry>,
    bytes: usize,
    /// Messages that wait, by the id that they have in the archive, or without one.
    waiting: Vec<(Option<String>, Bytes)>,
    /// Places in `waiting` by id.
    expected: HashMap<String, usize>,
    /// Those that were found in the archive.
    found: Vec<usize>,
}

impl<'a> User<'a> {
    fn begin(
        chat: &'a Chat,
        name: &str,
        password: Option<String>,
        by: &Authority,
        now: Now,
    ) -> Result<Self, Refusal> {
        let local = chat.localpart(name)?;
        let (account, own) = wait(std::pin::pin!(chat.begin_arrival(&local, by, now)))?;
        let limits = chat.config().limits.clone();
        Ok(Self {
            nodes: ArrivingNodes::new(account, own.clone(), limits, now.wall),
            batch: Batch::new(),
            writes: 0,
            chat,
            own,
            account,
            now,
            password: password.map(Password::new),
            keys: Vec::new(),
            change: AccountChange::default(),
            enabled: true,
            contacts: 0,
            granted: HashSet::new(),
            requests: Vec::new(),
            entries: Vec::new(),
            bytes: 0,
            waiting: Vec::new(),
            expected: HashMap::new(),
            found: Vec::new(),
        })
    }

    fn commit(&self, batch: Batch) -> anyhow::Result<()> {
        let ticket = self.chat.store().submit(batch).ticket;
        wait(ticket).with_context(|| format!("{} could not be kept", self.own))
    }

    /// One element of the user.
    fn part(&mut self, tree: &Tree, imported: &mut Imported) -> anyhow::Result<()> {
        let root = tree.root();
        let mut batch = Batch::new();
        match (root.name(), root.namespace()) {
            ("scram-credentials", NS_SCRAM) => match scram(root) {
                Some(key) => self.keys.push(key),
                None => imported.note(format!("{}: keys that cannot be used", self.own)),
            },
            ("account", NS_ACCOUNT) => self.facts(root),
            ("query", ns::ROSTER) => self.roster(root, &mut batch, imported),
            ("presence", ns::CLIENT) => self.request(root),
            ("query", ns::PRIVATE) => {
                for element in root.children() {
                    batch.private_set(
                        self.account,
                        element.name(),
                        element.namespace(),
                        Some(&element.raw()),
                    );
                }
            }
            ("vCard", ns::VCARD) => batch.vcard_set(self.account, Some(&root.raw())),
            ("blocklist", ns::BLOCKING) => {
                for item in root.children().filter(|item| item.name() == "item") {
                    self.block(item.attr("jid"), &mut batch);
                }
            }
            ("query", "jabber:iq:privacy") => self.privacy(root, &mut batch),
            (name, namespace) => imported.note(format!(
                "{}: {{{namespace}}}{name} is not understood; left out",
                self.own
            )),
        }
        if batch.is_empty() {
            Ok(())
        } else {
            self.commit(batch)
        }
    }

    /// Something of a node.
    fn node(
        &mut self,
        name: &str,
        imported: &mut Imported,
        take: impl FnOnce(&mut ArrivingNodes, &mut Batch) -> Result<(), LeftOut>,
    ) -> anyhow::Result<()> {
        if let Err(left_out) = take(&mut self.nodes, &mut self.batch) {
            imported.note(format!("{}: node {name}: {left_out}", self.own));
        }
        self.writes += 1;
        if self.writes >= MESSAGES || self.bytes >= BYTES {
            self.keep_nodes()?;
        }
        Ok(())
    }

    fn keep_nodes(&mut self) -> anyhow::Result<()> {
        (self.writes, self.bytes) = (0, 0);
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        self.commit(batch)
    }

    fn facts(&mut self, root: Element<'_>) {
        self.change.role = match (root.attr("role"), root.attr("admin")) {
            (Some(name), _) => Role::from_name(name),
            // As it was written before there were roles.
            (None, Some("true")) => Some(Role::Owner),
            (None, _) => None,
        };
        self.enabled = root.attr("enabled") != Some("false");
        let mut groups = Vec::new();
        for child in root.children() {
            match child.name() {
                "display-name" => {
                    self.change.display_name = Some(Some(child.text().as_ref().into()));
                }
                "group" => groups.push(child.text().as_ref().into()),
                _ => {}
            }
        }
        self.change.groups = Some(groups);
    }

    fn roster(&mut self, root: Element<'_>, batch: &mut Batch, imported: &mut Imported) {
        let most = self.chat.config().limits.roster_items;
        for item in root.children().filter(|item| item.is("item", ns::ROSTER)) {
            let Some(contact) = item.attr("jid").and_then(|jid| Jid::parse(jid).ok()) else {
                imported.note(format!("{}: a contact whose address is none", self.own));
                continue;
            };
            self.contacts += 1;
            if self.contacts > most {
                imported.note(format!("{}: more than {most} contacts", self.own));
                return;
            }
            let mut groups: Vec<Arc<str>> = item
                .children()
                .filter(|group| group.is("group", ns::ROSTER))
                .map(|group| group.text().as_ref().into())
                .filter(|group: &Arc<str>| !group.is_empty())
                .collect();
            groups.dedup();
            if matches!(item.attr("subscription"), Some("both" | "from")) {
                self.granted.insert(contact.bare().as_str().into());
            }
            let name = item.attr("name").filter(|name| !name.is_empty());
            batch.roster_set(
                self.account,
                RosterItem {
                    contact: contact.bare().as_str().into(),
                    name: name.map(Into::into),
                    groups,
                    subscription: match item.attr("subscription") {
                        Some("both") => Subscription::Both,
                        Some("to") => Subscription::To,
                        Some("from") => Subscription::From,
                        _ => Subscription::None,
                    },
                    ask: item.attr("ask") == Some("subscribe"),
                    approved: matches!(item.attr("approved"), Some("true" | "1")),
                    ..RosterItem::default()
                },
            );
        }
    }

    /// A request for the user's presence that waits for an answer.
    fn request(&mut self, root: Element<'_>) {
        if self.requests.len() >= self.chat.config().limits.pending_requests {
            return;
        }
        let from = root.attr("from").and_then(|from| Jid::parse(from).ok());
        let (Some(from), Some("subscribe")) = (from, root.attr("type")) else {
            return;
        };
        let Ok(stanza) = Stanza::parse(&root.raw()) else {
            return;
        };
        let from = from.bare();
        let received = stanza.head();
        let head = xmpp::xml::Head {
            from: Some(from.as_str()),
            to: Some(self.own.as_str()),
            ..received.as_head()
        };
        let request = RosterRequest {
            contact: from.as_str().into(),
            presence: stanza.relay(&head, &Edit::NONE),
            received: self.now.wall,
        };
        self.requests.push(request);
    }

    fn block(&self, address: Option<&str>, batch: &mut Batch) {
        if let Some(address) = address.and_then(|address| Jid::parse(address).ok()) {
            batch.block(self.account, address.as_str());
        }
    }

    /// Of privacy lists (XEP-0016), whom the default one denies everything.
    fn privacy(&self, root: Element<'_>, batch: &mut Batch) {
        const PRIVACY: &str = "jabber:iq:privacy";
        let default = root.child("default", PRIVACY);
        let name = default.and_then(|default| default.attr("name"));
        let mut lists = root.children().filter(|list| list.name() == "list");
        let list = match name {
            Some(name) => lists.find(|list| list.attr("name") == Some(name)),
            None => lists.next().filter(|_| lists.next().is_none()),
        };
        for item in list.iter().flat_map(|list| list.children()) {
            let all = item.children().next().is_none();
            if all && item.attr("type") == Some("jid") && item.attr("action") == Some("deny") {
                self.block(item.attr("value"), batch);
            }
        }
    }

    /// One `<result/>` of the archive.
    fn archived(&mut self, tree: &Tree, imported: &mut Imported) -> anyhow::Result<()> {
        let root = tree.root();
        let forwarded = root
            .child("forwarded", ns::FORWARD)
            .and_then(Forwarded::read);
        let Some(Forwarded { delay, stanza }) = forwarded else {
            imported.note(format!(
                "{}: an archived message without a message",
                self.own
            ));
            return Ok(());
        };
        let at = delay.map_or(self.now.wall, |delay| delay.stamp);
        let waits = root.attr("id").and_then(|id| self.expected.remove(id));
        self.found.extend(waits);
        let Some((with, with_resource, mut flags)) = self.facts_of(&stanza) else {
            imported.note(format!(
                "{}: an archived message without addresses",
                self.own
            ));
            return Ok(());
        };
        flags.offline = waits.is_some();
        let stanza = self.settled(&stanza);
        self.bytes += stanza.len();
        self.entries.push(ImportedEntry {
            at,
            with,
            with_resource,
            flags,
            stanza,
        });
        imported.messages += 1;
        if self.entries.len() >= MESSAGES || self.bytes >= BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// The other side of a message, and what else is told by its head.
    fn facts_of(&self, stanza: &Stanza) -> Option<(Arc<str>, Option<Arc<str>>, EntryFlags)> {
        let parse =
            |text: Option<std::borrow::Cow<'_, str>>| text.and_then(|text| Jid::parse(&text).ok());
        let (from, to) = (parse(stanza.from()), parse(stanza.to()));
        let outgoing = from
            .as_ref()
            .is_none_or(|from| *from.bare_str() == *self.own.as_str());
        let other = if outgoing { to } else { from };
        // A message to oneself names nobody else.
        let other = other.unwrap_or_else(|| self.own.clone().into());
        let flags = EntryFlags {
            outgoing,
            groupchat: stanza.type_().as_deref() == Some("groupchat"),
            ..EntryFlags::default()
        };
        Some((
            other.bare_str().into(),
            other.resource().map(Into::into),
            flags,
        ))
    }

    /// The message as it stands in an archive of ours: without the id that another archive gave it.
    fn settled(&self, stanza: &Stanza) -> Bytes {
        let received = stanza.head();
        let foreign = |child: &Child<'_>| {
            child.is("stanza-id", ns::STANZA_ID)
                && child.tree().root().attr("by") == Some(self.own.as_str())
        };
        let edit = Edit {
            drop: &foreign,
            ..Edit::NONE
        };
        stanza.relay(&received.as_head(), &edit)
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let entries = std::mem::take(&mut self.entries);
        self.bytes = 0;
        if entries.is_empty() {
            return Ok(());
        }
        let kept = self.chat.store().archive_import(self.account, entries);
        wait(kept).with_context(|| format!("the archive of {} could not be kept", self.own))?;
        Ok(())
    }

    /// A message that waits for the user.
    fn waiting(&mut self, tree: &Tree) {
        let Ok(stanza) = Stanza::parse(&tree.root().raw()) else {
            return;
        };
        if self.waiting.len() >= self.chat.config().limits.offline_messages {
            return;
        }
        let id = stanza.children().find_map(|child| {
            let tree = child.tree();
            let own = child.is("stanza-id", ns::STANZA_ID)
                && tree.root().attr("by") == Some(self.own.as_str());
            own.then(|| tree.root().attr("id").map(str::to_owned))?
        });
        if let Some(id) = &id {
            self.expected.insert(id.clone(), self.waiting.len());
        }
        self.waiting.push((id, self.settled(&stanza)));
    }

    /// All is there: keys, what waits, and the account can be used.
    fn finish(&mut self, imported: &mut Imported) -> anyhow::Result<()> {
        self.flush()?;
        self.keep_nodes()?;
        let mut batch = Batch::new();
        let limits = self.chat.config().limits.clone();
        let none = ArrivingNodes::new(self.account, self.own.clone(), limits, self.now.wall);
        std::mem::replace(&mut self.nodes, none).finish(&mut batch);
        for request in std::mem::take(&mut self.requests) {
            // Some servers keep a request that was granted.
            if !self.granted.contains(&request.contact) {
                batch.request_set(self.account, request);
            }
        }
        for (place, (_, message)) in self.waiting.iter().enumerate() {
            if self.found.contains(&place) {
                continue;
            }
            let parsed = std::str::from_utf8(message)
                .ok()
                .and_then(|text| Stanza::parse(text).ok());
            let Some((with, resource, flags)) = parsed.and_then(|one| self.facts_of(&one)) else {
                continue;
            };
            batch.archive(
                ArchiveOwner {
                    id: self.account.into(),
                    with: &with,
                    with_resource: resource.as_deref(),
                    flags: EntryFlags {
                        offline: true,
                        hidden: true,
                        ..flags
                    },
                },
                message,
            );
        }
        let mut keys = std::mem::take(&mut self.keys);
        if let Some(password) = self.password.take() {
            let derived = wait(std::pin::pin!(self.chat.derive_keys(password)));
            match derived {
                Ok(derived) => keys = derived,
                Err(refusal) => imported.note(format!("{}: {refusal}", self.own)),
            }
        }
        if keys.is_empty() {
            imported.note(format!(
                "{} has no password; give one with `hauspost user passwd`",
                self.own
            ));
        }
        let change = AccountChange {
            keys: Some(keys),
            ..std::mem::take(&mut self.change)
        };
        batch.account_change(self.account, change);
        self.commit(batch)?;
        let settled = self.chat.settle_arrival(self.account, self.enabled);
        wait(std::pin::pin!(settled)).map_err(|refusal| anyhow!("{}: {refusal}", self.own))
    }
}

/// Keys of SCRAM (§4.3); `None` when they cannot be used.
fn scram(root: Element<'_>) -> Option<ScramRecord> {
    let hash = root.attr("mechanism")?.strip_prefix("SCRAM-")?;
    let text = |name| Some(root.child(name, NS_SCRAM)?.text().trim().to_owned());
    let length = xmpp::sasl::ScramHash::from_name(hash)?.length();
    let once = |name| STANDARD.decode(text(name)?).ok();
    // ejabberd 23.01 encodes twice.
    let twice = |name| STANDARD.decode(once(name)?).ok();
    let fits = |bytes: &Vec<u8>| bytes.len() == length;
    let doubled = !once("stored-key").is_some_and(|key| fits(&key));
    let bytes = |name| if doubled { twice(name) } else { once(name) };
    let record = ScramRecord {
        hash: hash.into(),
        iterations: text("iter-count")?.parse().ok()?,
        salt: bytes("salt")?,
        stored_key: bytes("stored-key").filter(fits)?,
        server_key: bytes("server-key").filter(fits)?,
    };
    (!record.salt.is_empty() && record.iterations > 0).then_some(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(salt: &str, stored: &str, server: &str) -> Option<ScramRecord> {
        let text = format!(
            "<scram-credentials xmlns='{NS_SCRAM}' mechanism='SCRAM-SHA-1'><iter-count>4096</iter-count>\
             <salt>{salt}</salt><server-key>{server}</server-key><stored-key>{stored}</stored-key></scram-credentials>"
        );
        scram(Tree::parse(&text).expect("XML").root())
    }

    #[test]
    fn keys_are_read_as_the_format_says_and_as_ejabberd_writes_them() {
        let server = "ADdAzaF1VNuYEdtYZDQIU0z5c7g=";
        let plain = keys("FPduLcEv/VBFnfkh2gC9lQ==", server, server).expect("keys");
        let twice = |text: &str| STANDARD.encode(text);
        let doubled = keys(
            &twice("FPduLcEv/VBFnfkh2gC9lQ=="),
            &twice(server),
            &twice(server),
        );
        assert_eq!(doubled, Some(plain));
        assert_eq!(keys("", server, server), None);
        assert_eq!(keys("FPduLcEv/VBFnfkh2gC9lQ==", &server[..8], server), None);
    }
}
