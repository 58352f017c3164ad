//! What is measured. Each scenario runs on a freshly started server with an empty store.

mod archive;
mod chat;
mod idle;
mod latency;
mod login;
mod paging;
mod rooms;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use rustls::ClientConfig;
use serde::Serialize;

use crate::client::{Client, Login};
use crate::message::Content;
use crate::servers::{DOMAIN, Kind, PASSWORD, Places, Server, Setup};

/// One kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Login {
        tls: bool,
    },
    Idle {
        tls: bool,
    },
    Chat {
        archive: bool,
        window: usize,
        content: Content,
    },
    Paging {
        messages: usize,
    },
    Latency {
        archive: bool,
    },
    /// Filling a room.
    Fill {
        occupants: usize,
    },
    /// Talking in a full room.
    Room {
        occupants: usize,
    },
}

/// A named piece of work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) work: Work,
}

const fn chat(
    name: &'static str,
    title: &'static str,
    archive: bool,
    window: usize,
    content: Content,
) -> Scenario {
    Scenario {
        name,
        title,
        work: Work::Chat {
            archive,
            window,
            content,
        },
    }
}

/// All scenarios, in the order in which they run: latency takes its load from what the peers reached in `chat-w16`.
pub(crate) const ALL: &[Scenario] = &[
    Scenario {
        name: "login-plain",
        title: "logins over plain TCP",
        work: Work::Login { tls: false },
    },
    Scenario {
        name: "login-tls",
        title: "logins with STARTTLS, full handshake",
        work: Work::Login { tls: true },
    },
    Scenario {
        name: "idle-plain",
        title: "memory of an idle session, plain TCP",
        work: Work::Idle { tls: false },
    },
    Scenario {
        name: "idle-tls",
        title: "memory of an idle session, TLS",
        work: Work::Idle { tls: true },
    },
    chat(
        "chat-w1",
        "chat, 200-byte bodies, one in flight per pair, archive on",
        true,
        1,
        Content::Text,
    ),
    chat(
        "chat-w16",
        "chat, 200-byte bodies, 16 in flight per pair, archive on",
        true,
        16,
        Content::Text,
    ),
    chat(
        "chat-off-w1",
        "chat, 200-byte bodies, one in flight per pair, archive off",
        false,
        1,
        Content::Text,
    ),
    chat(
        "chat-off-w16",
        "chat, 200-byte bodies, 16 in flight per pair, archive off",
        false,
        16,
        Content::Text,
    ),
    chat(
        "omemo-w1",
        "chat, 1.4 KB OMEMO, one in flight per pair, archive on",
        true,
        1,
        Content::Omemo,
    ),
    chat(
        "omemo-w16",
        "chat, 1.4 KB OMEMO, 16 in flight per pair, archive on",
        true,
        16,
        Content::Omemo,
    ),
    Scenario {
        name: "paging-1k",
        title: "archive pages of 50, 1,000 messages",
        work: Work::Paging { messages: 1_000 },
    },
    Scenario {
        name: "paging-10k",
        title: "archive pages of 50, 10,000 messages",
        work: Work::Paging { messages: 10_000 },
    },
    Scenario {
        name: "paging-100k",
        title: "archive pages of 50, 100,000 messages",
        work: Work::Paging { messages: 100_000 },
    },
    Scenario {
        name: "paging-1m",
        title: "archive pages of 50, 1,000,000 messages",
        work: Work::Paging {
            messages: 1_000_000,
        },
    },
    Scenario {
        name: "latency",
        title: "p99 at equal offered load, archive on",
        work: Work::Latency { archive: true },
    },
    Scenario {
        name: "latency-off",
        title: "p99 at equal offered load, archive off",
        work: Work::Latency { archive: false },
    },
    Scenario {
        name: "room-fill",
        title: "filling a room with 1,000 occupants",
        work: Work::Fill { occupants: 1_000 },
    },
    Scenario {
        name: "room-200",
        title: "a room of 200, 200-byte bodies, archive on",
        work: Work::Room { occupants: 200 },
    },
    Scenario {
        name: "room-1000",
        title: "a room of 1,000, 200-byte bodies, archive on",
        work: Work::Room { occupants: 1_000 },
    },
];

impl Work {
    /// Whether this work can be put to `kind` at all.
    pub(crate) fn suits(self, kind: Kind) -> bool {
        match (kind, self) {
            (Kind::Forwarder, Self::Chat { archive, .. } | Self::Latency { archive }) => !archive,
            (Kind::Forwarder, _) => false,
            (Kind::Prosody | Kind::Ejabberd, Self::Paging { messages }) => messages <= 100_000,
            _ => true,
        }
    }

    /// What the main figure counts, and whether more of it is better.
    pub(crate) fn unit(self) -> (&'static str, bool) {
        match self {
            Self::Login { .. } => ("logins / server CPU s", true),
            Self::Idle { .. } => ("KiB / session", false),
            Self::Chat { .. } => ("messages / server CPU s", true),
            Self::Paging { .. } => ("pages / server CPU s", true),
            Self::Latency { .. } => ("µs p99", false),
            Self::Fill { .. } => ("server CPU s", false),
            Self::Room { .. } => ("copies / server CPU s", true),
        }
    }
}

/// How much of it.
#[derive(Clone)]
pub(crate) struct Extent {
    /// Length of a timed scenario.
    pub(crate) duration: Duration,
    pub(crate) pairs: usize,
    pub(crate) idle_sessions: usize,
    /// Messages per second in all of the latency scenarios with and without archive; known once the peers' capacity is.
    pub(crate) offered: [Option<f64>; 2],
    pub(crate) tls: Arc<ClientConfig>,
}

