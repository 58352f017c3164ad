//! Reading a document of XEP-0227 piece by piece, and the documents that it includes.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use xmpp::ns;
use xmpp::xml::Tree;

use super::{NS, NS_ARCHIVE, NS_INCLUDE};

/// Largest element of a user that is read, in bytes.
const MOST_ELEMENT: usize = 32 * 1024 * 1024;
/// Documents that may include each other in a row.
const MOST_INCLUDES: usize = 4;

/// A piece of a document.
#[derive(Debug)]
pub(super) enum Piece {
    /// A host begins.
    Host(String),
    /// A user begins, with the password where the document has it.
    User {
        /// Localpart.
        name: String,
        /// In clear.
        password: Option<String>,
    },
    /// An element of the user.
    Part(Tree),
    /// How nodes of the user are, one at a time: a `<configure/>`, `<affiliations/>` or `<subscriptions/>`.
    NodePart(Tree),
    /// A node of the user.
    Node(String),
    /// An `<item/>` of the node.
    Item {
        /// The node.
        node: String,
        /// The item.
        item: Tree,
    },
    /// A `<result/>` of the user's archive.
    Archived(Tree),
    /// A message that waits for the user.
    Waiting(Tree),
    /// The user is complete.
    UserEnd,
    /// Something that is none of the format's.
    Unknown(String),
}

/// What is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Server,
    Host,
    User,
    Archive,
    Offline,
    NodeParts,
    Nodes,
    Items,
}

/// One file that is being read.
struct Source {
    reader: Reader<BufReader<File>>,
    path: PathBuf,
    open: Vec<Level>,
    /// Namespace declarations of what is open: prefix, namespace, and how deep.
    declared: Vec<(String, String, usize)>,
    /// The node whose items are open.
    node: String,
    /// What the root must be.
    outer: Option<Level>,
    /// There was a root.
    begun: bool,
}

/// A document, with those that it includes.
pub(super) struct Document {
    sources: Vec<Source>,
    buffer: Vec<u8>,
}

impl Document {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            sources: vec![Source::open(path, None)?],
            buffer: Vec::new(),
        })
    }

    /// The next piece; `None` at the end.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Piece>> {
        loop {
            let Some(source) = self.sources.last_mut() else {
                return Ok(None);
            };
            let found = source.step(&mut self.buffer);
            let found = found.with_context(|| {
                let at = source.reader.buffer_position();
                format!("{}, byte {at}", source.path.display())
            })?;
            match found {
                Step::Piece(piece) => return Ok(Some(piece)),
                Step::Nothing => {}
                Step::End => {
                    self.sources.pop();
                }
                Step::Include(href) => {
                    if self.sources.len() >= MOST_INCLUDES {
                        bail!("files include each other too deep at {href}");
                    }
                    let (Some(source), level) = (self.sources.last(), self.level()) else {
                        return Ok(None);
                    };
                    let path = included(&source.path, &href)?;
                    self.sources.push(Source::open(&path, level)?);
                }
            }
        }
    }

    fn level(&self) -> Option<Level> {
        self.sources
            .iter()
            .rev()
            .find_map(|source| source.open.last().copied().or(source.outer))
    }
}

