//! The test kit: scenario scripts of several parties, a virtual clock, and the parties themselves.
//!
//! A [`house::House`] is a whole messenger in memory on a virtual clock; a [`server::Server`] is the
//! real binary. [`script::Script`] runs over both.
//!
//! # How to write a script
//!
//! A script is a file `tests/scenarios/<stem>.scn`. The stem is the name of the module that it is
//! about; a second script about the same module adds a word: `subscription.pending.scn`. Its first
//! line is a comment that names the specification. `cargo test -p kit` runs all of them, in memory
//! and against the binary; `HAUSPOST_SCENARIO=carbons,roster` runs some.
//!
//! First come the parties, each with a full address. Its account is made, with the password `secret`:
//!
//! ```text
//! party romeo romeo@example.org/garden
//! party juliet juliet@example.org/balcony managed sasl2
//! ```
//!
//! `managed` switches stream management on and lets the party resume; `sasl2` logs it in by SASL2 and
//! Bind 2; `admin` makes it an administrator. Then what happens, line by line; XML is indented under its line:
//!
//! | line | |
//! |---|---|
//! | `X connects`, `X reconnects` | logs in; a managed party that was cut resumes |
//! | `X sends` | these elements, as they stand |
//! | `X receives` | the next stanzas fit these patterns, in order |
//! | `X receives in any order` | as many stanzas as there are patterns fit them, one each |
//! | `X receives nothing` | nothing has come and nothing is on its way |
//! | `X forgets` | what came so far is of no interest |
//! | `X is offered` | the stream features after login fit these patterns |
//! | `X disconnects` | closes its stream |
//! | `X is cut` | its socket is gone |
//! | `X is forsaken` | its socket is gone, but the server does not know |
//! | `X is deaf` | what is sent to it from now on is lost, until it reconnects |
//! | `X is resumed`, `X is not resumed` | whether the last login went on with the former session |
//! | `X resumes ID at H` | logs in to resume that stream, having handled H stanzas |
//! | `X resumes ID at H and fails with C` | the same, and the stream ends with condition C |
//! | `X fails to connect with C` | the login is refused, and the reason contains C |
//! | `X has password P` | it logs in with this password from now on |
//! | `X is acknowledged` | the server acknowledges all that X has sent |
//! | `X is ended with C` | the server has ended the stream with condition C (or `closed`, `cut`) |
//! | `after N seconds` | time passes; against the binary the script ends here |
//! | `with server information` | the house publishes what XEP-0485 tells; otherwise it does not |
//! | `with required encryption` | the house refuses what it could read, as by default; otherwise it does not |
//! | `only in memory` | the script is not for the binary (it needs the virtual clock or settings) |
//!
//! A pattern names what must be there; see [`pattern::fits`]. `*` is any value, `-` no such
//! attribute, `{name}` any value the first time and the same one later, also in what is sent.
//! `{romeo}` is the full address of party `romeo`, `{romeo.stream}` the id to resume by.
//! `<none name='x' xmlns='hauspost:test'/>` says that there is no child `x`. Inside `<forwarded/>`
//! write `xmlns='jabber:client'` on the message.
//!
//! The order of what comes from different senders to one party is not always given: use
//! `in any order` where the specification leaves it open, and there only.
//!
//! # Simulation and kill
//!
//! `tests/simulation.rs` plays many clients on bad networks from a seed, `tests/kill.rs` kills the
//! binary under load. Both say at their head how to repeat a failure.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test kit fails by panicking"
)]

pub mod client;
pub mod house;
pub mod pattern;
pub mod schedules;
pub mod script;
pub mod server;
