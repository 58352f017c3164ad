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
