//! XEP-0030: Service Discovery, with the forms of XEP-0128 and the verification string of XEP-0115.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ns;
use crate::sasl::ScramHash;
use crate::xml::{Element, Writer};

/// A text that mostly is known when the program is compiled.
type Text = Cow<'static, str>;

/// What an entity is (XEP-0030 §3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// The category, such as `server`.
    pub category: Text,
    /// The type, such as `im`.
    pub kind: Text,
    /// Language of the name.
    pub lang: Option<Text>,
    /// The name for people.
    pub name: Option<Text>,
}

/// A form with further facts (XEP-0128).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Value of the hidden field `FORM_TYPE`.
    pub form_type: Text,
    /// Other fields, each with its values.
    pub fields: Vec<(Text, Vec<String>)>,
}

/// The answer to `disco#info`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// What it is; at least one.
    pub identities: Vec<Identity>,
    /// What it can do.
    pub features: Vec<Text>,
    /// What else it tells.
    pub forms: Vec<Form>,
}

/// One entry of the answer to `disco#items` (XEP-0030 §4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// Its address.
    pub jid: String,
    /// A node of that address.
    pub node: Option<Text>,
    /// The name for people.
    pub name: Option<Text>,
}

impl Info {
    /// The `<query/>`; `node` is that of the request.
    #[must_use]
    pub fn to_xml(&self, node: Option<&str>) -> String {
        let mut out = Writer::with_capacity(2048);
        out.start("query")
            .xmlns(ns::DISCO_INFO)
            .attr_opt("node", node);
        for identity in &self.identities {
            out.start("identity")
                .attr("category", &identity.category)
                .attr("type", &identity.kind)
                .attr_opt("xml:lang", identity.lang.as_deref())
                .attr_opt("name", identity.name.as_deref())
                .end();
        }
        for feature in &self.features {
            out.start("feature").attr("var", feature).end();
        }
        for form in &self.forms {
            out.start("x").xmlns(ns::DATA_FORMS).attr("type", "result");
            out.start("field")
                .attr("var", "FORM_TYPE")
                .attr("type", "hidden");
            out.leaf_text("value", None, &form.form_type).end();
            for (name, values) in &form.fields {
                out.start("field").attr("var", name);
                for value in values {
                    out.leaf_text("value", None, value);
                }
                out.end();
            }
            out.end();
        }
        out.end();
        out.finish()
    }

    /// Reads a `<query/>`; what is incomplete in it is left out.
    #[must_use]
    pub fn read(query: Element<'_>) -> Self {
        let mut info = Self::default();
        let text = |text: &str| Text::Owned(text.to_owned());
        for child in query.children() {
            if child.is("identity", ns::DISCO_INFO)
                && let (Some(category), Some(kind)) = (child.attr("category"), child.attr("type"))
            {
                info.identities.push(Identity {
                    category: text(category),
                    kind: text(kind),
                    lang: child.attr_ns(ns::XML, "lang").map(text),
                    name: child.attr("name").map(text),
                });
            } else if child.is("feature", ns::DISCO_INFO)
                && let Some(var) = child.attr("var")
            {
                info.features.push(text(var));
            } else if child.is("x", ns::DATA_FORMS) {
                let mut form = Form::default();
                for field in child
                    .children()
                    .filter(|field| field.is("field", ns::DATA_FORMS))
                {
                    let values = field
                        .children()
                        .filter(|value| value.is("value", ns::DATA_FORMS))
                        .map(|value| value.text().into_owned());
                    match field.attr("var") {
                        Some("FORM_TYPE") => {
                            form.form_type = values.take(1).collect::<String>().into()
                        }
                        Some(var) => form.fields.push((text(var), values.collect())),
                        None => {}
                    }
                }
                info.forms.push(form);
            }
        }
        info
    }

