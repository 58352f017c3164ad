//! The command line.

use std::path::PathBuf;

use base::BareJid;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// End-to-end encrypted conversations on the terminal: for people and for scripts.
///
/// One account on this machine is one device of its person. Its keys and messages are kept in a folder that only this user can read
/// (see FILES); they are not encrypted there, so whoever can read the disk can read them.
///
/// One process has an account at a time. While `chat` or `listen` runs, the other commands work through it.
#[derive(Debug, Parser)]
#[command(name = "hauspost-agent", version, propagate_version = true)]
pub struct Cli {
    /// Account that is meant, when several are logged in
    #[arg(long, short, value_name = "ADDRESS", global = true, env = "HAUSPOST_AGENT_ACCOUNT", value_parser = address)]
    pub account: Option<BareJid>,
    /// Folder that holds the accounts [default: $XDG_DATA_HOME/hauspost-agent]
    #[arg(long, value_name = "DIR", global = true, env = "HAUSPOST_AGENT_DATA")]
    pub data: Option<PathBuf>,
    /// Language of `chat`: en or de [default: as the system says]
    #[arg(long, value_name = "TAG", global = true)]
    pub lang: Option<String>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make this machine a device of an account; shows its fingerprint
    Login(Login),
    /// Sign out, and delete the keys and messages that are kept here
    Logout(Logout),
    /// Converse: a full client for the terminal; F1 shows keys and commands
    Chat,
    /// Say something, encrypted; the exit status tells how far it came
    ///
    /// Exit status: 0 the server has it (with --wait-delivered: a device of the recipient has it);
    /// 1 it could not be said; 2 wrong usage; 3 it was refused, nothing was sent;
    /// 4 no connection in time: it is kept here and goes out with the next command that connects;
    /// 5 the server has it, but no device of the recipient said in time that it came; 130 it was interrupted.
    /// With --lines, 4 and 5 do not keep later lines from being said; all else ends the command at once.
    Send(Send),
    /// Print what happens from now on, one JSON object a line
    ///
    /// Every object has `event`: `message`, `delivery`, `connection`, `login-failed`, `contact-request` or `new-own-device`.
    /// A message has `conversation` (address), `conversation_name`, `kind` (`person`, `group`, `room`), `key`, `id`, `time` (UTC),
    /// `sender` (address or null), `sender_name`, `own`, `text` (or null), `elements` (XML or null), `unreadable` (why, or null), `removed`,
    /// `reply_to` (key or null), `edited` (time or null), `reactions`, `mentions_me`, `encrypted`, `device`, `trust` (`verified`,
    /// `first-use`, `undecided`, `distrusted` or null), `state`, `failure`, and `notify` (false: muted, or read elsewhere). A delivery has
    /// `conversation`, `key`, `state` (`waiting`, `kept`, `delivered`, `displayed`, `failed`) and `failure`. Names do not change; new ones may come.
    Listen,
    /// List the devices of this account or of somebody else, with fingerprints and how far they are believed
    Devices(Devices),
    /// Show this account's code for others, or verify devices of others
    Verify(Verify),
    /// Print what was said, as far as it is kept here
    Export(Export),
    /// Print a completion script for a shell
    Completion {
        /// Which
        shell: Shell,
    },
}

/// How to log in.
#[derive(Debug, Args)]
pub struct Login {
    /// The account, such as name@example.org
    #[arg(value_parser = address)]
    pub address: BareJid,
    /// Take the password from standard input (its first line)
    #[arg(long)]
    pub password_stdin: bool,
    /// What this device is called, for your other devices [default: the name of the machine]
    #[arg(long, value_name = "TEXT")]
    pub device_name: Option<String>,
    /// Connect to this server in place of what DNS says: HOST:PORT, or tls://HOST:PORT for TLS from the first byte; kept
    #[arg(long, value_name = "HOST:PORT")]
    pub connect: Option<String>,
    /// Believe these certificate authorities, too (PEM file); kept
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Believe the server's certificate with this fingerprint (SHA-256) although no authority vouches for it; kept, and
    /// refused when it changes. Compare it with what the administrator says
    #[arg(long, value_name = "FINGERPRINT")]
    pub trust_certificate: Option<String>,
}

/// How to sign out.
#[derive(Debug, Args)]
pub struct Logout {
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

/// What to say.
#[derive(Debug, Args)]
pub struct Send {
    /// Address of a person, group or room, or the name of a conversation
    pub to: String,
    /// What to say [default: standard input, until its end]
    pub text: Option<String>,
    /// Send this file, encrypted; TEXT describes it
    #[arg(long, short, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Every line of standard input is a message of its own, said as soon as it comes; empty lines are left out
    #[arg(long, conflicts_with_all = ["text", "file"])]
    pub lines: bool,
    /// Wait until a device of the recipient has it
    #[arg(long)]
    pub wait_delivered: bool,
    /// Give up waiting after this time (with --lines: for each)
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout: u64,
}

/// Whose devices.
#[derive(Debug, Args)]
pub struct Devices {
    /// Whose [default: this account's]
    #[arg(value_parser = address)]
    pub of: Option<BareJid>,
    /// One JSON object a line
    #[arg(long, conflicts_with = "revoke")]
    pub json: bool,
    /// Take a device of this account out: it is lost. Nobody writes to it any more
    #[arg(long, value_name = "NUMBER", conflicts_with = "of")]
    pub revoke: Option<u32>,
}

/// Whom to verify.
#[derive(Debug, Args)]
pub struct Verify {
    /// Address of a person, or what their QR code says (xmpp:…?omemo-sid-…) [default: show this account's own code]
    pub who: Option<String>,
    /// The fingerprint that the person has told you by another way; it must be that of a device that is known here
    #[arg(long, value_name = "DIGITS")]
    pub fingerprint: Option<String>,
    /// Do not believe the device with this fingerprint: nothing is written to it any more
    #[arg(long, requires = "fingerprint")]
    pub distrust: bool,
}

/// What to export.
#[derive(Debug, Args)]
pub struct Export {
    /// Address or name of a conversation [default: all]
    pub conversation: Option<String>,
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// How to write a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON object a line, with the fields of `listen`
    Json,
}

fn address(text: &str) -> Result<BareJid, String> {
    let text = text.strip_prefix("xmpp:").unwrap_or(text);
    match BareJid::parse(text) {
        Ok(address) if address.local().is_some() => Ok(address),
        Ok(_) => Err("an account has a name before the @: name@example.org".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        super::Cli::command().debug_assert();
    }
}
