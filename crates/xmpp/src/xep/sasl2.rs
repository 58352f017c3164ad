//! XEP-0388: Extensible SASL Profile, with the elements of XEP-0480 that travel in it.

use crate::condition::SaslCondition;
use crate::ns;
use crate::sasl::{SaslError, decode, encode};
use crate::sm::SmElement;
use crate::xep::bind2::Bind;
use crate::xep::fast::{Fast, IssuedToken};
use crate::xml::{Element, Stanza, Writer};

/// `<user-agent/>` (§2.3): which installation of which program logs in. Never shown to others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ClientAgent {
    /// Stable identifier of the installation, a UUID v4 by the specification; at most 128 bytes are taken.
    pub id: Option<String>,
    /// Name of the program.
    pub software: Option<String>,
    /// Name of the device.
    pub device: Option<String>,
}

/// The longest value taken from a `<user-agent/>`, bytes.
const AGENT_BYTES: usize = 128;

impl ClientAgent {
    fn read(element: Element<'_>) -> ClientAgent {
        let short =
            |text: &str| (!text.is_empty() && text.len() <= AGENT_BYTES).then(|| text.to_owned());
        let part = |name| {
            element
                .child(name, ns::SASL2)
                .and_then(|child| short(child.text().trim()))
        };
        ClientAgent {
            id: element.attr("id").and_then(short),
            software: part("software"),
            device: part("device"),
        }
    }

    fn write(&self, writer: &mut Writer) {
        if *self == ClientAgent::default() {
            return;
        }
        writer
            .start("user-agent")
            .attr_opt("id", self.id.as_deref());
        for (name, value) in [("software", &self.software), ("device", &self.device)] {
            if let Some(value) = value {
                writer.leaf_text(name, None, value);
            }
        }
        writer.end();
    }
}

/// `<authenticate/>` (§2.3).
#[derive(Debug, Clone, Default)]
pub struct Authenticate {
    /// Name of the mechanism.
    pub mechanism: String,
    /// Decoded initial response.
    pub initial_response: Option<Vec<u8>>,
    /// Who logs in.
    pub agent: ClientAgent,
    /// XEP-0480: tasks the client is ready for.
    pub upgrades: Vec<String>,
    /// XEP-0386.
    pub bind: Option<Bind>,
    /// XEP-0198 `<resume/>`: SM-ID and `h`.
    pub resume: Option<(String, u32)>,
    /// XEP-0484: the login uses a token.
    pub fast: Option<Fast>,
    /// XEP-0484: mechanism of the token that is asked for.
    pub request_token: Option<String>,
}

impl Authenticate {
    /// Reads `<authenticate/>`.
    ///
    /// # Errors
    /// [`SaslError::Malformed`] without a mechanism, [`SaslError::IncorrectEncoding`] for bad base64.
    pub fn read(element: &Stanza) -> Result<Authenticate, SaslError> {
        let tree = element.tree();
        let root = tree.root();
        let mut read = Authenticate {
            mechanism: root
                .attr("mechanism")
                .ok_or(SaslError::Malformed)?
                .to_owned(),
            ..Authenticate::default()
        };
        for child in root.children() {
            match (child.name(), child.namespace()) {
                ("initial-response", ns::SASL2) => {
                    read.initial_response = Some(decode(&child.text())?)
                }
                ("user-agent", ns::SASL2) => read.agent = ClientAgent::read(child),
                ("upgrade", ns::SASL_UPGRADE) if read.upgrades.len() < 8 => {
                    read.upgrades.push(child.text().trim().to_owned());
                }
                ("bind", ns::BIND2) => read.bind = Some(Bind::read(child)),
                ("resume", ns::STREAM_MANAGEMENT) => {
                    if let Some(SmElement::Resume { previous, h }) = SmElement::of(child) {
                        read.resume = Some((previous, h));
                    }
                }
                ("fast", ns::FAST) => read.fast = Some(Fast::read(child)),
                ("request-token", ns::FAST) => {
                    read.request_token = child.attr("mechanism").map(str::to_owned)
                }
                _ => {}
            }
        }
        Ok(read)
    }

    /// Writes `<authenticate/>`.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::with_capacity(512);
        writer
            .start("authenticate")
            .xmlns(ns::SASL2)
            .attr("mechanism", &self.mechanism);
        if let Some(response) = &self.initial_response {
            writer.leaf_text("initial-response", None, &encode(response));
        }
        self.agent.write(&mut writer);
        for task in &self.upgrades {
            writer.leaf_text("upgrade", Some(ns::SASL_UPGRADE), task);
        }
        if let Some((previous, h)) = &self.resume {
            writer.raw(
                &SmElement::Resume {
                    previous: previous.clone(),
                    h: *h,
                }
                .to_xml(),
            );
        }
        if let Some(bind) = &self.bind {
            writer.raw(&bind.to_xml());
        }
        if let Some(fast) = &self.fast {
            writer.raw(&fast.to_xml());
        }
        if let Some(mechanism) = &self.request_token {
            writer
                .start("request-token")
                .xmlns(ns::FAST)
                .attr("mechanism", mechanism)
                .end();
        }
        writer.end();
        writer.finish()
    }
}

/// `<success/>` (§2.6.1).
#[derive(Debug, Clone, Default)]
pub struct Success {
    /// Closing message of the mechanism, decoded.
    pub additional_data: Option<Vec<u8>>,
    /// Who is logged in: a bare address, or a full one when bound.
    pub identifier: String,
    /// XEP-0198's `<resumed/>` or `<failed/>`.
    pub sm: Option<SmElement>,
    /// XEP-0386's `<bound/>`: its children, raw.
    pub bound: Option<String>,
    /// XEP-0484's `<token/>`.
    pub token: Option<IssuedToken>,
}

