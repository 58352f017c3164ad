//! Writing accounts out.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chat::Chat;
use store::{
    Account, AccountState, ArchiveQuery, ItemPosition, ItemQuery, NodeAffiliation, PagePosition,
    Role, Store, Subscription, wait,
};
use xmpp::ns;
use xmpp::xep::data_form::FormKind;
use xmpp::xep::delay::Delay;
use xmpp::xep::forwarding;
use xmpp::xep::node_configuration::NodeConfiguration;
use xmpp::xep::roster::Item;
use xmpp::xml::{Edit, Head, Stanza, Writer, escape};

use super::{NS, NS_ACCOUNT, NS_ARCHIVE, NS_INCLUDE, NS_SCRAM};

/// Accounts read at once.
const ACCOUNTS: usize = 200;
/// Messages, or items of a node, read at once.
const MESSAGES: usize = 200;
/// Bytes of items read at once.
const ITEM_BYTES: usize = 1024 * 1024;

/// Writes all accounts into a new file, or into a new folder with a file for each user (§5). Nobody but the owner of the
/// process can read what it makes. Gives the number of accounts.
///
/// # Errors
/// When something cannot be read or written, with its name.
pub fn export(chat: &Chat, target: &Path, folder: bool) -> anyhow::Result<u64> {
    let domain = chat.domain();
    if !folder {
        let mut out = create(target)?;
        write!(
            out,
            "<?xml version='1.0' encoding='UTF-8'?>\n<server-data xmlns='{NS}'>\n<host jid='{}'>\n",
            attribute(&domain)
        )?;
        let count = each(chat, |account| {
            user(chat, &account, &mut out, false)?;
            Ok(())
        })?;
        out.write_all(b"</host>\n</server-data>\n")?;
        finish(out, target)?;
        return Ok(count);
    }
    make_folder(target)?;
    let mut main = create(&target.join("index.xml"))?;
    write!(
        main,
        "<?xml version='1.0' encoding='UTF-8'?>\n<server-data xmlns='{NS}' xmlns:xi='{NS_INCLUDE}'>\n\
         <xi:include href='{}.xml'/>\n</server-data>\n",
        attribute(&domain)
    )?;
    make_folder(&target.join(&*domain))?;
    let host_path = target.join(format!("{domain}.xml"));
    let mut host = create(&host_path)?;
    write!(
        host,
        "<?xml version='1.0' encoding='UTF-8'?>\n<host xmlns='{NS}' xmlns:xi='{NS_INCLUDE}' jid='{}'>\n",
        attribute(&domain)
    )?;
    let count = each(chat, |account| {
        // A name may be longer, or odder, than a file's name may be.
        let file = format!("{}.xml", account.id.number());
        let path = target.join(&*domain).join(&file);
        let mut out = create(&path)?;
        out.write_all(b"<?xml version='1.0' encoding='UTF-8'?>\n")?;
        user(chat, &account, &mut out, true)?;
        finish(out, &path)?;
        writeln!(host, "<xi:include href='{}/{file}'/>", attribute(&domain))?;
        Ok(())
    })?;
    host.write_all(b"</host>\n")?;
    finish(host, &host_path)?;
    finish(main, target)?;
    Ok(count)
}

fn attribute(text: &str) -> String {
    escape(text).replace('\'', "&apos;")
}

fn create(path: &Path) -> anyhow::Result<BufWriter<File>> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| {
            format!(
                "{} cannot be made; name a new file in a folder that the server's user can write",
                path.display()
            )
        })?;
    Ok(BufWriter::with_capacity(256 * 1024, file))
}

fn make_folder(path: &Path) -> anyhow::Result<()> {
    DirBuilder::new().mode(0o700).create(path).with_context(|| {
        format!(
            "{} cannot be made; name a new folder inside one that the server's user can write",
            path.display()
        )
    })
}

fn finish(out: BufWriter<File>, path: &Path) -> anyhow::Result<()> {
    let file = out.into_inner().map_err(|error| {
        anyhow::anyhow!("{} cannot be written: {}", path.display(), error.error())
    })?;
    file.sync_all()
        .with_context(|| format!("{} cannot be written", path.display()))
}

/// Does `act` for each account, in the order of names; gives their number.
fn each(chat: &Chat, mut act: impl FnMut(Account) -> anyhow::Result<()>) -> anyhow::Result<u64> {
    let mut count = 0;
    let mut after: Option<Arc<str>> = None;
    loop {
        let page = wait(chat.store().account_list(after.as_deref(), ACCOUNTS))?;
        for account in page.accounts {
            after = Some(Arc::clone(&account.localpart));
            act(account)?;
            count += 1;
        }
        if !page.more {
            return Ok(count);
        }
    }
}

