//! `[identity]`: where people come from besides this server's own accounts.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use super::section::section;

section! {
    /// Where people come from besides this server's own accounts; `docs/identity.md` says how it works together.
    pub struct Identity {}
    sections {
        ldap: Ldap,
    }
}

/// The product behind LDAP: what attributes and filters are when nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LdapKind {
    /// OpenLDAP, 389 Directory Server and others that follow the standards.
    Standard,
    /// Microsoft Active Directory, or Samba's.
    ActiveDirectory,
}

/// How it is found out which groups somebody is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LdapNesting {
    /// By the members of all groups; groups within groups are followed here.
    Members,
    /// By what people and groups say they are members of (`memberOf`); followed here.
    MemberOf,
    /// By Active Directory's own rule, one search for each group.
    InChain,
    /// By the members of all groups; a group within a group counts for nothing.
    Direct,
}

/// Which rooms groups of a directory get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupRooms {
    /// None by themselves.
    None,
    /// Rooms for the people of the group.
    Members,
    /// Rooms in the public list that everybody here may enter.
    Open,
}

section! {
    /// A directory (LDAP, Active Directory) that keeps people, groups and passwords. Its people have accounts here by
    /// themselves, and whoever is not in it any more is shut out at once. `hauspost directory check` tries the settings,
    /// `hauspost directory sync --dry-run` shows what they would do. A change applies on SIGHUP.
    pub struct Ldap {
        /// Servers with the same content, tried in this order, such as `["ldaps://dc1.example.org", "ldap://dc2.example.org"]`.
        /// With `ldap://` StartTLS is demanded. Empty: no directory.
        servers: Vec<String> = Vec::new(),
        /// `"standard"` (OpenLDAP and others) or `"active-directory"`: what stands for keys below that are empty.
        kind: LdapKind = LdapKind::Standard,
        /// PEM file with the authorities that have signed the certificates of the servers. Empty: those of the system.
        ca: PathBuf = PathBuf::new(),
        /// Talk `ldap://` without TLS. Passwords go over the wire as they are: only on this machine, or for a test.
        without_tls: bool = false,
        /// Name of the account that looks people up, such as `"cn=hauspost,ou=services,dc=example,dc=org"`; it needs to read, no
        /// more. Empty: anonymously.
        bind_dn: String = String::new(),
        /// Its password. Better in the environment (`HAUSPOST__IDENTITY__LDAP__BIND_PASSWORD`) or in `bind_password_file`.
        bind_password: Secret = Secret::default(),
        /// File with its password in the first line.
        bind_password_file: PathBuf = PathBuf::new(),
        /// Where people stand, such as `"ou=people,dc=example,dc=org"`; with all below.
        base: String = String::new(),
        /// Who has an account here. Whoever does not fit is shut out: leave people out by it who are disabled in the directory.
        /// Empty: `"(objectClass=inetOrgPerson)"`, with Active Directory
        /// `"(&(objectCategory=person)(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))"`.
        filter: String = String::new(),
        /// Seconds that an answer may take.
        timeout_seconds: u32 = 10,
        /// Entries of one page (RFC 2696).
        page_entries: u32 = 500,
        /// Minutes between two synchronisations; 0: only by `hauspost directory sync`.
        sync_minutes: u32 = 15,
        /// If one synchronisation would shut out more than so many per cent of the people, it shuts out nobody and says so: a wrong
        /// filter must not empty the house. One person may always go.
        /// `hauspost directory sync --shut-out-many` does it all the same.
        shut_out_percent: u32 = 10,
        /// Logins that may wait for the directory at once.
        logins_at_once: u32 = 32,
        /// A directory takes passwords as they are, so its people log in by PLAIN inside TLS, and SCRAM is offered to accounts of this
        /// server alone. Programs that do not say for whom they open their stream are offered PLAIN alone; with `true` SCRAM as well,
        /// by which people of the directory can use app passwords but not their own.
        scram_for_unnamed: bool = false,
    }
    sections {
        attributes: LdapAttributes,
        groups: LdapGroups,
    }
}

