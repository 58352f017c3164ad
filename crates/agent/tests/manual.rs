//! The man page comes from the command line's own words.

use std::path::Path;

use clap::CommandFactory;

/// What people ask a manual beside commands and options.
const MORE: &str = r#".SH FILES
.TP
$XDG_DATA_HOME/hauspost\-agent/ADDRESS/
One folder for each account, mode 0700 (without XDG_DATA_HOME: ~/.local/share). \fIclient.db\fR holds keys and messages, \fIaccount.json\fR how to
connect, \fIlock\fR and \fIsocket\fR let one process have the account and others work through it.
.PP
Keys and messages in \fIclient.db\fR are \fBnot encrypted\fR: file permissions keep other users out, nothing keeps out whoever can read the disk, such
as the administrator of the machine or a thief. Encrypt the disk. What is deleted is overwritten in the database; what the file system or a drive keeps of old blocks
is beyond its reach. The password is not kept, where the server gives a token in its place.
.PP
Never copy this folder to another machine: two devices with the same keys cannot both read. Log in there instead.
.SH CERTIFICATES
The server's certificate must be good for the domain of the address, by an authority that this machine believes or that \fB\-\-ca\fR names. Where there is none,
\fBlogin\fR shows the certificate's SHA\-256 fingerprint and asks on the terminal; \fB\-\-trust\-certificate\fR says it beforehand. What was believed so is kept; another
certificate is refused, unless an authority vouches for it. Compare the fingerprint with what the administrator says, for whoever is in between at the first time stays in between.
.SH ENVIRONMENT
.TP
HAUSPOST_AGENT_ACCOUNT, HAUSPOST_AGENT_DATA
As \fB\-\-account\fR and \fB\-\-data\fR.
.TP
LC_ALL, LC_MESSAGES, LANG
The language of \fBchat\fR: German when it begins with \fIde\fR, else English.
.TP
TZ
The time zone.
.SH EXAMPLES
.nf
hauspost\-agent login anna@example.org
hauspost\-agent chat
make 2>&1 | tail \-n 20 | hauspost\-agent send builds@rooms.example.org
hauspost\-agent send \-\-wait\-delivered ben@example.org "Lunch?"
hauspost\-agent listen | jq \-r 'select(.event == "message" and .notify) | .text'
.fi
"#;

#[test]
fn the_man_page_is_what_the_code_says() {
    let command = agent::cli::Cli::command();
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone())
        .title("HAUSPOST-AGENT")
        .source("Hauspost")
        .date("");
    man.render_title(&mut page).unwrap();
    man.render_name_section(&mut page).unwrap();
    man.render_synopsis_section(&mut page).unwrap();
    man.render_description_section(&mut page).unwrap();
    man.render_options_section(&mut page).unwrap();
    page.extend_from_slice(b".SH COMMANDS\n");
    for sub in command.get_subcommands() {
        let sub = sub
            .clone()
            .bin_name(format!("hauspost-agent {}", sub.get_name()));
        page.extend_from_slice(format!(".SS \"{}\"\n", sub.get_name()).as_bytes());
        let man = clap_mangen::Man::new(sub);
        man.render_synopsis_section(&mut page).unwrap();
        man.render_description_section(&mut page).unwrap();
        man.render_options_section(&mut page).unwrap();
    }
    page.extend_from_slice(MORE.as_bytes());
    let page = String::from_utf8(page).unwrap();
    // Within a command's part its sections are parts of that part.
    let (head, tail) = page.split_once(".SH COMMANDS\n").unwrap();
    let (commands, rest) = tail.split_once(".SH FILES\n").unwrap();
    let commands = commands
        .replace(".SH SYNOPSIS\n", ".PP\n")
        .replace(".SH DESCRIPTION\n", ".PP\n")
        .replace(".SH OPTIONS\n", "")
        // The preamble of each part: `roff` writes it once for the whole.
        .replace(".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n", "");
    let page = format!("{head}.SH COMMANDS\n{commands}.SH FILES\n{rest}");

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/hauspost-agent.1");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == page,
        "docs/hauspost-agent.1 has drifted from the code; run `cargo xtask docs`"
    );
}
