//! The macro that makes one configuration section out of one annotated struct: the doc comments are the manual.

/// What the manual says of one key.
#[derive(Clone, Debug)]
pub(super) struct KeyDoc {
    /// The key itself.
    pub key: &'static str,
    /// The doc comment, lines joined by `\n`.
    pub doc: String,
    /// The default as TOML text.
    pub default: String,
}

/// What the manual says of one section.
#[derive(Clone, Debug)]
pub(super) struct SectionDoc {
    /// Section path, such as `policy.encryption`; empty for the root.
    pub section: String,
    /// The doc comment.
    pub doc: String,
    /// Its keys, in order.
    pub keys: Vec<KeyDoc>,
}

/// A section that can describe itself.
pub(super) trait Described {
    /// Appends the description of this section and of those inside it.
    fn describe(path: &str, doc: &str, out: &mut Vec<SectionDoc>);
}

/// Doc comment lines as one text, without the blank that follows `///`.
pub(super) fn join_doc(lines: &[&str]) -> String {
    let trimmed: Vec<&str> = lines
        .iter()
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    trimmed.join("\n").trim().to_owned()
}

/// The TOML text of a default.
pub(super) fn toml_text<T: serde::Serialize>(value: &T) -> String {
    match toml::Value::try_from(value) {
        Ok(value) => value.to_string(),
        Err(_) => String::new(),
    }
}

/// Makes a struct with serde, `Default` and [`Described`] from keys (`name: Type = default`) and inner sections.
macro_rules! section {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident {
            $( $(#[doc = $key_doc:literal])* $key:ident : $type:ty = $default:expr, )*
        }
        sections {
            $( $(#[doc = $sub_doc:literal])* $sub:ident : $sub_type:ty, )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $( $(#[doc = $key_doc])* pub $key: $type, )*
            $(
                $(#[doc = $sub_doc])*
                #[allow(missing_docs, reason = "the section has words of its own")]
                pub $sub: $sub_type,
            )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $key: $default, )* $( $sub: Default::default(), )* }
            }
        }

        impl $crate::config::section::Described for $name {
            fn describe(path: &str, doc: &str, out: &mut Vec<$crate::config::section::SectionDoc>) {
                #[allow(unused_variables, reason = "a section may hold inner sections only")]
                let defaults = Self::default();
                let own: &[&str] = &[$($doc),*];
                let own = $crate::config::section::join_doc(own);
                out.push($crate::config::section::SectionDoc {
                    section: path.to_owned(),
                    doc: if doc.is_empty() { own } else { doc.to_owned() },
                    keys: vec![ $( $crate::config::section::KeyDoc {
                        key: stringify!($key),
                        doc: $crate::config::section::join_doc(&[$($key_doc),*]),
                        default: $crate::config::section::toml_text(&defaults.$key),
                    }, )* ],
                });
                $(
                    let inner = if path.is_empty() {
                        stringify!($sub).to_owned()
                    } else {
                        format!("{path}.{}", stringify!($sub))
                    };
                    let doc = $crate::config::section::join_doc(&[$($sub_doc),*]);
                    <$sub_type as $crate::config::section::Described>::describe(&inner, &doc, out);
                )*
            }
        }
    };
    ($(#[doc = $doc:literal])* pub struct $name:ident { $($body:tt)* }) => {
        $crate::config::section::section! { $(#[doc = $doc])* pub struct $name { $($body)* } sections {} }
    };
}
pub(crate) use section;
