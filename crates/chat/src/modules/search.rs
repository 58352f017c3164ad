//! XEP-0055: Jabber Search: people of the house find each other by name
//!
//! Only accounts of the house ask, and the answer has no more than address and name: what is in every message that somebody
//! writes. Who is disabled is not found.

use std::sync::Arc;

use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::data_form::{DataForm, Field, FormKind};
use xmpp::xml::{Element, Writer};

use super::{Feature, IqContext, IqHandler, Module, Reply, Run, Seat, Target, store_failed};
use crate::Work;

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "search",
    specification: "XEP-0055",
    title: "Jabber Search",
    version: "1.3",
    features: &[Feature {
        var: ns::SEARCH,
        seat: Seat::Host,
    }],
    iq: &[
        IqHandler {
            targets: &[Target::Host],
            set: false,
            payload: "query",
            namespace: ns::SEARCH,
            run: Run::Client(form),
        },
        IqHandler {
            targets: &[Target::Host],
            set: true,
            payload: "query",
            namespace: ns::SEARCH,
            run: Run::Client(search),
        },
    ],
    ..Module::NONE
};

/// People of one answer.
const MOST: usize = 50;
/// Accounts read at once.
const PAGE: usize = 1_000;
/// Words that are looked for.
const MOST_WORDS: usize = 8;
/// The one field of the form: words of names and addresses. The fields of XEP-0055 §2.1 say the same.
const WORDS: &str = "search";
const FIELDS: [&str; 3] = ["first", "last", "nick"];

fn form(_context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let form = DataForm::new(FormKind::Form, ns::SEARCH).with(Field {
            label: Some("Name or address".to_owned()),
            required: true,
            ..Field::new(WORDS, "text-single", [""; 0])
        });
        let mut out = Writer::with_capacity(512);
        out.start("query").xmlns(ns::SEARCH);
        out.leaf_text("instructions", None, "Part of a name or of an address.");
        out.leaf("nick", ns::SEARCH);
        form.write(&mut out);
        out.end();
        Ok(Reply::payload(out.finish()))
    })
}

/// What is looked for, in lower case, and whether it came as a form.
fn wanted(query: Element<'_>) -> Result<(Vec<String>, bool), StanzaError> {
    let form = query.child("x", ns::DATA_FORMS);
    let has_form = form.is_some();
    let mut said = String::new();
    if let Some(form) = form {
        let form = DataForm::read(form)?;
        for var in FIELDS.iter().chain([&WORDS]) {
            let value = form.field(var).and_then(Field::value).unwrap_or_default();
            said.push_str(value);
            said.push(' ');
        }
    } else {
        for field in query.children() {
            if FIELDS.contains(&field.name()) {
                said.push_str(&field.text());
                said.push(' ');
            }
        }
    }
    let words = said.split_whitespace().take(MOST_WORDS);
    let words: Vec<String> = words
        .map(|word| word.trim_matches('*').to_lowercase())
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() {
        return Err(StanzaError::new(StanzaCondition::NotAcceptable)
            .text("Please give a part of a name or of an address."));
    }
    Ok((words, has_form))
}

fn search(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let (words, has_form) = {
            let payload = context.payload();
            wanted(payload.root())?
        };
        let mut found: Vec<(Arc<str>, Option<Arc<str>>)> = Vec::new();
        let mut after: Option<Arc<str>> = None;
        'pages: loop {
            let page = context.chat.store();
            let page = page.account_list(after.as_deref(), PAGE).await;
            let page = page.map_err(|error| store_failed(&error))?;
            for account in &page.accounts {
                let name = account.display_name.as_deref().unwrap_or_default();
                let text = format!("{name} {}", account.localpart).to_lowercase();
                if account.enabled && words.iter().all(|word| text.contains(word)) {
                    found.push((Arc::clone(&account.localpart), account.display_name.clone()));
                    if found.len() == MOST {
                        break 'pages;
                    }
                }
            }
            match page.accounts.last() {
                Some(last) if page.more => after = Some(Arc::clone(&last.localpart)),
                _ => break,
            }
        }
        let domain = context.chat.domain();
        let mut out = Writer::with_capacity(256 + found.len() * 128);
        out.start("query").xmlns(ns::SEARCH);
        if has_form {
            out.start("x").xmlns(ns::DATA_FORMS).attr("type", "result");
            let field = |out: &mut Writer, var: &str, value: &str| {
                out.start("field").attr("var", var);
                out.leaf_text("value", None, value);
                out.end();
            };
            out.start("field")
                .attr("type", "hidden")
                .attr("var", "FORM_TYPE");
            out.leaf_text("value", None, ns::SEARCH).end();
            out.start("reported");
            for (var, kind, label) in [
                ("jid", "jid-single", "Address"),
                ("name", "text-single", "Name"),
            ] {
                out.start("field").attr("var", var).attr("type", kind);
                out.attr("label", label).end();
            }
            out.end();
            for (local, name) in &found {
                out.start("item");
                field(&mut out, "jid", &format!("{local}@{domain}"));
                field(&mut out, "name", name.as_deref().unwrap_or(local));
                out.end();
            }
            out.end();
        } else {
            for (local, name) in &found {
                out.start("item").attr("jid", format!("{local}@{domain}"));
                out.leaf_text("nick", None, name.as_deref().unwrap_or(local));
                out.end();
            }
        }
        out.end();
        Ok(Reply::payload(out.finish()))
    })
}
