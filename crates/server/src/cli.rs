//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// An organisation's own messenger: the server and its administration.
#[derive(Debug, Parser)]
#[command(name = "hauspost", version, propagate_version = true)]
pub struct Cli {
    /// Configuration file [default: hauspost.toml in the working directory, if there is one]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Folder that holds everything the server keeps (overrides `data_dir`)
    #[arg(long, value_name = "DIR", global = true)]
    pub data: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server
    Serve(Serve),
    /// People: add, change, list, remove, import
    #[command(subcommand)]
    User(User),
    /// Check configuration, data folder, store, certificate, DNS and ports; each with a verdict and the mend
    Check {
        /// Read every kept entry, not only the structure
        #[arg(long)]
        full: bool,
        /// Compare the audit log with a head that was noted elsewhere; may be given more than once
        #[arg(long, value_name = "NUMBER:DIGEST")]
        audit_head: Vec<String>,
    },
    /// The audit log: who changed what
    #[command(subcommand)]
    Audit(Audit),
    /// Tokens of the REST interface
    #[command(subcommand)]
    Token(Token),
    /// The directory that people come from (LDAP)
    #[command(subcommand)]
    Directory(Directory),
    /// Copy everything the server keeps into a new folder; works while it runs
    Backup {
        /// Folder to make
        dest: PathBuf,
    },
    /// Put a backup in place of what is kept; a running server makes way for it, and what was there is kept beside it
    Restore {
        /// Folder that `backup` made; with `--at`, the folder of `backup.folder`
        src: PathBuf,
        /// Take the newest of the server's own backups that is not later, such as 2026-11-24T09:30:00Z; or `latest`
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// Only try it, in a folder of its own: open it, read every message and every file
        #[arg(long)]
        drill: bool,
    },
    /// Write all accounts with rosters, messages, keys and the rest into an XEP-0227 document, for this or another server
    Export {
        /// New file; or a folder to make, when it ends with `/`
        target: PathBuf,
        /// Make a folder with one file for each person
        #[arg(long)]
        folder: bool,
    },
    /// Take accounts from an XEP-0227 document, such as Prosody and ejabberd write; those that exist stay as they are
    Import {
        /// Document, or folder that `export` made
        source: PathBuf,
    },
    /// Print the configuration that is in force
    Config {
        /// Print a file to start from, every key with its words and default
        #[arg(long, conflicts_with = "manual")]
        default: bool,
        /// Print the manual page of all keys
        #[arg(long)]
        manual: bool,
    },
}

/// How to serve.
#[derive(Debug, Args)]
pub struct Serve {
    /// Fill an empty store with a small lively organisation to try
    #[arg(long)]
    pub demo: bool,
}