    /// The string S of XEP-0115 §5.1, of which the hash is made.
    #[must_use]
    pub fn capabilities(&self) -> String {
        let mut out = String::new();
        let mut push = |text: &str| {
            out.push_str(text);
            out.push('<');
        };
        let mut identities: Vec<_> = self.identities.iter().collect();
        identities.sort();
        for Identity {
            category,
            kind,
            lang,
            name,
        } in identities
        {
            let (lang, name) = (
                lang.as_deref().unwrap_or_default(),
                name.as_deref().unwrap_or_default(),
            );
            push(&format!("{category}/{kind}/{lang}/{name}"));
        }
        let mut features: Vec<&str> = self.features.iter().map(AsRef::as_ref).collect();
        features.sort_unstable();
        features.into_iter().for_each(&mut push);
        let mut forms: Vec<_> = self.forms.iter().collect();
        forms.sort_by(|one, other| one.form_type.cmp(&other.form_type));
        for form in forms {
            push(&form.form_type);
            let mut fields: Vec<_> = form.fields.iter().collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            for (name, values) in fields {
                push(name);
                let mut values: Vec<&str> = values.iter().map(String::as_str).collect();
                values.sort_unstable();
                values.into_iter().for_each(&mut push);
            }
        }
        out
    }

    /// The `ver` of XEP-0115 with `hash='sha-1'`, which every implementation knows.
    #[must_use]
    pub fn verification(&self) -> String {
        STANDARD.encode(
            ScramHash::Sha1
                .digest(self.capabilities().as_bytes())
                .expose(),
        )
    }
}

/// The `<query/>` of `disco#items`; `node` is that of the request.
#[must_use]
pub fn items_to_xml(items: &[Item], node: Option<&str>) -> String {
    let mut out = Writer::with_capacity(128 + items.len() * 96);
    out.start("query")
        .xmlns(ns::DISCO_ITEMS)
        .attr_opt("node", node);
    for item in items {
        out.start("item")
            .attr("jid", &item.jid)
            .attr_opt("node", item.node.as_deref())
            .attr_opt("name", item.name.as_deref())
            .end();
    }
    out.end();
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Stanza;

    /// XEP-0115 §5.2.
    #[test]
    fn simple_example_of_capabilities() {
        let info = Info {
            identities: vec![Identity {
                category: "client".into(),
                kind: "pc".into(),
                lang: None,
                name: Some("Exodus 0.9.1".into()),
            }],
            features: [
                "http://jabber.org/protocol/muc",
                "http://jabber.org/protocol/disco#info",
                "http://jabber.org/protocol/disco#items",
                "http://jabber.org/protocol/caps",
            ]
            .map(Into::into)
            .to_vec(),
            forms: Vec::new(),
        };
        assert_eq!(info.verification(), "QgayPKawpkPSDYmwT/WM94uAlu0=");
    }

    /// XEP-0115 §5.3.
    #[test]
    fn complex_example_of_capabilities() {
        let text = "<query xmlns='http://jabber.org/protocol/disco#info'>\
            <identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>\
            <identity xml:lang='el' category='client' name='\u{3a8} 0.11' type='pc'/>\
            <feature var='http://jabber.org/protocol/caps'/>\
            <feature var='http://jabber.org/protocol/disco#info'/>\
            <feature var='http://jabber.org/protocol/disco#items'/>\
            <feature var='http://jabber.org/protocol/muc'/>\
            <x xmlns='jabber:x:data' type='result'>\
            <field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>\
            <field var='ip_version'><value>ipv4</value><value>ipv6</value></field>\
            <field var='os'><value>Mac</value></field>\
            <field var='os_version'><value>10.5.1</value></field>\
            <field var='software'><value>Psi</value></field>\
            <field var='software_version'><value>0.11</value></field></x></query>";
        let stanza = Stanza::parse(text).expect("well-formed");
        let info = Info::read(stanza.tree().root());
        assert_eq!(info.verification(), "q07IKJEyjvHSyhy//CH0CxmKi8w=");
        let again = Stanza::parse(&info.to_xml(None)).expect("well-formed");
        assert_eq!(Info::read(again.tree().root()), info);
    }
}
