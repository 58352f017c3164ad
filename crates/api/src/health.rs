//! Whether the server works, and whether it should be given clients.

use std::sync::{PoisonError, RwLock};

/// Where the process stands in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Doors are not open yet.
    #[default]
    Starting,
    /// Taking clients.
    Serving,
    /// Closing streams; no new clients.
    Stopping,
}

type Check = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Life phase and further checks of readiness.
#[derive(Default)]
pub struct Health {
    phase: RwLock<Phase>,
    checks: RwLock<Vec<Check>>,
}

impl Health {
    /// Enters a phase.
    pub fn enter(&self, phase: Phase) {
        *self.phase.write().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    /// Adds a check that is asked at each readiness probe; it must not block. Its error is shown to the asker.
    pub fn add_check(&self, check: impl Fn() -> Result<(), String> + Send + Sync + 'static) {
        self.checks
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::new(check));
    }

    /// Whether clients should be sent here.
    ///
    /// # Errors
    /// Why not.
    pub fn verdict(&self) -> Result<(), String> {
        match *self.phase.read().unwrap_or_else(PoisonError::into_inner) {
            Phase::Starting => return Err("starting".to_owned()),
            Phase::Stopping => return Err("stopping".to_owned()),
            Phase::Serving => {}
        }
        self.checks
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .try_for_each(|check| check())
    }
}
