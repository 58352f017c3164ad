//! XEP-0402: PEP Native Bookmarks, and their older form of XEP-0048.

use crate::ns;
use crate::xml::{Element, Writer};

/// A bookmark of a room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bookmark {
    /// A name for people.
    pub name: Option<String>,
    /// Clients join the room by themselves.
    pub autojoin: bool,
    /// The nickname in the room.
    pub nick: Option<String>,
    /// What opens the room.
    pub password: Option<String>,
    /// Whatever else clients keep with it: elements, self-contained.
    pub extensions: Vec<String>,
}

/// The one element of XEP-0048 that holds all bookmarks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Storage {
    /// Rooms, each by its address as it stands there; the first of several with one address.
    pub rooms: Vec<(String, Bookmark)>,
    /// Elements that are no rooms (web pages), self-contained.
    pub others: Vec<String>,
}

impl Bookmark {
    /// Reads `<conference/>` of XEP-0402 §2.
    #[must_use]
    pub fn read(conference: Element<'_>) -> Option<Self> {
        conference
            .is("conference", ns::BOOKMARKS)
            .then(|| Self::read_in(conference, ns::BOOKMARKS))
    }

    fn read_in(conference: Element<'_>, namespace: &str) -> Self {
        let text = |name| {
            conference
                .child(name, namespace)
                .map(|child| child.text().into_owned())
                .filter(|text| !text.is_empty())
        };
        let mut bookmark = Self {
            name: conference.attr("name").map(str::to_owned),
            autojoin: matches!(
                conference.attr("autojoin").map(str::trim),
                Some("1" | "true")
            ),
            nick: text("nick"),
            password: text("password"),
            extensions: Vec::new(),
        };
        for child in conference.children() {
            let known =
                matches!(child.name(), "nick" | "password") && child.namespace() == namespace;
            if child.is("extensions", ns::BOOKMARKS) {
                let inner = child.children().map(|inner| inner.raw().into_owned());
                bookmark.extensions.extend(inner);
            } else if !known {
                // What older clients put beside the rest.
                bookmark.extensions.push(child.raw().into_owned());
            }
        }
        bookmark
    }

    /// The same with the extensions of another where it has none: clients of the older form do not
    /// know them (XEP-0402 §2 forbids to lose them).
    #[must_use]
    pub fn keeping_extensions_of(mut self, other: &Self) -> Self {
        if self.extensions.is_empty() {
            self.extensions.clone_from(&other.extensions);
        }
        self
    }

    /// `<conference/>` of XEP-0402 §2.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut out = Writer::new();
        out.start("conference").xmlns(ns::BOOKMARKS);
        self.write_inner(&mut out, None);
        out.end();
        out.finish()
    }

    /// What both forms have in common; `beside` is the namespace of the extensions where that is
    /// not the one around them.
    fn write_inner(&self, out: &mut Writer, beside: Option<&str>) {
        out.attr_opt("name", self.name.as_deref());
        if self.autojoin {
            out.attr("autojoin", "true");
        }
        for (name, value) in [("nick", &self.nick), ("password", &self.password)] {
            if let Some(value) = value {
                out.leaf_text(name, None, value);
            }
        }
        if !self.extensions.is_empty() {
            out.start("extensions").attr_opt("xmlns", beside);
            for extension in &self.extensions {
                out.raw(extension);
            }
            out.end();
        }
    }
}

impl Storage {
    /// Reads `<storage/>`.
    #[must_use]
    pub fn read(storage: Element<'_>) -> Option<Self> {
        if !storage.is("storage", ns::LEGACY_BOOKMARKS) {
            return None;
        }
        let mut read = Self::default();
        for child in storage.children() {
            let room = child
                .is("conference", ns::LEGACY_BOOKMARKS)
                .then(|| child.attr("jid"))
                .flatten();
            match room {
                Some(jid) if read.rooms.iter().any(|(known, _)| known == jid) => {}
                Some(jid) => read.rooms.push((
                    jid.to_owned(),
                    Bookmark::read_in(child, ns::LEGACY_BOOKMARKS),
                )),
                None => read.others.push(child.raw().into_owned()),
            }
        }
        Some(read)
    }

    /// `<storage/>`.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut out = Writer::with_capacity(128 + self.rooms.len() * 128);
        out.start("storage").xmlns(ns::LEGACY_BOOKMARKS);
        for (jid, bookmark) in &self.rooms {
            out.start("conference").attr("jid", jid);
            bookmark.write_inner(&mut out, Some(ns::BOOKMARKS));
            out.end();
        }
        for other in &self.others {
            out.raw(other);
        }
        out.end();
        out.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    /// XEP-0402 §3.2, example 4, and XEP-0048 §2.
    #[test]
    fn both_forms_say_the_same() {
        let native = "<conference xmlns='urn:xmpp:bookmarks:1' name='The Orcard' autojoin='1'><nick>JC</nick>\
            <extensions><state xmlns='http://myclient.example/bookmark/state' minimized='true'/></extensions></conference>";
        let tree = Tree::parse(native).expect("XML");
        let bookmark = Bookmark::read(tree.root()).expect("a bookmark");
        assert!(bookmark.autojoin);
        assert_eq!(bookmark.nick.as_deref(), Some("JC"));
        assert_eq!(bookmark.extensions.len(), 1);
        let again = Tree::parse(&bookmark.to_xml()).expect("XML");
        assert_eq!(Bookmark::read(again.root()).as_ref(), Some(&bookmark));

        let storage = Storage {
            rooms: vec![("orchard@conference.shakespeare.lit".into(), bookmark)],
            others: vec!["<url xmlns='storage:bookmarks' url='http://x/'/>".into()],
        };
        let text = storage.to_xml();
        let tree = Tree::parse(&text).expect("XML");
        assert_eq!(Storage::read(tree.root()), Some(storage), "{text}");
    }

    #[test]
    fn what_older_clients_add_becomes_an_extension() {
        let text = "<storage xmlns='storage:bookmarks'><conference name='C' autojoin='false' jid='c@r'>\
            <nick>Puck</nick><password/><print_status>all</print_status></conference>\
            <conference jid='c@r'/><conference/><url url='http://x/'/></storage>";
        let tree = Tree::parse(text).expect("XML");
        let storage = Storage::read(tree.root()).expect("a storage");
        let [(jid, bookmark)] = &storage.rooms[..] else {
            panic!("one room: {storage:?}");
        };
        assert_eq!(jid, "c@r");
        assert!(!bookmark.autojoin);
        assert_eq!(bookmark.password, None);
        assert_eq!(
            bookmark.extensions,
            ["<print_status xmlns='storage:bookmarks'>all</print_status>"]
        );
        assert_eq!(storage.others.len(), 2);
        assert!(Bookmark::read(tree.root()).is_none());
    }

    #[test]
    fn extensions_survive_clients_that_do_not_know_them() {
        let known = Bookmark {
            extensions: vec!["<a xmlns='b'/>".into()],
            ..Bookmark::default()
        };
        let renamed = Bookmark {
            name: Some("N".into()),
            ..Bookmark::default()
        };
        assert_eq!(
            renamed.keeping_extensions_of(&known).extensions,
            known.extensions
        );
    }
}
