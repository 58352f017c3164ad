//! The table (Markdown, ready for docs/performance.md) and the JSON file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::process::Machine;
use crate::scenarios::{Outcome, Scenario};
use crate::servers::Kind;

/// A server that took part.
#[derive(Serialize)]
pub(crate) struct Participant {
    pub(crate) server: Kind,
    pub(crate) version: String,
    pub(crate) durability: &'static str,
}

/// A whole run.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) seconds_per_scenario: f64,
    pub(crate) pairs: usize,
    pub(crate) participants: Vec<Participant>,
    pub(crate) outcomes: Vec<Outcome>,
}

impl Report {
    /// The figure that `server` reached in `scenario`.
    pub(crate) fn figure(&self, scenario: &str, server: Kind) -> Option<f64> {
        self.outcomes
            .iter()
            .find(|outcome| outcome.scenario == scenario && outcome.server == server)?
            .figure
    }

    /// The best figure of a peer, among those that measured this scenario.
    fn better_peer(&self, scenario: &Scenario) -> Option<f64> {
        let more = scenario.work.unit().1;
        self.outcomes
            .iter()
            .filter(|outcome| outcome.scenario == scenario.name && outcome.server.is_peer())
            .filter_map(|outcome| outcome.figure)
            .reduce(|best, next| if more { best.max(next) } else { best.min(next) })
    }

    /// How many times better hauspost is than the better peer.
    fn ratio(&self, scenario: &Scenario) -> Option<f64> {
        let (ours, theirs) = (
            self.figure(scenario.name, Kind::Hauspost)?,
            self.better_peer(scenario)?,
        );
        Some(if scenario.work.unit().1 {
            ours / theirs
        } else {
            theirs / ours
        })
    }

    /// How many times better the forwarder is than hauspost.
    fn ceiling(&self, scenario: &Scenario) -> Option<f64> {
        let (ours, ceiling) = (
            self.figure(scenario.name, Kind::Hauspost)?,
            self.figure(scenario.name, Kind::Forwarder)?,
        );
        Some(if scenario.work.unit().1 {
            ceiling / ours
        } else {
            ours / ceiling
        })
    }

    /// Everything, as Markdown.
    pub(crate) fn markdown(&self, scenarios: &[&Scenario]) -> String {
        let mut text = String::new();
        let machine = &self.machine;
        let _ = writeln!(
            text,
            "{}, {} cores, Linux {}, data on {}; {} s per scenario, {} pairs.\n",
            machine.processor,
            machine.cores,
            machine.kernel,
            machine.file_system,
            self.seconds_per_scenario,
            self.pairs
        );
        text.push_str(
            "| server | version | what \"delivered\" means with archive on |\n|---|---|---|\n",
        );
        for participant in &self.participants {
            let _ = writeln!(
                text,
                "| {} | {} | {} |",
                participant.server.name(),
                participant.version,
                participant.durability
            );
        }
        text.push_str("\n| scenario | unit |");
        for participant in &self.participants {
            let _ = write!(text, " {} |", participant.server.name());
        }
        text.push_str(" hauspost / better peer | forwarder / hauspost |\n|---|---|");
        text.push_str(&"---:|".repeat(self.participants.len() + 2));
        text.push('\n');
        for scenario in scenarios {
            let _ = write!(text, "| {} | {} |", scenario.title, scenario.work.unit().0);
            for participant in &self.participants {
                let _ = write!(
                    text,
                    " {} |",
                    cell(self.figure(scenario.name, participant.server))
                );
            }
            let times = |ratio: Option<f64>| {
                ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.1} ×"))
            };
            let _ = writeln!(
                text,
                " {} | {} |",
                times(self.ratio(scenario)),
                times(self.ceiling(scenario))
            );
        }
        text.push_str("\n| scenario | server | details |\n|---|---|---|\n");
        for outcome in &self.outcomes {
            let _ = writeln!(
                text,
                "| {} | {} | {}{} |",
                outcome.scenario,
                outcome.server.name(),
                details(&outcome.details),
                note(outcome)
            );
        }
        text
    }
}

fn note(outcome: &Outcome) -> String {
    if outcome.note.is_empty() {
        String::new()
    } else {
        format!("; {}", outcome.note.replace(['\n', '|'], " "))
    }
}

fn details(details: &BTreeMap<&'static str, f64>) -> String {
    details
        .iter()
        .map(|(name, value)| format!("{name} {}", number(*value)))
        .collect::<Vec<_>>()
        .join(", ")
}

fn cell(figure: Option<f64>) -> String {
    figure.map_or_else(|| "–".to_owned(), number)
}

/// Three significant digits, thousands apart.
pub(crate) fn number(value: f64) -> String {
    if value < 10.0 {
        return format!("{value:.2}");
    }
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