/// One `<user/>`. Parts of it that are unbounded go out piece by piece.
fn user(chat: &Chat, account: &Account, out: &mut impl Write, alone: bool) -> anyhow::Result<()> {
    let store = chat.store();
    // Removed while we were on the way.
    let Some(state) = wait(store.account_state(account.id))? else {
        return Ok(());
    };
    let own = format!("{}@{}", account.localpart, chat.domain());
    let xmlns = if alone {
        format!(" xmlns='{NS}'")
    } else {
        String::new()
    };
    writeln!(
        out,
        "<user{xmlns} name='{}'>",
        attribute(&account.localpart)
    )?;
    let mut head = Writer::with_capacity(4096);
    credentials(store, account, &mut head)?;
    facts(account, &mut head);
    roster(&state, &mut head);
    out.write_all(head.finish().as_bytes())?;
    for request in &state.requests {
        let parsed = std::str::from_utf8(&request.presence)
            .ok()
            .and_then(|text| Stanza::parse(text).ok());
        if let Some(presence) = parsed {
            out.write_all(&declared(&presence))?;
            out.write_all(b"\n")?;
        }
    }
    let private = wait(store.private_all(account.id))?;
    if !private.is_empty() {
        writeln!(
            out,
            "<query xmlns='{}'>{}</query>",
            ns::PRIVATE,
            private.concat()
        )?;
    }
    if let Some(card) = wait(store.vcard(account.id))? {
        writeln!(out, "{card}")?;
    }
    if !state.blocklist.is_empty() {
        let mut list = Writer::new();
        list.start("blocklist").xmlns(ns::BLOCKING);
        for address in &state.blocklist {
            list.start("item").attr("jid", &**address).end();
        }
        list.end();
        writeln!(out, "{}", list.finish())?;
    }
    nodes(store, account, out)?;
    offline(store, account, &own, chat, out)?;
    archive(store, account, out)?;
    out.write_all(b"</user>\n")?;
    Ok(())
}

/// Nodes with their configuration, and their items page by page (§4.9).
fn nodes(store: &Store, account: &Account, out: &mut impl Write) -> anyhow::Result<()> {
    let nodes = wait(store.nodes(account.id))?;
    if nodes.is_empty() {
        return Ok(());
    }
    writeln!(out, "<pubsub xmlns='{}'>", ns::PUBSUB_OWNER)?;
    for node in &nodes {
        let name = &*node.settings.name;
        let mut part = Writer::with_capacity(4096);
        part.start("configure").attr("node", name);
        // All of it: what goes without saying is another thing elsewhere.
        let configuration = NodeConfiguration::decode(&node.settings.configuration);
        configuration.form(FormKind::Submit, &[]).write(&mut part);
        part.end();
        if !node.affiliations.is_empty() {
            part.start("affiliations").attr("node", name);
            for (address, affiliation) in &node.affiliations {
                let word = match affiliation {
                    NodeAffiliation::Publisher => "publisher",
                    NodeAffiliation::PublishOnly => "publish-only",
                    NodeAffiliation::Member => "member",
                    NodeAffiliation::Outcast => "outcast",
                };
                part.start("affiliation")
                    .attr("jid", &**address)
                    .attr("affiliation", word)
                    .end();
            }
            part.end();
        }
        if !node.subscriptions.is_empty() {
            part.start("subscriptions").attr("node", name);
            for known in &node.subscriptions {
                let state = if known.pending {
                    "pending"
                } else {
                    "subscribed"
                };
                part.start("subscription")
                    .attr("jid", &*known.subscriber)
                    .attr("subscription", state)
                    .end();
            }
            part.end();
        }
        writeln!(out, "{}", part.finish())?;
    }
    writeln!(out, "</pubsub>\n<pubsub xmlns='{}'>", ns::PUBSUB)?;
    for node in &nodes {
        let name = &*node.settings.name;
        writeln!(out, "<items node='{}'>", attribute(name))?;
        items(store, account, name, out)?;
        writeln!(out, "</items>")?;
    }
    writeln!(out, "</pubsub>")?;
    Ok(())
}

fn items(store: &Store, account: &Account, node: &str, out: &mut impl Write) -> anyhow::Result<()> {
    let mut position = ItemPosition::First;
    loop {
        let query = ItemQuery {
            position,
            max: MESSAGES,
            max_bytes: ITEM_BYTES,
            since: None,
        };
        let page = match wait(store.node_items(account.id, node, query)) {
            // It was retracted meanwhile: what is behind it cannot be told from here.
            Err(store::StoreError::ItemNotFound) => return Ok(()),
            page => page?,
        };
        for item in &page.items {
            writeln!(
                out,
                "<item id='{}' publisher='{}'>{}</item>",
                attribute(&item.id),
                attribute(&item.publisher),
                item.payload
            )?;
        }
        let end = page.index + page.items.len() as u64;
        match page.items.last() {
            Some(last) if end < page.count => position = ItemPosition::After(Arc::clone(&last.id)),
            _ => return Ok(()),
        }
    }
}