impl Success {
    /// Writes `<success/>`.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::with_capacity(512);
        writer.start("success").xmlns(ns::SASL2);
        if let Some(data) = &self.additional_data {
            writer.leaf_text("additional-data", None, &encode(data));
        }
        writer.leaf_text("authorization-identifier", None, &self.identifier);
        if let Some(sm) = &self.sm {
            writer.raw(&sm.to_xml());
        }
        if let Some(bound) = &self.bound {
            writer.start("bound").xmlns(ns::BIND2).raw(bound).end();
        }
        if let Some(token) = &self.token {
            writer.raw(&token.to_xml());
        }
        writer.end();
        writer.finish()
    }
}

/// What a server says in this profile.
#[derive(Debug, Clone)]
pub enum ServerElement {
    /// `<challenge/>`, decoded.
    Challenge(Vec<u8>),
    /// `<success/>`
    Success(Box<Success>),
    /// `<failure/>`
    Failure {
        /// Why.
        condition: SaslCondition,
        /// Words for people.
        text: Option<String>,
    },
    /// `<continue/>`
    Continue {
        /// Closing message of the mechanism, decoded.
        additional_data: Option<Vec<u8>>,
        /// Tasks, one of which is to be done.
        tasks: Vec<String>,
    },
    /// `<task-data/>` with XEP-0480's `<salt/>`.
    Salt {
        /// Raw bytes.
        salt: Vec<u8>,
        /// PBKDF2 iterations.
        iterations: u32,
    },
}

impl ServerElement {
    /// Reads what a server sent. `None` when it is nothing of this profile or not well formed.
    pub fn read(element: &Stanza) -> Option<ServerElement> {
        if element.namespace() != ns::SASL2 {
            return None;
        }
        let tree = element.tree();
        let root = tree.root();
        let data = || match root.child("additional-data", ns::SASL2) {
            None => Some(None),
            Some(child) => decode(&child.text()).ok().map(Some),
        };
        Some(match root.name() {
            "challenge" => ServerElement::Challenge(decode(&root.text()).ok()?),
            "success" => {
                let identifier = root
                    .child("authorization-identifier", ns::SASL2)?
                    .text()
                    .trim()
                    .to_owned();
                ServerElement::Success(Box::new(Success {
                    additional_data: data()?,
                    identifier,
                    sm: root.children().find_map(SmElement::of),
                    bound: root.child("bound", ns::BIND2).map(|bound| {
                        bound
                            .children()
                            .map(|child| String::from(child.raw()))
                            .collect()
                    }),
                    token: root.child("token", ns::FAST).and_then(IssuedToken::read),
                }))
            }
            "failure" => {
                let condition = root
                    .children()
                    .filter(|child| child.namespace() == ns::SASL)
                    .find_map(|child| SaslCondition::parse(child.name()));
                ServerElement::Failure {
                    condition: condition.unwrap_or(SaslCondition::NotAuthorized),
                    text: root
                        .child("text", ns::SASL2)
                        .map(|text| text.text().into_owned()),
                }
            }
            "continue" => {
                let tasks = root.child("tasks", ns::SASL2)?;
                let tasks = tasks.children().filter(|task| task.is("task", ns::SASL2));
                let tasks = tasks.map(|task| task.text().trim().to_owned()).collect();
                ServerElement::Continue {
                    additional_data: data()?,
                    tasks,
                }
            }
            "task-data" => {
                let salt = root.child("salt", ns::SCRAM_UPGRADE)?;
                let iterations = salt.attr("iterations")?.trim().parse().ok()?;
                ServerElement::Salt {
                    salt: decode(&salt.text()).ok()?,
                    iterations,
                }
            }
            _ => return None,
        })
    }
}

/// `<continue/>` with one task (§2.6.3).
pub fn continue_with(task: &str, additional_data: Option<&[u8]>) -> String {
    let mut writer = Writer::with_capacity(256);
    writer.start("continue").xmlns(ns::SASL2);
    if let Some(data) = additional_data {
        writer.leaf_text("additional-data", None, &encode(data));
    }
    writer
        .start("tasks")
        .leaf_text("task", None, task)
        .end()
        .end();
    writer.finish()
}

/// `<task-data/>` with the salt of a SCRAM upgrade (XEP-0480 §3).
pub fn salt(salt: &[u8], iterations: u32) -> String {
    let mut writer = Writer::with_capacity(256);
    writer.start("task-data").xmlns(ns::SASL2);
    writer
        .start("salt")
        .xmlns(ns::SCRAM_UPGRADE)
        .attr("iterations", iterations.to_string());
    writer.text(&encode(salt)).end().end();
    writer.finish()
}

/// `<task-data/>` with the stretched password of a SCRAM upgrade (XEP-0480 §3).
pub fn salted_password(key: &[u8]) -> String {
    let mut writer = Writer::with_capacity(256);
    writer.start("task-data").xmlns(ns::SASL2);
    writer
        .leaf_text("hash", Some(ns::SCRAM_UPGRADE), &encode(key))
        .end();
    writer.finish()
}

/// The stretched password in a `<task-data/>` of a client.
pub fn read_salted_password(element: &Stanza) -> Option<Vec<u8>> {
    if element.name() != "task-data" || element.namespace() != ns::SASL2 {
        return None;
    }
    let tree = element.child("hash", ns::SCRAM_UPGRADE)?.tree();
    let text = tree.root().text();
    decode(&text).ok()
}
