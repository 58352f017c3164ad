//! XEP-0004: Data Forms, with the form types of XEP-0068 and open lists of XEP-0122.

use crate::condition::{StanzaCondition, StanzaError};
use crate::ns;
use crate::xml::{Element, Writer};

/// What a form is for (§3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormKind {
    /// To be filled in.
    Form,
    /// Filled in.
    Submit,
    /// Given up.
    Cancel,
    /// Data that are told.
    Result,
}

impl FormKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Submit => "submit",
            Self::Cancel => "cancel",
            Self::Result => "result",
        }
    }
}

/// A form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataForm {
    /// What it is for.
    pub kind: FormKind,
    /// Its title.
    pub title: Option<String>,
    /// What to do with it.
    pub instructions: Vec<String>,
    /// Its fields, in order.
    pub fields: Vec<Field>,
}

/// A field of a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub var: String,
    /// Its type, such as `text-single`; may be left out in a filled-in form.
    pub kind: Option<String>,
    /// Its name for people.
    pub label: Option<String>,
    /// Its values.
    pub values: Vec<String>,
    /// Its choices: label and value.
    pub options: Vec<(Option<String>, String)>,
    /// It must be filled in.
    pub required: bool,
    /// A list that takes other values than its choices (XEP-0122 §3.3.1 `<open/>`).
    pub open: bool,
}

impl Field {
    /// A field of this name, type and values.
    pub fn new(var: &str, kind: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            var: var.to_owned(),
            kind: Some(kind.to_owned()),
            values: values.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// The only value; the first of several.
    pub fn value(&self) -> Option<&str> {
        self.values.first().map(String::as_str)
    }
}

impl DataForm {
    /// A form with the hidden field that says what it is about (XEP-0068 §3).
    pub fn new(kind: FormKind, form_type: &str) -> Self {
        Self {
            kind,
            title: None,
            instructions: Vec::new(),
            fields: vec![Field::new("FORM_TYPE", "hidden", [form_type])],
        }
    }

    /// The same with one more field.
    #[must_use]
    pub fn with(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// What it is about: the value of `FORM_TYPE`.
    pub fn form_type(&self) -> Option<&str> {
        self.field("FORM_TYPE")?.value()
    }

    /// The field of this name.
    pub fn field(&self, var: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.var == var)
    }

    /// Reads `<x/>`.
    ///
    /// # Errors
    /// `bad-request` when it has no known type, or a field no name.
    pub fn read(element: Element<'_>) -> Result<Self, StanzaError> {
        let bad = |text: &str| StanzaError::new(StanzaCondition::BadRequest).text(text);
        let kind = match element.attr("type") {
            Some("form") => FormKind::Form,
            Some("submit") => FormKind::Submit,
            Some("cancel") => FormKind::Cancel,
            Some("result") => FormKind::Result,
            _ => {
                return Err(bad(
                    "The type of a data form is form, submit, cancel or result",
                ));
            }
        };
        let mut form = Self {
            kind,
            title: None,
            instructions: Vec::new(),
            fields: Vec::new(),
        };
        for child in element
            .children()
            .filter(|child| child.namespace() == ns::DATA_FORMS)
        {
            match child.name() {
                "title" => form.title = Some(child.text().into_owned()),
                "instructions" => form.instructions.push(child.text().into_owned()),
                "field" => {
                    let field = read_field(child);
                    // Only text that stands between fields has no name.
                    if field.var.is_empty() && field.kind.as_deref() != Some("fixed") {
                        return Err(bad("Every field of a data form needs the attribute var"));
                    }
                    form.fields.push(field);
                }
                _ => {}
            }
        }
        Ok(form)
    }

    /// Writes `<x/>`.
    pub fn write(&self, writer: &mut Writer) {
        writer
            .start("x")
            .xmlns(ns::DATA_FORMS)
            .attr("type", self.kind.as_str());
        if let Some(title) = &self.title {
            writer.leaf_text("title", None, title);
        }
        for text in &self.instructions {
            writer.leaf_text("instructions", None, text);
        }
        for field in &self.fields {
            write_field(field, writer);
        }
        writer.end();
    }
}

fn read_field(element: Element<'_>) -> Field {
    let owned = |value: &str| value.to_owned();
    let mut field = Field {
        var: element.attr("var").map(owned).unwrap_or_default(),
        kind: element.attr("type").map(owned),
        label: element.attr("label").map(owned),
        ..Field::default()
    };
    for child in element.children() {
        match (child.name(), child.namespace()) {
            ("value", ns::DATA_FORMS) => field.values.push(child.text().into_owned()),
            ("required", ns::DATA_FORMS) => field.required = true,
            ("option", ns::DATA_FORMS) => {
                let value = child.child("value", ns::DATA_FORMS);
                let value = value
                    .map(|value| value.text().into_owned())
                    .unwrap_or_default();
                field.options.push((child.attr("label").map(owned), value));
            }
            ("validate", ns::DATA_FORM_VALIDATION) => {
                field.open = child.child("open", ns::DATA_FORM_VALIDATION).is_some();
            }
            _ => {}
        }
    }
    field
}

fn write_field(field: &Field, writer: &mut Writer) {
    writer.start("field").attr("var", &field.var);
    writer
        .attr_opt("type", field.kind.as_deref())
        .attr_opt("label", field.label.as_deref());
    if field.required {
        writer.start("required").end();
    }
    if field.open {
        writer
            .start("validate")
            .xmlns(ns::DATA_FORM_VALIDATION)
            .attr("datatype", "xs:string");
        writer.start("open").end().end();
    }
    for value in &field.values {
        writer.leaf_text("value", None, value);
    }
    for (label, value) in &field.options {
        writer.start("option").attr_opt("label", label.as_deref());
        writer.leaf_text("value", None, value).end();
    }
    writer.end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    #[test]
    fn there_and_back() {
        let mut list = Field::new("ids", "list-multi", ["a&b", "c"]);
        list.open = true;
        list.options.push((Some("A".into()), "a&b".into()));
        let form = DataForm::new(FormKind::Form, "urn:xmpp:mam:2").with(list);
        let mut writer = Writer::new();
        form.write(&mut writer);
        let tree = Tree::parse(&writer.finish()).expect("XML");
        let read = DataForm::read(tree.root()).expect("a form");
        assert_eq!(read.form_type(), Some("urn:xmpp:mam:2"));
        assert_eq!(read, form);
    }

    #[test]
    fn what_is_no_form() {
        for text in [
            "<x xmlns='jabber:x:data'/>",
            "<x xmlns='jabber:x:data' type='other'/>",
            "<x xmlns='jabber:x:data' type='submit'><field><value>a</value></field></x>",
        ] {
            assert!(
                DataForm::read(Tree::parse(text).expect("XML").root()).is_err(),
                "{text}"
            );
        }
    }
}
