//! Properties that are tried with other examples in every run, and say how a failure is seen again.

#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Debug;
use std::hash::{BuildHasher, Hasher, RandomState};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestRunner};

/// Checks so many examples; `check` panics for one that is not as it must be.
///
/// `PROPTEST_CASES=20000` checks more of them, `PROPTEST_RNG_SEED` the same ones as another run: a failure says its seed.
pub fn check_all<S>(cases: u32, examples: &S, check: impl Fn(S::Value))
where
    S: Strategy,
    S::Value: Debug,
{
    check_from(
        RandomState::new().build_hasher().finish(),
        cases,
        examples,
        check,
    );
}

/// The same, with the same examples in every run that does not ask for others: for what is known not to hold for all of
/// them yet, so that a change is not blamed for what was there before it.
pub fn check_from<S>(usual_seed: u64, cases: u32, examples: &S, check: impl Fn(S::Value))
where
    S: Strategy,
    S::Value: Debug,
{
    let mut config = Config {
        failure_persistence: None,
        max_shrink_iters: 400,
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    let seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => usual_seed,
    };
    config.rng_seed = RngSeed::Fixed(seed);
    let cases = config.cases;
    let checked = TestRunner::new(config).run(examples, |example| {
        check(example);
        Ok(())
    });
    if let Err(failure) = checked {
        panic!("PROPTEST_RNG_SEED={seed} PROPTEST_CASES={cases} shows it again. {failure}");
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::check_all;

    #[test]
    fn a_failure_says_how_it_is_seen_again() {
        let failed = catch_unwind(|| check_all(10, &(0..100_u8), |number| assert!(number > 200)));
        let said = failed.expect_err("it fails");
        let said = said.downcast_ref::<String>().expect("in words");
        assert!(said.starts_with("PROPTEST_RNG_SEED="), "{said}");
        assert!(said.contains("minimal failing input: 0"), "{said}");
    }
}
