//! Who may do what: one table, asked at every door.

use store::Role;

use crate::Words;

/// Something that not everybody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// See who has an account, with role, groups, devices and invitations.
    SeePeople,
    /// See which rooms there are, with people and configuration.
    SeeRooms,
    /// See the rules, and what is measured.
    SeeRules,
    /// See who has done what.
    SeeAudit,
    /// Make accounts, and invite to them.
    CreateAccounts,
    /// Let accounts log in, or not.
    DisableAccounts,
    /// Remove accounts with all that is kept of them.
    RemoveAccounts,
    /// Give others new passwords.
    SetPasswords,
    /// End sessions and take access from devices.
    EndSessions,
    /// Take invitations of others back.
    RevokeInvitations,
    /// Give people other names and groups.
    ChangePeople,
    /// Configure and remove rooms that are not one's own.
    ChangeRooms,
    /// Change the rules of the house.
    ChangeRules,
    /// Speak to everybody.
    Announce,
    /// Say who has which role.
    SetRoles,
}

/// What there is to say about an act.
pub struct Right {
    /// The act.
    pub act: Act,
    /// Its name in scopes of tokens and in the manual.
    pub name: &'static str,
    /// Its name for people.
    pub words: Words,
    /// The roles that may do it.
    pub roles: &'static [Role],
}

const SEE: &[Role] = &[
    Role::Auditor,
    Role::Helpdesk,
    Role::Administrator,
    Role::Owner,
];
const INSPECT: &[Role] = &[Role::Auditor, Role::Administrator, Role::Owner];
const HELP: &[Role] = &[Role::Helpdesk, Role::Administrator, Role::Owner];
const ADMINISTER: &[Role] = &[Role::Administrator, Role::Owner];
const OWN: &[Role] = &[Role::Owner];

const fn right(
    act: Act,
    name: &'static str,
    german: &'static str,
    english: &'static str,
    roles: &'static [Role],
) -> Right {
    Right {
        act,
        name,
        words: Words::new(german, english),
        roles,
    }
}

/// All acts, and who may do them.
#[rustfmt::skip]
pub static RIGHTS: &[Right] = &[
    right(Act::SeePeople, "people.see", "Personen sehen", "See people", SEE),
    right(Act::SeeRooms, "rooms.see", "Räume sehen", "See rooms", SEE),
    right(Act::SeeRules, "rules.see", "Regeln und Messwerte sehen", "See rules and figures", INSPECT),
    right(Act::SeeAudit, "audit.see", "Protokoll sehen", "See the audit log", INSPECT),
    right(Act::CreateAccounts, "people.create", "Konten anlegen, einladen", "Make accounts, invite", HELP),
    right(Act::DisableAccounts, "people.disable", "Konten sperren", "Disable accounts", HELP),
    right(Act::RemoveAccounts, "people.remove", "Konten entfernen", "Remove accounts", ADMINISTER),
    right(Act::SetPasswords, "people.passwords", "Kennwörter setzen", "Set passwords", HELP),
    right(Act::EndSessions, "people.sessions", "Abmelden, Geräte sperren", "End sessions, revoke devices", HELP),
    right(Act::RevokeInvitations, "people.invitations", "Einladungen zurückziehen", "Revoke invitations", HELP),
    right(Act::ChangePeople, "people.change", "Namen und Gruppen ändern", "Change names and groups", ADMINISTER),
    right(Act::ChangeRooms, "rooms.change", "Räume einstellen, entfernen", "Configure and remove rooms", ADMINISTER),
    right(Act::ChangeRules, "rules.change", "Regeln ändern", "Change rules", ADMINISTER),
    right(Act::Announce, "announce", "An alle schreiben", "Speak to everybody", ADMINISTER),
    right(Act::SetRoles, "roles.set", "Rollen vergeben", "Give roles", OWN),
];

impl Act {
    /// What there is to say about it.
    #[must_use]
    pub fn right(self) -> &'static Right {
        let found = RIGHTS.iter().find(|right| right.act == self);
        debug_assert!(found.is_some(), "{self:?} is not in the table");
        found.unwrap_or(&RIGHTS[RIGHTS.len() - 1])
    }

    /// Whether a role may do it.
    #[must_use]
    pub fn is_open_to(self, role: Role) -> bool {
        self.right().roles.contains(&role)
    }
}

/// Whether somebody may act upon another's account: only owners upon those who administer.
pub(super) fn reaches(role: Role, target: Role) -> bool {
    match role {
        Role::Owner => true,
        Role::Administrator => !target.administers(),
        Role::Helpdesk => target == Role::Person,
        Role::Auditor | Role::Person => false,
    }
}

/// The table for administrators.
pub(crate) fn document() -> String {
    let mut text = String::from(
        "# Roles: who may do what\n\n\
         Generated from `crates/chat/src/accounts/rights.rs`; `cargo xtask docs` writes it.\n\n\
         The same table is asked at every door: ad-hoc commands of XMPP clients, the command line, the REST interface. Whoever has \
         the command line on the server's machine is an owner. `hauspost user role NAME ROLE` gives a role; the first owner is made by \
         the link that the first start prints.\n\n\
         Upon accounts: owners reach everybody, administrators all but administrators and owners, the helpdesk only people without \
         a role. The last owner can be neither removed, disabled nor given another role. Nobody, whatever the role, can read what is \
         said in encrypted conversations.\n\n\
         | right | what | auditor | helpdesk | administrator | owner |\n|---|---|:-:|:-:|:-:|:-:|\n",
    );
    for right in RIGHTS {
        text.push_str(&format!("| `{}` | {} |", right.name, right.words.english));
        for role in &Role::ALL[1..] {
            text.push_str(if right.roles.contains(role) {
                " ● |"
            } else {
                " |"
            });
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_act_is_in_the_table_once() {
        for right in RIGHTS {
            assert_eq!(right.act.right().name, right.name);
            let same = RIGHTS.iter().filter(|other| other.name == right.name);
            assert_eq!(same.count(), 1, "{}", right.name);
        }
    }

    #[test]
    fn people_may_nothing_and_owners_everything() {
        for right in RIGHTS {
            assert!(!right.act.is_open_to(Role::Person), "{}", right.name);
            assert!(right.act.is_open_to(Role::Owner), "{}", right.name);
        }
    }

    #[test]
    fn auditors_change_nothing() {
        let seeing = [Act::SeePeople, Act::SeeRooms, Act::SeeRules, Act::SeeAudit];
        for right in RIGHTS {
            let sees = seeing.contains(&right.act);
            assert_eq!(right.act.is_open_to(Role::Auditor), sees, "{}", right.name);
        }
        assert!(
            Role::ALL
                .iter()
                .all(|target| !reaches(Role::Auditor, *target))
        );
    }

    #[test]
    fn nobody_rises_by_acting_upon_somebody_higher() {
        for (role, reached) in [
            (Role::Helpdesk, &[Role::Person][..]),
            (
                Role::Administrator,
                &[Role::Person, Role::Auditor, Role::Helpdesk],
            ),
            (Role::Owner, &Role::ALL),
        ] {
            for target in Role::ALL {
                assert_eq!(
                    reaches(role, target),
                    reached.contains(&target),
                    "{role:?} {target:?}"
                );
            }
        }
        assert!(!Act::SetRoles.is_open_to(Role::Administrator));
    }
}
