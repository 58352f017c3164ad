//! ejabberd as Debian packages and configures it, with `mod_mam` switched on, and federation, web and throttles off.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{ARCHIVIST, DOMAIN, PASSWORD, Places, Setup, Started, free_address, log_file};
use crate::process::Process;
use crate::scram::stored_keys_sha1;

/// The modules of Debian's `ejabberd.yml` that need no further listener.
const MODULES: &[&str] = &[
    "mod_adhoc",
    "mod_admin_extra",
    "mod_avatar",
    "mod_blocking",
    "mod_caps",
    "mod_carboncopy",
    "mod_client_state",
    "mod_configure",
    "mod_disco",
    "mod_last",
    "mod_offline",
    "mod_ping",
    "mod_privacy",
    "mod_private",
    "mod_push",
    "mod_push_keepalive",
    "mod_shared_roster",
    "mod_stream_mgmt",
    "mod_vcard_xupdate",
    "mod_version",
];

pub(super) fn start(places: &Places, folder: &Path, setup: &Setup) -> Result<Started> {
    let address = free_address()?;
    let mut configuration = format!(
        "loglevel: warning\n\
         hosts:\n  - {DOMAIN}\n\
         certfiles:\n  - \"{both}\"\n\
         listen:\n  -\n    port: {port}\n    ip: \"127.0.0.1\"\n    module: ejabberd_c2s\n    max_stanza_size: 262144\n    backlog: 1000\n    \
         shaper: none\n    access: all\n    starttls: true\n\
         disable_sasl_mechanisms:\n  - \"digest-md5\"\n  - \"X-OAUTH2\"\n\
         auth_password_format: scram\n\
         default_db: mnesia\n\
         shaper_rules:\n  max_user_sessions: infinity\n  max_user_offline_messages: 5000\n\
         modules:\n",
        both = places.identity.both.display(),
        port = address.port(),
    );
    for module in MODULES {
        writeln!(configuration, "  {module}: {{}}")?;
    }
    configuration
        .push_str("  mod_roster:\n    versioning: true\n  mod_vcard:\n    search: false\n");
    writeln!(
        configuration,
        "  mod_muc:\n    host: \"rooms.{DOMAIN}\"\n    max_users: 5000\n    max_user_conferences: 100\n    \
         default_room_options:\n      mam: {}\n      max_users: 5000",
        setup.archive
    )?;
    configuration.push_str("  mod_pubsub:\n    plugins:\n      - flat\n      - pep\n");
    if setup.archive {
        configuration
            .push_str("  mod_mam:\n    default: always\n    request_activates_archiving: false\n");
    }
    let file = folder.join("ejabberd.yml");
    fs::write(&file, configuration)?;
    let script = folder.join("fill.erl");
    fs::write(&script, fill_script(folder, setup))?;

    let output = log_file(folder)?;
    let at = Instant::now();
    let process = Process::start(
        "ejabberd",
        Command::new("erl")
            .args([
                "+K", "true", "+P", "250000", "+Q", "65536", "-noinput", "-mnesia", "dir",
            ])
            .arg(format!("\"{}/mnesia\"", folder.display()))
            .args(["-s", "ejabberd", "-eval"])
            .arg(format!("file:script(\"{}\").", script.display()))
            .env("EJABBERD_CONFIG_PATH", &file)
            .env("EJABBERD_LOG_PATH", folder.join("ejabberd.log"))
            .env("EJABBERD_PID_PATH", folder.join("ejabberd.pid"))
            .env("ERL_LIBS", "/usr/lib/x86_64-linux-gnu")
            .env("ERL_CRASH_DUMP_BYTES", "0")
            .env("HOME", folder)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output),
    )?;
    Ok(Started {
        process,
        address,
        at,
        prefilled: setup.archived,
    })
}

/// Erlang that waits for the tables and writes accounts and archive into them, in the server's own process: accounts
/// as `ejabberd_auth_mnesia` keeps them, the archive as `mod_mam_mnesia` does.
fn fill_script(folder: &Path, setup: &Setup) -> String {
    let salt = b"2b1c3f0e-load";
    let keys = stored_keys_sha1(PASSWORD, salt, 4096);
    let archive = if setup.archived == 0 {
        String::new()
    } else {
        format!(
            "ok = mnesia:wait_for_tables([archive_msg], 60000),
             Owner = {{<<\"{ARCHIVIST}\">>, <<\"{DOMAIN}\">>}},
             Body = iolist_to_binary(string:pad(\"message of somebody who has a lot to say\", 200, trailing, \"0\")),
             Message = fun(N) ->
                 Micros = 1700000000000000 + N * 1000000,
                 Stamp = {{Micros div 1000000000000, (Micros div 1000000) rem 1000000, Micros rem 1000000}},
                 {{archive_msg, Owner, integer_to_binary(Micros), Stamp, {{<<\"u0\">>, <<\"{DOMAIN}\">>, <<\"load\">>}},
                  {{<<\"u0\">>, <<\"{DOMAIN}\">>, <<>>}},
                  {{xmlel, <<\"message\">>, [{{<<\"to\">>, <<\"{ARCHIVIST}@{DOMAIN}\">>}}, {{<<\"from\">>, <<\"u0@{DOMAIN}/load\">>}},
                    {{<<\"id\">>, integer_to_binary(N)}}, {{<<\"type\">>, <<\"chat\">>}}],
                   [{{xmlel, <<\"body\">>, [], [{{xmlcdata, Body}}]}}]}}, <<>>, chat}}
             end,
             ok = dets:insert(archive_msg, [Message(N) || N <- lists:seq(1, {messages})]),
             ok = dets:sync(archive_msg),",
            messages = setup.archived,
        )
    };
    format!(
        "spawn(fun() ->
             Wait = fun W() ->
                 case catch mnesia:wait_for_tables([passwd], 60000) of ok -> ok; _ -> timer:sleep(5), W() end
             end,
             Wait(),
             Keys = {{scram, <<\"{stored}\">>, <<\"{server}\">>, <<\"{salt}\">>, sha, 4096}},
             Add = fun(Name) -> mnesia:dirty_write(passwd, {{passwd, {{Name, <<\"{DOMAIN}\">>}}, Keys}}) end,
             [Add(<<\"u\", (integer_to_binary(N))/binary>>) || N <- lists:seq(0, {last})],
             Add(<<\"{ARCHIVIST}\">>),
             {archive}
             file:write_file(\"{folder}/filled\", <<>>)
         end).\n",
        stored = STANDARD.encode(&keys.stored_key),
        server = STANDARD.encode(&keys.server_key),
        salt = STANDARD.encode(salt),
        last = setup.accounts - 1,
        folder = folder.display(),
    )
}

/// Waits for the end of [`fill_script`].
pub(super) async fn wait_until_filled(folder: &Path) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(300);
    while !folder.join("filled").exists() {
        if Instant::now() > end {
            bail!("ejabberd's archive could not be filled within five minutes");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