/// What came of one scenario on one server.
#[derive(Clone, Serialize)]
pub(crate) struct Outcome {
    pub(crate) scenario: &'static str,
    pub(crate) server: Kind,
    /// The figure of [`Work::unit`]; none when the scenario failed.
    pub(crate) figure: Option<f64>,
    /// Everything else that was measured, by name and unit.
    pub(crate) details: BTreeMap<&'static str, f64>,
    pub(crate) note: String,
}

/// What a scenario returns: the figure, the details, and a note.
pub(crate) struct Measured {
    figure: f64,
    details: BTreeMap<&'static str, f64>,
    note: String,
}

/// Starts a server, puts the work to it and stops it again.
pub(crate) async fn run(
    scenario: &Scenario,
    kind: Kind,
    places: &Places,
    extent: &Extent,
) -> Outcome {
    match measure(scenario.work, kind, places, extent).await {
        Ok(measured) => Outcome {
            scenario: scenario.name,
            server: kind,
            figure: Some(measured.figure),
            details: measured.details,
            note: measured.note,
        },
        Err(error) => Outcome {
            scenario: scenario.name,
            server: kind,
            figure: None,
            details: BTreeMap::new(),
            note: format!("failed: {error:#}"),
        },
    }
}

async fn measure(work: Work, kind: Kind, places: &Places, extent: &Extent) -> Result<Measured> {
    let accounts = match work {
        Work::Login { .. } => 200,
        Work::Idle { .. } => extent.idle_sessions,
        Work::Chat { .. } | Work::Latency { .. } => extent.pairs * 2,
        Work::Paging { .. } => 2,
        Work::Fill { occupants } | Work::Room { occupants } => occupants,
    };
    let archive = !matches!(
        work,
        Work::Chat { archive: false, .. } | Work::Latency { archive: false }
    );
    let archived = if let Work::Paging { messages } = work {
        messages
    } else {
        0
    };
    let server = Server::start(
        kind,
        places,
        &Setup {
            accounts,
            archive,
            archived,
        },
    )
    .await?;
    let memory = server.process.memory();
    let mut measured = match work {
        Work::Login { tls } => login::run(&server, extent, tls, accounts).await,
        Work::Idle { tls } => idle::run(&server, extent, tls).await,
        Work::Chat {
            archive,
            window,
            content,
        } => chat::run(&server, extent, archive, window, content).await,
        Work::Paging { messages } => paging::run(&server, extent, messages).await,
        Work::Latency { archive } => latency::run(&server, extent, archive).await,
        Work::Fill { occupants } => rooms::fill(&server, occupants).await,
        Work::Room { occupants } => rooms::talk(&server, extent, occupants).await,
    }?;
    measured
        .details
        .insert("start_ms", server.start.as_secs_f64() * 1e3);
    measured
        .details
        .insert("fresh_rss_mib", memory.resident_kib as f64 / 1024.0);
    measured
        .details
        .insert("fresh_pss_mib", memory.proportional_kib as f64 / 1024.0);
    measured.details.insert(
        "end_rss_mib",
        server.process.memory().resident_kib as f64 / 1024.0,
    );
    server.stop();
    Ok(measured)
}

/// Logs `username` in with resource `load`, in the way the extent says.
async fn session(
    server: &Server,
    username: &str,
    tls: Option<Arc<ClientConfig>>,
) -> Result<Client> {
    let login = Login {
        address: server.address,
        domain: DOMAIN,
        username,
        password: PASSWORD,
        resource: "load",
        tls,
    };
    Client::log_in(&login).await
}

/// As [`session`], and then what a client does first: asks for its roster and becomes available.
async fn available_session(
    server: &Server,
    username: &str,
    tls: Option<Arc<ClientConfig>>,
) -> Result<Client> {
    let mut client = session(server, username, tls).await?;
    client
        .send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>")
        .await?;
    let roster = client
        .answer(&["</iq>", "id='roster'/>", "id=\"roster\"/>"])
        .await?;
    if roster.contains("type='error'") || roster.contains("type=\"error\"") {
        bail!("no roster: {roster}");
    }
    client.send("<presence/>").await?;
    // The answer to a ping comes after everything that the presence set off.
    client
        .send(&format!(
            "<iq type='get' id='settled' to='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>"
        ))
        .await?;
    client.answer(&["id='settled'", "id=\"settled\""]).await?;
    client.answer(&[">"]).await?;
    Ok(client)
}

/// Both ends of every pair, available and with nothing left to read. Pair `n` is `u(2n)` and `u(2n+1)`.
async fn pairs(server: &Server, count: usize) -> Result<Vec<(Client, Client)>> {
    let mut pairs = Vec::with_capacity(count);
    for number in 0..count {
        let (left, right) = if server.kind == Kind::Forwarder {
            let mut ends = Vec::new();
            for _ in 0..2 {
                let mut client = Client::connect(server.address).await?;
                client.send(&format!("pair{number}\n")).await?;
                ends.push(client);
            }
            match (ends.pop(), ends.pop()) {
                (Some(left), Some(right)) => (left, right),
                _ => bail!("a pair without ends"),
            }
        } else {
            let left = available_session(server, &format!("u{}", number * 2), None).await?;
            (
                left,
                available_session(server, &format!("u{}", number * 2 + 1), None).await?,
            )
        };
        pairs.push((left, right));
    }
    for (left, right) in &mut pairs {
        left.take_received();
        right.take_received();
    }
    Ok(pairs)
}

/// The address of `u<number>`.
fn address(number: usize) -> String {
    format!("u{number}@{DOMAIN}")
}
