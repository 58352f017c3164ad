//! Patterns of XML: what a script says must be there; what it leaves out may be anything.

use std::collections::HashMap;

use xmpp::xml::{Element, Tree};

/// Values that a script has captured by `{name}`.
pub type Captures = HashMap<String, String>;

/// Whether `actual` fits `pattern`. Attributes and children that the pattern names must be there,
/// children in that order; others may be too. An attribute value `*` takes anything, `-` says that
/// there must be none, `{name}` takes anything the first time and the same later. The child
/// `<none name='x' xmlns='hauspost:test'/>` says that there is no child x.
///
/// # Errors
/// Says where they differ.
pub fn fits(pattern: &Tree, actual: &Tree, captures: &mut Captures) -> Result<(), String> {
    let mut trial = captures.clone();
    element(pattern.root(), actual.root(), &mut trial)?;
    *captures = trial;
    Ok(())
}

fn element(
    pattern: Element<'_>,
    actual: Element<'_>,
    captures: &mut Captures,
) -> Result<(), String> {
    let name = pattern.name();
    if (name, pattern.namespace()) != (actual.name(), actual.namespace()) {
        return Err(format!(
            "<{name} xmlns='{}'> is wanted, <{} xmlns='{}'> came",
            pattern.namespace(),
            actual.name(),
            actual.namespace()
        ));
    }
    for (_, namespace, attribute, wanted) in pattern.attributes() {
        let came = if namespace.is_empty() {
            actual.attr(attribute)
        } else {
            actual.attr_ns(namespace, attribute)
        };
        value(wanted, came, captures)
            .map_err(|why| format!("attribute {attribute} of <{name}>: {why}"))?;
    }
    let text = pattern.text();
    let text = text.trim();
    if !text.is_empty() {
        value(text, Some(actual.text().trim()), captures)
            .map_err(|why| format!("text of <{name}>: {why}"))?;
    }
    let mut rest = actual.children();
    for child in pattern.children() {
        if child.name() == "none" && child.namespace() == "hauspost:test" {
            let absent = child.attr("name").unwrap_or_default();
            if actual.children().any(|other| other.name() == absent) {
                return Err(format!(
                    "<{name}> has a child <{absent}> that must not be there"
                ));
            }
            continue;
        }
        let mut why = format!("<{name}> has no child <{}>", child.name());
        let found = rest.by_ref().any(|other| {
            let mut trial = captures.clone();
            match element(child, other, &mut trial) {
                Ok(()) => {
                    *captures = trial;
                    true
                }
                Err(error) => {
                    if other.name() == child.name() {
                        why = error;
                    }
                    false
                }
            }
        });
        if !found {
            return Err(why);
        }
    }
    Ok(())
}

fn value(wanted: &str, actual: Option<&str>, captures: &mut Captures) -> Result<(), String> {
    match (wanted, actual) {
        ("-", None) | ("*", Some(_)) => Ok(()),
        ("-", Some(actual)) => Err(format!("there must be none, '{actual}' came")),
        (wanted, None) => Err(format!("'{wanted}' is wanted, none came")),
        (wanted, Some(actual)) => {
            if let Some(name) = wanted
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'))
            {
                let known = captures
                    .entry(name.to_owned())
                    .or_insert_with(|| actual.to_owned());
                return if known == actual {
                    Ok(())
                } else {
                    Err(format!("'{known}' as before is wanted, '{actual}' came"))
                };
            }
            if wanted == actual {
                Ok(())
            } else {
                Err(format!("'{wanted}' is wanted, '{actual}' came"))
            }
        }
    }
}

/// Puts captured values into text that is to be sent.
#[must_use]
pub fn fill(text: &str, captures: &Captures) -> String {
    captures
        .iter()
        .fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(pattern: &str, actual: &str) -> Result<Captures, String> {
        let mut captures = Captures::new();
        let read = |text| Tree::parse(text).unwrap();
        fits(&read(pattern), &read(actual), &mut captures).map(|()| captures)
    }

    #[test]
    fn what_a_pattern_leaves_out_may_be_anything() {
        for pattern in [
            "<a/>",
            "<a x='1'/>",
            "<a x='*'/>",
            "<a z='-'/>",
            "<a><b/></a>",
            "<a><b>text</b><d/></a>",
            "<a><b>*</b></a>",
            "<a><none name='e' xmlns='hauspost:test'/></a>",
            "<a><c><none name='b' xmlns='hauspost:test'/></c></a>",
        ] {
            let fit = run(pattern, "<a x='1' y='2'><b>\n text </b><c/><d/></a>");
            assert!(fit.is_ok(), "{pattern}: {fit:?}");
        }
    }

    #[test]
    fn what_differs_is_said() {
        for (pattern, why) in [
            (
                "<b/>",
                "<b xmlns='jabber:client'> is wanted, <a xmlns='jabber:client'> came",
            ),
            (
                "<a xmlns='urn:x'/>",
                "<a xmlns='urn:x'> is wanted, <a xmlns='jabber:client'> came",
            ),
            ("<a x='2'/>", "attribute x of <a>: '2' is wanted, '1' came"),
            (
                "<a x='-'/>",
                "attribute x of <a>: there must be none, '1' came",
            ),
            ("<a z='*'/>", "attribute z of <a>: '*' is wanted, none came"),
            (
                "<a x='{n}' y='{n}'/>",
                "attribute y of <a>: '1' as before is wanted, '2' came",
            ),
            ("<a>words</a>", "text of <a>: 'words' is wanted, '' came"),
            (
                "<a><b>word</b></a>",
                "text of <b>: 'word' is wanted, 'text' came",
            ),
            ("<a><e/></a>", "<a> has no child <e>"),
            ("<a><d/><b/></a>", "<a> has no child <b>"),
            ("<a><b/><b/></a>", "<a> has no child <b>"),
            (
                "<a><none name='c' xmlns='hauspost:test'/></a>",
                "<a> has a child <c> that must not be there",
            ),
        ] {
            let error = run(pattern, "<a x='1' y='2'><b>text</b><c/><d/></a>").unwrap_err();
            assert_eq!(error, why, "{pattern}");
        }
    }

    #[test]
    fn captures_are_filled_in_and_kept_only_where_the_pattern_fits() {
        let captures = run("<a x='{x}'><b>{text}</b></a>", "<a x='1'><b>word</b></a>").unwrap();
        assert_eq!(
            fill("<c id='{x}'>{text} {other}</c>", &captures),
            "<c id='1'>word {other}</c>"
        );
        let mut captures = Captures::new();
        let pattern = Tree::parse("<a x='{x}'><missing/></a>").unwrap();
        let actual = Tree::parse("<a x='1'/>").unwrap();
        assert!(fits(&pattern, &actual, &mut captures).is_err());
        assert!(captures.is_empty());
        // A child that fits only in part leaves no trace either.
        let captures = run(
            "<a><b x='{x}' y='2'/></a>",
            "<a><b x='0' y='1'/><b x='9' y='2'/></a>",
        );
        assert_eq!(captures.unwrap()["x"], "9");
    }
}
