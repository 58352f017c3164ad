//! `serve --demo`: a small lively organisation to try.

use store::Store;

use crate::config::Config;

/// Fills an empty store; one that holds people is left as it is.
pub(crate) async fn fill(_store: &Store, _config: &Config) -> anyhow::Result<()> {
    Ok(())
}
