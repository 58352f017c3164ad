//! What a device waits for, natively and in WebAssembly: encrypting for many, the first sight of the conversation list,
//! catching up.
//!
//! `cargo run --release -p speed` prints the figures of this machine. The same program for `wasm32-unknown-unknown`
//! has no clock: each call of its `main` does one step, and `measure.mjs` (node) looks at the clock around it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement fails by panicking and tells figures"
)]

mod catch_up;
mod conversation_list;
mod device;
mod encrypt;
mod server;
#[path = "../../../crates/omemo/tests/world/mod.rs"]
mod world;

/// How often a step of each kind is measured.
const TIMES: usize = 15;

/// What is measured, by its order in the program: `measure.mjs` has the same list.
#[cfg(not(target_arch = "wasm32"))]
const KINDS: [&str; 4] = [
    "encrypting for 300 devices",
    "encrypting for 300 devices, sessions started with it",
    "list of 1,000 conversations from storage",
    "catch-up of 10,000 archived encrypted messages",
];

/// What is done next, one step at a time.
enum Step {
    /// Preparing; its time is of no interest.
    Prepare(Box<dyn FnOnce() -> Vec<Step>>),
    /// One measurement of the kind with this number.
    Measure(u8, Box<dyn FnOnce()>),
}

fn all() -> Vec<Step> {
    vec![
        Step::Prepare(Box::new(encrypt::steps)),
        Step::Prepare(Box::new(conversation_list::steps)),
        Step::Prepare(Box::new(catch_up::steps)),
    ]
}

/// Prints a line for each kind: least, median and most, in milliseconds.
#[cfg(not(target_arch = "wasm32"))]
fn main() {
    use std::time::Instant;

    let mut open = all();
    let mut times: [Vec<f64>; KINDS.len()] = Default::default();
    while !open.is_empty() {
        match open.remove(0) {
            Step::Prepare(prepare) => {
                let mut first = prepare();
                first.append(&mut open);
                open = first;
            }
            Step::Measure(kind, measure) => {
                let began = Instant::now();
                measure();
                times[usize::from(kind)].push(began.elapsed().as_secs_f64() * 1_000.0);
            }
        }
    }
    for (name, times) in KINDS.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let (least, median) = (times[0], times[times.len() / 2]);
        let most = times[times.len() - 1];
        println!("{name}: {least:.2} / {median:.2} / {most:.2} ms");
    }
}

#[cfg(target_arch = "wasm32")]
thread_local! {
    static OPEN: std::cell::RefCell<Option<Vec<Step>>> = const { std::cell::RefCell::new(None) };
}

/// Does one step. Gives 0 when nothing is left, 1 after a preparation, 2 and more for a measurement.
#[cfg(target_arch = "wasm32")]
fn main() -> std::process::ExitCode {
    let mut open = OPEN.take().unwrap_or_else(all);
    let done = if open.is_empty() {
        0
    } else {
        match open.remove(0) {
            Step::Prepare(prepare) => {
                let mut first = prepare();
                first.append(&mut open);
                open = first;
                1
            }
            Step::Measure(kind, measure) => {
                measure();
                2 + kind
            }
        }
    };
    OPEN.set(Some(open));
    std::process::ExitCode::from(done)
}