/// The file that is meant by a relative reference (§5), within the folder of the document.
fn included(from: &Path, href: &str) -> anyhow::Result<PathBuf> {
    let relative = percent_decoded(href);
    let path = Path::new(&relative);
    let stays = path.components().all(|part| {
        matches!(
            part,
            std::path::Component::Normal(_) | std::path::Component::CurDir
        )
    });
    if href.contains(':')
        && href
            .split('/')
            .next()
            .is_some_and(|first| first.contains("://"))
        || !stays
    {
        bail!("{href} leads out of the folder of the document; only files in it are read");
    }
    Ok(from.parent().unwrap_or(Path::new("")).join(path))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

enum Step {
    Piece(Piece),
    Include(String),
    Nothing,
    End,
}

impl Source {
    fn open(path: &Path, outer: Option<Level>) -> anyhow::Result<Self> {
        let file =
            File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let mut reader = Reader::from_reader(BufReader::with_capacity(64 * 1024, file));
        reader.config_mut().check_end_names = true;
        Ok(Self {
            reader,
            path: path.to_owned(),
            open: Vec::new(),
            declared: Vec::new(),
            node: String::new(),
            outer,
            begun: false,
        })
    }

    /// What the next element is in: `None` at the root.
    fn level(&self) -> Option<Level> {
        self.open.last().copied().or(self.outer)
    }

    fn step(&mut self, buffer: &mut Vec<u8>) -> anyhow::Result<Step> {
        buffer.clear();
        match self.reader.read_event_into(buffer)? {
            Event::Start(start) => {
                let start = start.into_owned();
                self.start(&start, false, buffer)
            }
            Event::Empty(start) => {
                let start = start.into_owned();
                self.start(&start, true, buffer)
            }
            Event::End(_) => Ok(match self.close() {
                Some(Level::User) => Step::Piece(Piece::UserEnd),
                _ => Step::Nothing,
            }),
            Event::DocType(_) => bail!("a document type is no part of this format"),
            Event::Eof => {
                if !self.open.is_empty() {
                    bail!("the file ends in the middle");
                }
                if !self.begun {
                    bail!("this is no XML");
                }
                Ok(Step::End)
            }
            // White space between the elements, comments.
            _ => Ok(Step::Nothing),
        }
    }

    fn close(&mut self) -> Option<Level> {
        let level = self.open.pop();
        let depth = self.open.len();
        self.declared.retain(|(.., at)| *at <= depth);
        level
    }

    fn start(
        &mut self,
        start: &BytesStart<'_>,
        empty: bool,
        buffer: &mut Vec<u8>,
    ) -> anyhow::Result<Step> {
        self.begun = true;
        let before = self.declared.len();
        let depth = self.open.len() + 1;
        let mut attributes: Vec<(String, String)> = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| anyhow!("{error}"))?;
            let value = quick_xml::escape::unescape(&attribute.value)?.into_owned();
            let key = attribute.key.0;
            if key == "xmlns" {
                self.declared.push((String::new(), value, depth));
            } else if let Some(prefix) = key.strip_prefix("xmlns:") {
                self.declared.push((prefix.to_owned(), value, depth));
            } else {
                attributes.push((key.to_owned(), value));
            }
        }
        let attribute = |name: &str| {
            let found = attributes.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone())
        };
        let (name, namespace) = self.name_of(start);
        let step = match (self.level(), &*name, &*namespace) {
            (Some(Level::Server | Level::Host), "include", NS_INCLUDE) => {
                let href = attribute("href").ok_or_else(|| anyhow!("an include names no file"))?;
                self.skip(empty, buffer)?;
                self.declared.truncate(before);
                return Ok(Step::Include(href));
            }
            (Some(Level::User), "include", NS_INCLUDE) => {
                bail!("a part of a user in another file is not understood")
            }
            (None, "server-data", NS) => self.enter(Level::Server, Step::Nothing),
            (None | Some(Level::Server), "host", NS) => {
                let jid = attribute("jid").ok_or_else(|| anyhow!("a host has no attribute jid"))?;
                self.enter(Level::Host, Step::Piece(Piece::Host(jid)))
            }
            (Some(Level::Host), "user", NS) => {
                let name = attribute("name").ok_or_else(|| anyhow!("a user has no name"))?;
                let password = attribute("password").filter(|password| !password.is_empty());
                self.enter(Level::User, Step::Piece(Piece::User { name, password }))
            }
            (Some(Level::User), "archive", NS_ARCHIVE) => self.enter(Level::Archive, Step::Nothing),
            (Some(Level::User), "offline-messages", NS) => {
                self.enter(Level::Offline, Step::Nothing)
            }
            (Some(Level::User), "pubsub", ns::PUBSUB_OWNER) => {
                self.enter(Level::NodeParts, Step::Nothing)
            }
            (Some(Level::User), "pubsub", ns::PUBSUB) => self.enter(Level::Nodes, Step::Nothing),
            (Some(Level::Nodes), "items", ns::PUBSUB) => {
                let node = attribute("node").ok_or_else(|| anyhow!("items of no node"))?;
                self.node.clone_from(&node);
                self.enter(Level::Items, Step::Piece(Piece::Node(node)))
            }
            (
                Some(
                    level @ (Level::User
                    | Level::Archive
                    | Level::Offline
                    | Level::NodeParts
                    | Level::Items),
                ),
                ..,
            ) => {
                let tree = self.whole(start, empty, before, buffer)?;
                self.declared.truncate(before);
                return Ok(Step::Piece(match level {
                    Level::Archive => Piece::Archived(tree),
                    Level::Offline => Piece::Waiting(tree),
                    Level::NodeParts => Piece::NodePart(tree),
                    Level::Items => Piece::Item {
                        node: self.node.clone(),
                        item: tree,
                    },
                    _ => Piece::Part(tree),
                }));
            }
            (None, ..) => bail!(
                "<{name} xmlns='{namespace}'> is no document of XEP-0227; it begins with <server-data xmlns='{NS}'>"
            ),
            _ => {
                self.skip(empty, buffer)?;
                self.declared.truncate(before);
                return Ok(Step::Piece(Piece::Unknown(format!(
                    "{{{namespace}}}{name}"
                ))));
            }
        };
        if empty {
            // Nothing is in it.
            let closed = self.close();
            return Ok(match (step, closed) {
                (Step::Piece(Piece::User { name, .. }), _) => {
                    bail!("the user {name} is empty")
                }
                (step, _) => step,
            });
        }
        Ok(step)
    }

    fn enter(&mut self, level: Level, step: Step) -> Step {
        self.open.push(level);
        step
    }

    /// The local name and the namespace of an element whose declarations are noted.
    fn name_of(&self, start: &BytesStart<'_>) -> (String, String) {
        let name = start.name().0;
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let namespace = self
            .declared
            .iter()
            .rev()
            .find(|(declared, ..)| declared == prefix)
            .map(|(_, namespace, _)| namespace.clone());
        (local.to_owned(), namespace.unwrap_or_default())
    }

    fn skip(&mut self, empty: bool, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
        let mut depth = usize::from(!empty);
        while depth > 0 {
            buffer.clear();
            match self.reader.read_event_into(buffer)? {
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                Event::Eof => bail!("the file ends in the middle"),
                _ => {}
            }
        }
        Ok(())
    }

    /// The whole element, as a tree that leans on nothing outside of it. `own` is where its own
    /// declarations begin among all.
    fn whole(
        &mut self,
        start: &BytesStart<'_>,
        empty: bool,
        own: usize,
        buffer: &mut Vec<u8>,
    ) -> anyhow::Result<Tree> {
        // What is declared around it is declared on a wrapper.
        let mut text = String::from("<outside");
        let outside = &self.declared[..own];
        for (place, (prefix, namespace, _)) in outside.iter().enumerate() {
            // A later one of the same prefix hides it.
            if outside[place + 1..]
                .iter()
                .any(|(later, ..)| later == prefix)
            {
                continue;
            }
            let colon = if prefix.is_empty() { "" } else { ":" };
            let value = xmpp::xml::escape(namespace);
            text.push_str(&format!(
                " xmlns{colon}{prefix}=\"{}\"",
                value.replace('"', "&quot;")
            ));
        }
        text.push('>');
        push_tag(&mut text, start, if empty { "/>" } else { ">" });
        let mut depth = usize::from(!empty);
        while depth > 0 {
            buffer.clear();
            match self.reader.read_event_into(buffer)? {
                Event::Start(tag) => {
                    depth += 1;
                    push_tag(&mut text, &tag, ">");
                }
                Event::Empty(tag) => push_tag(&mut text, &tag, "/>"),
                Event::End(tag) => {
                    depth -= 1;
                    text.push_str("</");
                    text.push_str(tag.name().0);
                    text.push('>');
                }
                Event::Text(piece) => text.push_str(&piece),
                Event::CData(piece) => {
                    text.push_str(&xmpp::xml::escape(&piece));
                }
                Event::GeneralRef(name) => {
                    text.push('&');
                    text.push_str(&name);
                    text.push(';');
                }
                Event::Eof => bail!("the file ends in the middle"),
                _ => {}
            }
            if text.len() > MOST_ELEMENT {
                bail!("an element has more than {MOST_ELEMENT} bytes");
            }
        }
        text.push_str("</outside>");
        let outer = Tree::parse(&text).map_err(|error| anyhow!("{error}"))?;
        let inner = outer.root().children().next();
        let inner = inner.ok_or_else(|| anyhow!("an element was lost"))?;
        Tree::parse(&inner.raw()).map_err(|error| anyhow!("{error}"))
    }
}