/// People.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Add a person; asks for the password
    Add {
        /// Name before the @
        name: String,
        /// Owns the server: administers it, and says who else does (as `--role owner`)
        #[arg(long, conflicts_with = "role")]
        admin: bool,
        /// Role: person, auditor, helpdesk, administrator or owner
        #[arg(long)]
        role: Option<String>,
        /// Name for people
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
        /// Take the password from standard input (its first line)
        #[arg(long)]
        password_stdin: bool,
    },
    /// Set a new password, and sign the person out everywhere
    Passwd {
        /// Name before the @
        name: String,
        /// Take the password from standard input (its first line)
        #[arg(long)]
        password_stdin: bool,
    },
    /// List all people: name, state, role, name for people, groups; tabs between
    List,
    /// Forbid login and end all sessions; everything is kept
    Disable {
        /// Name before the @
        name: String,
    },
    /// Allow login again
    Enable {
        /// Name before the @
        name: String,
    },
    /// Put a person into these groups (departments) and out of all others; without any, show them
    Groups {
        /// Name before the @
        name: String,
        /// Names of groups
        #[arg(value_name = "GROUP")]
        groups: Vec<String>,
        /// Out of every group
        #[arg(long, conflicts_with = "groups")]
        none: bool,
    },
    /// Give a person a role, or show it: person, auditor, helpdesk, administrator, owner
    Role {
        /// Name before the @
        name: String,
        /// The new role
        role: Option<String>,
    },
    /// List what has access to a person's account: id, kind, connected or not, first and last seen, program, device; tabs between
    Access {
        /// Name before the @
        name: String,
    },
    /// Take access back: an app password, a device or a session ends at once
    Revoke {
        /// Name before the @
        name: String,
        /// Id, as in the list
        id: String,
    },
    /// Remove a person with all that is kept for them
    Remove {
        /// Name before the @
        name: String,
    },
    /// Make a link with which one person makes an account, in a browser or a program
    Invite {
        /// Name before the @ that it is for; without, the person chooses
        name: Option<String>,
        /// Days that it works [default: registration.invitation_days]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: Option<u32>,
        /// How many people may use it
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000), conflicts_with = "name")]
        uses: u32,
    },
    /// List invitations: id, state, use, end, kind, name, who invites; tabs between
    Invitations,
    /// Take an invitation back
    Uninvite {
        /// Id, as in the list
        id: String,
    },
    /// Add many people from a CSV file: name,password[,display name,groups], groups separated by `;`
    Import {
        /// CSV file in UTF-8; a first line that begins with `name,password` is taken as the header
        file: PathBuf,
        /// Iterations of the key derivation. 4096 is the least that RFC 7677 allows and takes 10,000 people in seconds
        /// (`auth.scram_iterations`, used for single people, takes as much longer as it is larger)
        #[arg(long, default_value_t = 4096, value_parser = clap::value_parser!(u32).range(4096..=10_000_000))]
        iterations: u32,
    },
}

/// Tokens of the REST interface.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token for a person; it is printed once, and may never do more than the person's role allows
    Create {
        /// Name before the @
        name: String,
        /// What it may do; may be given more than once: `self`, `rooms.post`, or a right of docs/roles.md such as `people.see`
        #[arg(
            long = "scope",
            value_name = "SCOPE",
            required = true,
            value_delimiter = ','
        )]
        scopes: Vec<String>,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        label: Option<String>,
        /// Days that it works; 0: until it is revoked
        #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(0..=3650))]
        days: u32,
    },
    /// List the tokens of a person: id, made, end, last use, scopes, what for; tabs between
    List {
        /// Name before the @
        name: String,
    },
    /// End a token
    Revoke {
        /// Name before the @
        name: String,
        /// Id, as in the list
        id: String,
    },
}

/// The directory that people come from.
#[derive(Debug, Subcommand)]
pub enum Directory {
    /// Make the accounts of the directory's people what it says: new ones come, names and groups follow, who is gone is shut out
    Sync {
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
        /// Shut out all who are gone, also if they are more than `identity.ldap.shut_out_percent` per cent
        #[arg(long)]
        shut_out_many: bool,
    },
    /// Try each server of the directory: connection, TLS, the account that looks people up, people and groups
    Check,
    /// Give accounts of this server to the people of their names in the directory; their passwords here end
    Adopt {
        /// Names before the @
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
}

/// The audit log.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// The newest entries, oldest of them first: number, time, who, door, what, to whom, more; tabs between
    List {
        /// Which
        #[command(flatten)]
        filter: AuditFilter,
        /// How many
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        last: u16,
    },
    /// All entries, oldest first, as JSON lines with their digests
    Export {
        /// Which
        #[command(flatten)]
        filter: AuditFilter,
    },
    /// Where the log ends, as a number and a digest: to be noted where the server cannot write, and compared later by
    /// `hauspost check --audit-head`
    Head,
}

/// Which entries of the audit log.
#[derive(Clone, Debug, Args)]
pub struct AuditFilter {
    /// By this actor: an address, `console` or `house`
    #[arg(long)]
    pub actor: Option<String>,
    /// To this subject: an address, an invitation, a setting
    #[arg(long)]
    pub subject: Option<String>,
    /// With this action, or one that begins with it and a dot: `account`, `account.removed`
    #[arg(long)]
    pub action: Option<String>,
    /// Not earlier than this: 2026-11-23T08:00:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Earlier than this
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// With these letters in actor, subject or detail
    #[arg(long)]
    pub text: Option<String>,
}
