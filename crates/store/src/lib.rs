//! Keeping: accounts, rosters, archive and what else must outlive the process.