fn push_tag(text: &mut String, tag: &BytesStart<'_>, end: &str) {
    text.push('<');
    text.push_str(tag.trim_end());
    text.push_str(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> anyhow::Result<Vec<String>> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir();
        let folder = folder.join(format!("hauspost-document-{}-{number}", std::process::id()));
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap_or(&folder))?;
            std::fs::write(path, text)?;
        }
        let result = read_folder(&folder.join(files[0].0));
        std::fs::remove_dir_all(folder)?;
        result
    }

    fn read_folder(path: &Path) -> anyhow::Result<Vec<String>> {
        let mut document = Document::open(path)?;
        let mut pieces = Vec::new();
        while let Some(piece) = document.next()? {
            pieces.push(match piece {
                Piece::Host(host) => format!("host {host}"),
                Piece::User { name, password } => format!("user {name} {password:?}"),
                Piece::Part(tree) => format!("part {}", tree.root().raw()),
                Piece::NodePart(tree) => format!("node part {}", tree.root().raw()),
                Piece::Node(node) => format!("node {node}"),
                Piece::Item { node, item } => format!("item at {node} {}", item.root().raw()),
                Piece::Archived(tree) => format!("archived {}", tree.root().raw()),
                Piece::Waiting(tree) => format!("waiting {}", tree.root().raw()),
                Piece::UserEnd => "end".to_owned(),
                Piece::Unknown(name) => format!("unknown {name}"),
            });
        }
        Ok(pieces)
    }

    #[test]
    fn a_document_is_read_in_pieces() {
        let text = "<?xml version='1.0'?>\n<!-- made by somebody -->\n\
            <p:server-data xmlns:p='urn:xmpp:pie:0' xmlns:v='vcard-temp'>\n\
            <p:host jid='capulet.com'><p:user name='juliet' password='R0m&amp;30'>\
            <v:vCard><v:FN>Juliet &lt;3 <![CDATA[<C>]]>&#33;</v:FN></v:vCard>\
            <archive xmlns='urn:xmpp:pie:0#mam'><result xmlns='urn:xmpp:mam:2' id='1'/></archive>\
            <p:offline-messages><message xmlns='jabber:client'/></p:offline-messages></p:user>\
            <other xmlns='urn:x'><a/></other></p:host></p:server-data>";
        let pieces = read(&[("a.xml", text)]).expect("a document");
        assert_eq!(
            pieces,
            [
                "host capulet.com",
                "user juliet Some(\"R0m&30\")",
                "part <vCard xmlns='vcard-temp'><FN>Juliet &lt;3 &lt;C&gt;!</FN></vCard>",
                "archived <result xmlns='urn:xmpp:mam:2' id='1'/>",
                "waiting <message xmlns='jabber:client'/>",
                "end",
                "unknown {urn:x}other",
            ]
        );
    }

    #[test]
    fn files_include_files_of_their_folder() {
        let main = "<server-data xmlns='urn:xmpp:pie:0' xmlns:xi='http://www.w3.org/2001/XInclude'>\
            <xi:include href='capulet.com.xml'/></server-data>";
        let host = "<host xmlns='urn:xmpp:pie:0' xmlns:xi='http://www.w3.org/2001/XInclude' jid='capulet.com'>\
            <xi:include href='capulet.com/j%20.xml'/></host>";
        let user = "<user xmlns='urn:xmpp:pie:0' name='juliet'><vCard xmlns='vcard-temp'/></user>";
        let files = [
            ("a.xml", main),
            ("capulet.com.xml", host),
            ("capulet.com/j .xml", user),
        ];
        let pieces = read(&files).expect("documents");
        assert_eq!(pieces.len(), 4, "{pieces:?}");
        let out = main.replace("capulet.com.xml", "../capulet.com.xml");
        assert!(read(&[("a.xml", &out)]).is_err());
        let itself = main.replace("capulet.com.xml", "a.xml");
        let pieces = read(&[("a.xml", &itself)]).expect("a document");
        assert_eq!(pieces, ["unknown {urn:xmpp:pie:0}server-data"]);
    }

    #[test]
    fn what_is_no_document() {
        for text in [
            "",
            "<a/>",
            "<server-data xmlns='urn:other'/>",
            "<server-data xmlns='urn:xmpp:pie:0'><host jid='x'>",
            "<server-data xmlns='urn:xmpp:pie:0'></host>",
            "<!DOCTYPE a [<!ENTITY b 'c'>]><server-data xmlns='urn:xmpp:pie:0'/>",
            "<server-data xmlns='urn:xmpp:pie:0'><host jid='x'><user name='y'><a>&b;</a></user></host></server-data>",
        ] {
            let result = read(&[("a.xml", text)]);
            assert!(result.is_err(), "{text}: {result:?}");
        }
    }
}
