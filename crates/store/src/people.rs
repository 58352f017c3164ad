//! The list of people, as those who administer look through it: searched, sorted, in pages.

use std::sync::Arc;

use crate::{Account, Reading, Role, Store};

/// What a list of people is ordered by; then by localpart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PeopleOrder {
    /// Localpart.
    #[default]
    Name,
    /// Name for people (localpart without one), whatever its case.
    DisplayName,
    /// When the account was made.
    Created,
    /// Number of the role.
    Role,
}

/// Where a page of people ends: what it is ordered by, and the localpart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeoplePosition {
    /// The name by which it is ordered; empty where that is a number.
    pub text: Arc<str>,
    /// The number by which it is ordered: microseconds since 1970, or of the role.
    pub number: i64,
    /// The localpart.
    pub localpart: Arc<str>,
}

/// Which people are wanted; what is empty or `None` leaves nobody out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeopleQuery {
    /// Parts of localpart, name or groups, whatever their case; all of them.
    pub words: Vec<Arc<str>>,
    /// With this role.
    pub role: Option<Role>,
    /// Who may log in, or who may not.
    pub enabled: Option<bool>,
    /// In this group.
    pub group: Option<Arc<str>>,
    /// In which order.
    pub order: PeopleOrder,
    /// The other way round.
    pub descending: bool,
    /// Behind this one.
    pub after: Option<PeoplePosition>,
    /// At most so many.
    pub max: usize,
}

/// A page of people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeoplePage {
    /// The accounts.
    pub people: Vec<Account>,
    /// Where the page ends, if there are more behind it.
    pub next: Option<PeoplePosition>,
    /// How many there are in all pages together.
    pub total: u64,
}

/// A group of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSize {
    /// Its name.
    pub name: Arc<str>,
    /// How many are in it.
    pub people: u64,
}

impl Store {
    /// People by a query.
    pub fn people(&self, query: PeopleQuery) -> Reading<PeoplePage> {
        self.backend().people(query)
    }

    /// All groups that somebody is in, by name.
    pub fn groups(&self) -> Reading<Vec<GroupSize>> {
        self.backend().groups()
    }
}