section! {
    /// Attributes of people. Empty ones: see each.
    pub struct LdapAttributes {
        /// What stays the same for as long as the person is there. Empty: `"entryUUID"`, with Active Directory `"objectGUID"`.
        id: String = String::new(),
        /// The part before the @. Empty: `"uid"`, with Active Directory `"sAMAccountName"`.
        name: String = String::new(),
        /// Name for people.
        display_name: String = "displayName".to_owned(),
        /// Mail address, for the card (XEP-0054). Empty: none.
        mail: String = "mail".to_owned(),
        /// When the password was changed last. If that is another time than before, the synchronisation ends what the old password
        /// has let in: sessions, tokens, app passwords. Empty: `"pwdChangedTime"` (OpenLDAP with the overlay `ppolicy`), with Active
        /// Directory `"pwdLastSet"`.
        password_changed: String = String::new(),
        /// Picture (JPEG or PNG) that a new person starts with. Empty: `"jpegPhoto"`, with Active Directory `"thumbnailPhoto"`; `"-"` for none.
        avatar: String = String::new(),
    }
}

section! {
    /// Groups of the directory, which become groups of people here: departments with their rooms.
    pub struct LdapGroups {
        /// Where groups stand, with all below. Empty: no groups from the directory.
        base: String = String::new(),
        /// Which groups count. Empty: `"(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))"`, with
        /// Active Directory `"(objectCategory=group)"`.
        filter: String = String::new(),
        /// Attribute with the group's name.
        name: String = "cn".to_owned(),
        /// Attribute with its members: names of entries (`member`, `uniqueMember`) or of people (`memberUid`).
        member: String = "member".to_owned(),
        /// Groups within groups: `"members"` and `"member-of"` follow them here, `"in-chain"` lets Active Directory do it, `"direct"`
        /// takes no notice of them.
        nesting: LdapNesting = LdapNesting::Members,
        /// Give each group that somebody here is in a department's room: `"members"` for its people, `"open"` for everybody here,
        /// `"none"`. A group has its room made once, owned by an owner of this server; who removes it does not get it back. A room
        /// that somebody has bound to the group before is its room.
        rooms: GroupRooms = GroupRooms::None,
    }
}

impl Ldap {
    /// Whether there is a directory.
    pub fn is_on(&self) -> bool {
        !self.servers.is_empty()
    }

    fn or<'a>(&self, written: &'a str, standard: &'a str, active: &'a str) -> &'a str {
        match (written, self.kind) {
            ("", LdapKind::Standard) => standard,
            ("", LdapKind::ActiveDirectory) => active,
            (written, _) => written,
        }
    }

    /// The filter for people.
    pub fn people_filter(&self) -> &str {
        self.or(
            &self.filter,
            "(objectClass=inetOrgPerson)",
            "(&(objectCategory=person)(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))",
        )
    }

    /// The attribute with what stays the same.
    pub fn id_attribute(&self) -> &str {
        self.or(&self.attributes.id, "entryUUID", "objectGUID")
    }

    /// The attribute with the part before the @.
    pub fn name_attribute(&self) -> &str {
        self.or(&self.attributes.name, "uid", "sAMAccountName")
    }

    /// The attribute with the time of the last change of the password.
    pub fn password_changed_attribute(&self) -> &str {
        let written = &self.attributes.password_changed;
        self.or(written, "pwdChangedTime", "pwdLastSet")
    }

    /// The attribute with the picture, if pictures are taken.
    pub fn avatar_attribute(&self) -> Option<&str> {
        let name = self.or(&self.attributes.avatar, "jpegPhoto", "thumbnailPhoto");
        (name != "-").then_some(name)
    }

    /// The filter for groups.
    pub fn groups_filter(&self) -> &str {
        self.or(
            &self.groups.filter,
            "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))",
            "(objectCategory=group)",
        )
    }
}
