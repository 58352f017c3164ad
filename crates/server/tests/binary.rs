//! The binary as administrators meet it: errors at the start, people on a running and on a stopped server, the
//! one-time link, WebSocket and BOSH by hand.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("hauspost-binary-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("folder");
        Self(path)
    }

    fn config(&self, text: &str) -> PathBuf {
        let path = self.0.join("hauspost.toml");
        fs::write(&path, text).expect("written");
        path
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn command(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hauspost"));
    command.arg("--config").arg(config).stdin(Stdio::null());
    command
}

fn run(config: &Path, arguments: &[&str]) -> Output {
    command(config).args(arguments).output().expect("runs")
}

fn run_with_input(config: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = command(config)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    child
        .stdin
        .take()
        .expect("stdin")
        .write_all(input.as_bytes())
        .expect("written");
    child.wait_with_output().expect("ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const LOCAL: &str = "domain = \"example.org\"\n[listen]\nxmpp = [\"127.0.0.1:0\"]\nxmpp_tls = [\"127.0.0.1:0\"]\nfederation = []\nfederation_tls = []\nhttp = [\"127.0.0.1:0\"]\n\
                     https = [\"127.0.0.1:0\"]\n[log]\nlevel = \"warn\"\n";

/// A running server; killed if the test did not stop it.
struct Server {
    child: Child,
    /// What it said until it was ready.
    said: String,
}

impl Server {
    fn start(config: &Path, arguments: &[&str]) -> Self {
        let mut child = command(config)
            .arg("serve")
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout"));
        let mut said = String::new();
        while !said.ends_with("ready\n") {
            assert!(
                lines.read_line(&mut said).expect("reads") > 0,
                "ended before it was ready: {said}"
            );
        }
        Self { child, said }
    }

    fn address(&self, door: &str) -> SocketAddr {
        let line = self.said.lines().find_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some(door)).then(|| words.next()).flatten()
        });
        line.expect("the door is named")
            .parse()
            .expect("an address")
    }

    fn stop(mut self) -> bool {
        let status = Command::new("kill")
            .arg(self.child.id().to_string())
            .status()
            .expect("kill");
        assert!(status.success());
        self.child.wait().expect("ends").success()
    }

    fn http(&self, request: &str) -> String {
        let mut socket = TcpStream::connect(self.address("http")).expect("connects");
        socket.write_all(request.as_bytes()).expect("written");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("answers");
        answer
    }

    fn get(&self, path: &str, headers: &str) -> String {
        self.http(&format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
        ))
    }

    fn post(&self, path: &str, kind: &str, body: &str) -> String {
        let length = body.len();
        self.http(&format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_wrong_configuration_is_named_and_nothing_is_made() {
    let folder = Folder::new();
    let config = folder.config("[listen]\nxmpp_tsl = []\n");
    let output = run(&config, &["serve"]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(
        error.contains("hauspost.toml, line 2")
            && error.contains("listen.xmpp_tsl")
            && error.contains("`xmpp_tls`"),
        "{error}"
    );
    assert!(!folder.data().exists());
    let output = run(&folder.0.join("none.toml"), &["serve"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("none.toml"));
}

#[test]
fn a_taken_port_is_named() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = taken.local_addr().expect("address");
    let config = folder.config(&LOCAL.replacen("127.0.0.1:0", &address.to_string(), 1));
    let output = run(&config, &["serve"]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(
        error.contains("listen.xmpp")
            && error.contains(&address.to_string())
            && error.contains("mend:"),
        "{error}"
    );
}

#[test]
fn an_unreadable_certificate_is_named() {
    let folder = Folder::new();
    let config = folder.config(&format!(
        "{LOCAL}[tls]\nmode = \"files\"\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n"
    ));
    let output = run(&config, &["serve"]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(
        error.contains("c.pem") && error.contains("mend:"),
        "{error}"
    );
}

#[test]
fn the_configuration_is_printed() {
    let folder = Folder::new();
    let config = folder.config(LOCAL);
    let effective = text(&run(&config, &["config"]).stdout);
    assert!(
        effective.contains("domain = \"example.org\""),
        "{effective}"
    );
    let default = text(&run(&config, &["config", "--default"]).stdout);
    assert!(default.contains("#domain = \"localhost\""), "{default}");
}

fn people(config: &Path) -> Vec<String> {
    let output = run(config, &["user", "list"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(str::to_owned).collect()
}

fn manage_people(config: &Path) {
    let added = run_with_input(
        config,
        &["user", "add", "Anna", "--admin", "--password-stdin"],
        "correct horse\n",
    );
    assert!(added.status.success(), "{}", text(&added.stderr));
    let twice = run_with_input(
        config,
        &["user", "add", "anna", "--password-stdin"],
        "correct horse\n",
    );
    assert_eq!(twice.status.code(), Some(1));
    assert!(text(&twice.stderr).contains("exists already"));
    let none = run_with_input(config, &["user", "add", "ben", "--password-stdin"], "");
    assert!(text(&none.stderr).contains("no password"));
    let wrong = run_with_input(config, &["user", "add", "a b", "--password-stdin"], "x\n");
    assert!(
        text(&wrong.stderr).contains("cannot be a name"),
        "{}",
        text(&wrong.stderr)
    );

    let csv = config.with_file_name("people.csv");
    fs::write(&csv, "name,password,display name,groups\nben,secret1,Ben Brandt,Workshop\nclara,secret2,\"Çelik, Clara\",Office;Sales\n")
        .expect("written");
    let imported = run(config, &["user", "import", csv.to_str().expect("path")]);
    assert!(
        text(&imported.stdout).starts_with("2 added"),
        "{}{}",
        text(&imported.stdout),
        text(&imported.stderr)
    );
    assert!(run(config, &["user", "disable", "ben"]).status.success());
    assert_eq!(
        people(config),
        [
            "anna@example.org\tenabled\towner\t\t",
            "ben@example.org\tdisabled\tperson\tBen Brandt\tWorkshop",
            "clara@example.org\tenabled\tperson\tÇelik, Clara\tOffice;Sales",
        ]
    );
    assert!(
        run(config, &["user", "enable", "ben@example.org"])
            .status
            .success()
    );
    assert!(
        run_with_input(
            config,
            &["user", "passwd", "ben", "--password-stdin"],
            "other\n"
        )
        .status
        .success()
    );
    let groups = |arguments: &[&str]| {
        let done = run(
            config,
            &[&["user", "groups", "clara"][..], arguments].concat(),
        );
        assert!(done.status.success(), "{}", text(&done.stderr));
        text(&done.stdout)
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(groups(&[]), ["Office", "Sales"]);
    assert_eq!(groups(&["Workshop", "Board"]), ["Board", "Workshop"]);
    assert_eq!(groups(&[]), ["Board", "Workshop"]);
    assert_eq!(groups(&["--none"]), [""; 0]);
    assert_eq!(groups(&[]), [""; 0]);
    let nobody = run(config, &["user", "groups", "nobody", "Board"]);
    assert!(
        text(&nobody.stderr).contains("there is no nobody@example.org"),
        "{}",
        text(&nobody.stderr)
    );
    assert!(run(config, &["user", "remove", "clara"]).status.success());
    let gone = run(config, &["user", "remove", "clara"]);
    assert!(
        text(&gone.stderr).contains("there is no clara@example.org"),
        "{}",
        text(&gone.stderr)
    );
    assert_eq!(people(config).len(), 2);
}

#[test]
fn people_on_a_stopped_server() {
    let folder = Folder::new();
    manage_people(&folder.config(LOCAL));
}

#[test]
fn people_on_a_running_server_and_all_of_it_kept() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let config = folder.config(LOCAL);
    let server = Server::start(&config, &[]);
    let socket = fs::metadata(folder.data().join("admin.sock")).expect("socket");
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    manage_people(&config);
    let second = run(&config, &["serve"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(
        text(&second.stderr).contains("in use by another process"),
        "{}",
        text(&second.stderr)
    );
    let check = text(&run(&config, &["check"]).stdout);
    assert!(
        check.contains("sound, 2 accounts") && check.contains("the server runs"),
        "{check}"
    );
    let backup = folder.0.join("backup");
    assert!(
        run(&config, &["backup", backup.to_str().expect("path")])
            .status
            .success()
    );
    let under_it = run(&config, &["restore", backup.to_str().expect("path")]);
    assert!(under_it.status.success(), "{}", text(&under_it.stderr));
    assert_eq!(people(&config).len(), 2, "it answers again");
    assert!(server.stop());
    assert!(!folder.data().join("admin.sock").exists());
    assert_eq!(people(&config).len(), 2);
    assert!(run(&config, &["user", "remove", "ben"]).status.success());
    let restored = run(&config, &["restore", backup.to_str().expect("path")]);
    assert!(restored.status.success(), "{}", text(&restored.stderr));
    assert_eq!(people(&config).len(), 2);
}

#[test]
fn the_first_administrator_comes_by_the_link_once() {
    let folder = Folder::new();
    let config = folder.config(LOCAL);
    let server = Server::start(&config, &[]);
    let link = server
        .said
        .lines()
        .find_map(|line| line.trim().strip_prefix("http://"))
        .expect("a link");
    let path = &link[link.find('/').expect("a path")..];
    let form = server.get(path, "Accept-Language: de\r\n");
    assert!(
        form.starts_with("HTTP/1.1 200")
            && form.contains("lang=\"de\"")
            && form.contains("Kennwort"),
        "{form}"
    );
    assert!(form.contains("content-security-policy"), "{form}");
    let kind = "application/x-www-form-urlencoded";
    let short = server.post(path, kind, "name=Anna&password=short&again=short");
    assert!(short.starts_with("HTTP/1.1 422"), "{short}");
    let fields = "name=Anna&display_name=Anna+Abel&password=correct+horse&again=correct+horse";
    let made = server.post(path, kind, fields);
    assert!(
        made.starts_with("HTTP/1.1 200") && made.contains("anna@example.org"),
        "{made}"
    );
    assert!(
        server
            .post(path, kind, &fields.replace("Anna", "Ben"))
            .starts_with("HTTP/1.1 404")
    );
    assert!(server.get("/setup/guessed", "").starts_with("HTTP/1.1 404"));
    assert_eq!(
        people(&config),
        ["anna@example.org\tenabled\towner\tAnna Abel\t"]
    );
    // Who comes through a proxy in clear must not type a password.
    let plain = server.get(
        path,
        "X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: http\r\n",
    );
    assert!(plain.starts_with("HTTP/1.1 403"), "{plain}");
    assert!(server.stop());
    let again = Server::start(&config, &[]);
    assert!(!again.said.contains("/setup/"), "{}", again.said);
}

#[test]
fn machine_doors_and_host_meta_answer() {
    let folder = Folder::new();
    let server = Server::start(&folder.config(LOCAL), &["--demo"]);
    assert!(server.said.contains("anna@example.org"));
    assert!(server.get("/healthz", "").contains("ok"));
    assert!(server.get("/readyz", "").starts_with("HTTP/1.1 200"));
    let metrics = server.get("/metrics", "");
    assert!(
        metrics.contains("hauspost_sessions 0") && metrics.contains("# EOF"),
        "{metrics}"
    );
    assert!(
        server
            .get("/metrics", "X-Forwarded-For: 198.51.100.7\r\n")
            .starts_with("HTTP/1.1 404")
    );
    let port = server.address("https").port();
    let xrd = server.get("/.well-known/host-meta", "");
    assert!(
        xrd.contains("access-control-allow-origin: *")
            && xrd.contains("urn:xmpp:alt-connections:websocket"),
        "{xrd}"
    );
    let jrd = server.get("/.well-known/host-meta.json", "");
    assert!(
        jrd.contains("application/json") && jrd.contains("/http-bind") && jrd.contains("wss://"),
        "{port} {jrd}"
    );
    // The web client, or a page in its place where it was not built; under a strict policy in either case.
    let start = server.get("/", "");
    assert!(
        start.starts_with("HTTP/1.1 200")
            && start.contains("text/html")
            && start.contains("default-src 'none'"),
        "{start}"
    );
}

fn sid(answer: &str) -> String {
    let start = answer.find("sid=").expect("sid") + 5;
    answer[start..]
        .split(['\'', '"'])
        .next()
        .expect("value")
        .to_owned()
}

#[test]
fn bosh_begins_and_ends_a_session() {
    let folder = Folder::new();
    let server = Server::start(&folder.config(LOCAL), &[]);
    let ask = |body: &str| server.post("/http-bind", "text/xml; charset=utf-8", body);
    let created = ask(
        "<body rid='100' to='example.org' wait='10' hold='1' ver='1.6' xmpp:version='1.0' xml:lang='en' \
         xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh'/>",
    );
    assert!(
        created.contains("text/xml; charset=utf-8")
            && created.contains("access-control-allow-origin: *"),
        "{created}"
    );
    assert!(
        created.contains("SCRAM-SHA-256") && created.contains("restartlogic"),
        "{created}"
    );
    let sid = sid(&created);
    let ended = ask(&format!(
        "<body rid='101' sid='{sid}' type='terminate' xmlns='http://jabber.org/protocol/httpbind'/>"
    ));
    assert!(
        ended.contains("terminate") && !ended.contains("condition"),
        "{ended}"
    );
    let gone = ask(&format!(
        "<body rid='102' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'/>"
    ));
    assert!(gone.contains("item-not-found"), "{gone}");
    let elsewhere = ask(
        "<body rid='1' to='other.example' wait='10' hold='1' xmlns='http://jabber.org/protocol/httpbind'/>",
    );
    assert!(elsewhere.contains("host-unknown"), "{elsewhere}");
    assert!(ask("no xml").contains("bad-request"));
}

/// One masked text frame (RFC 6455 §5.2); the mask is zero, which leaves the text as it is.
fn frame(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("short");
    assert!(length < 126);
    let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    frame
}

#[test]
fn websocket_opens_and_closes_a_stream() {
    let folder = Folder::new();
    let server = Server::start(&folder.config(LOCAL), &[]);
    let mut socket = TcpStream::connect(server.address("http")).expect("connects");
    let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let upgrade = format!(
        "GET /xmpp-websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{key}Sec-WebSocket-Protocol: xmpp\r\n\r\n"
    );
    socket.write_all(upgrade.as_bytes()).expect("written");
    socket
        .write_all(&frame(
            "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.org' version='1.0'/>",
        ))
        .expect("written");
    let mut seen = Vec::new();
    let mut byte = [0; 4096];
    let contains =
        |seen: &[u8], word: &str| seen.windows(word.len()).any(|part| part == word.as_bytes());
    while !contains(&seen, "</stream:features>") && !contains(&seen, "</features>") {
        let read = socket.read(&mut byte).expect("reads");
        assert!(read > 0, "{}", text(&seen));
        seen.extend_from_slice(&byte[..read]);
    }
    let head = text(&seen);
    assert!(
        head.starts_with("HTTP/1.1 101")
            && head.to_lowercase().contains("sec-websocket-protocol: xmpp"),
        "{head}"
    );
    assert!(
        head.contains("SCRAM-SHA-256") && head.contains("<open"),
        "{head}"
    );
    socket
        .write_all(&frame(
            "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
        ))
        .expect("written");
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest).expect("ends");
    assert!(contains(&rest, "<close"), "{}", text(&rest));
    // Without the subprotocol it is no XMPP.
    let none = server.get("/xmpp-websocket", &format!("Upgrade: websocket\r\n{key}"));
    assert!(none.starts_with("HTTP/1.1 4"), "{none}");
    assert!(server.stop());
}
