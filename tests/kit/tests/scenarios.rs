//! Every script in `tests/scenarios`, in memory on a virtual clock and against the binary.

use kit::house::House;
use kit::script::all;
use kit::server::Server;

fn report(failures: &[String]) {
    assert!(
        failures.is_empty(),
        "{} failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn in_memory() {
    let mut failures = Vec::new();
    for (name, script) in all() {
        let mut house = House::new(|_| {});
        if let Err(why) = script.run(&mut house) {
            failures.push(format!("{name}.scn, {why}"));
        }
    }
    report(&failures);
}

#[test]
fn against_the_binary() {
    let mut failures = Vec::new();
    for (name, script) in all() {
        let mut server = Server::start(&name, "");
        if let Err(why) = script.run(&mut server) {
            failures.push(format!("{name}.scn, {why}"));
        }
    }
    report(&failures);
}
