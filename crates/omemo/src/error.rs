//! What stops an operation as a whole. What is wrong with a message or a device is no error but an outcome.

use crate::codec::StateError;
use crate::crypto::KeyError;

/// The operation was not done, and nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum Error<E: std::error::Error + 'static> {
    /// The store failed.
    #[error("the key store failed: {0}")]
    Store(#[source] E),
    /// A record in the store cannot be read.
    #[error("the key store's record {record} cannot be read: {fault}")]
    State {
        /// Its name.
        record: String,
        /// What is wrong with it.
        fault: StateError,
    },
    /// The randomness that was brought gave a key that is none. It happens once in 2^250 times, or with a source
    /// that is broken.
    #[error("the source of randomness is broken: {0}")]
    Randomness(#[from] KeyError),
}