fn credentials(store: &Store, account: &Account, out: &mut Writer) -> anyhow::Result<()> {
    let login = wait(store.login(&account.localpart, None))?;
    for key in login.iter().flat_map(|login| &login.keys) {
        out.start("scram-credentials")
            .xmlns(NS_SCRAM)
            .attr("mechanism", format!("SCRAM-{}", key.hash));
        out.leaf_text("iter-count", None, &key.iterations.to_string())
            .leaf_text("salt", None, &STANDARD.encode(&key.salt))
            .leaf_text("server-key", None, &STANDARD.encode(&key.server_key))
            .leaf_text("stored-key", None, &STANDARD.encode(&key.stored_key))
            .end();
    }
    Ok(())
}

/// What the format has no words for.
fn facts(account: &Account, out: &mut Writer) {
    out.start("account")
        .xmlns(NS_ACCOUNT)
        .attr_opt(
            "role",
            (account.role != Role::Person).then(|| account.role.name()),
        )
        .attr_opt("enabled", (!account.enabled).then_some("false"));
    if let Some(name) = &account.display_name {
        out.leaf_text("display-name", None, name);
    }
    for group in &account.groups {
        out.leaf_text("group", None, group);
    }
    out.end();
}

fn roster(state: &AccountState, out: &mut Writer) {
    out.start("query").xmlns(ns::ROSTER);
    for item in &state.roster.items {
        Item {
            jid: &item.contact,
            name: item.name.as_deref(),
            subscription: match item.subscription {
                Subscription::None => "none",
                Subscription::To => "to",
                Subscription::From => "from",
                Subscription::Both => "both",
            },
            ask: item.ask,
            approved: item.approved,
            groups: item.groups.iter().map(AsRef::as_ref).collect(),
        }
        .write(out);
    }
    out.end();
}

/// A stanza with its namespace said.
fn declared(stanza: &Stanza) -> Vec<u8> {
    let received = stanza.head();
    let head = Head {
        xmlns: Some(ns::CLIENT),
        ..received.as_head()
    };
    stanza.relay(&head, &Edit::NONE).to_vec()
}

/// Messages that wait, with their ids where the archive has them too.
fn offline(
    store: &Store,
    account: &Account,
    own: &str,
    chat: &Chat,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut after = None;
    let mut begun = false;
    loop {
        let items = wait(store.offline(account.id, after, MESSAGES))?;
        let last = items.len() < MESSAGES;
        for item in items {
            after = Some(item.id);
            let Some(stanza) = std::str::from_utf8(&item.stanza)
                .ok()
                .and_then(|text| Stanza::parse(text).ok())
            else {
                continue;
            };
            if !begun {
                out.write_all(b"<offline-messages>\n")?;
                begun = true;
            }
            let mut more = Writer::new();
            Delay {
                from: base::Jid::domain_only(&chat.domain()).ok(),
                stamp: item.timestamp,
            }
            .write(&mut more);
            if !item.flags.hidden {
                more.start("stanza-id")
                    .xmlns(ns::STANZA_ID)
                    .attr("by", own)
                    .attr("id", item.id.to_string())
                    .end();
            }
            let more = more.finish();
            let received = stanza.head();
            let head = Head {
                xmlns: Some(ns::CLIENT),
                ..received.as_head()
            };
            let edit = Edit {
                append: more.as_bytes(),
                ..Edit::NONE
            };
            out.write_all(&stanza.relay(&head, &edit))?;
            out.write_all(b"\n")?;
        }
        if last {
            break;
        }
    }
    if begun {
        out.write_all(b"</offline-messages>\n")?;
    }
    Ok(())
}

fn archive(store: &Store, account: &Account, out: &mut impl Write) -> anyhow::Result<()> {
    let mut position = PagePosition::First;
    let mut begun = false;
    loop {
        let query = ArchiveQuery {
            position,
            max: MESSAGES,
            ..ArchiveQuery::default()
        };
        let page = match wait(store.archive_page(account.id, query)) {
            // The entry that we stood at has expired meanwhile: what is behind it cannot be told from here.
            Err(store::StoreError::ItemNotFound) => break,
            page => page?,
        };
        if !begun && !page.items.is_empty() {
            writeln!(out, "<archive xmlns='{NS_ARCHIVE}'>")?;
            begun = true;
        }
        for item in &page.items {
            let mut result = Writer::with_capacity(item.stanza.len() + 256);
            result
                .start("result")
                .xmlns(ns::ARCHIVE)
                .attr("id", item.id.to_string());
            let delay = Delay {
                from: None,
                stamp: item.timestamp,
            };
            forwarding::write(&mut result, Some(&delay), &item.stanza);
            result.end();
            writeln!(out, "{}", result.finish())?;
        }
        match page.last {
            Some(last) if !page.complete => position = PagePosition::After(last),
            _ => break,
        }
    }
    if begun {
        out.write_all(b"</archive>\n")?;
    }
    Ok(())
}
