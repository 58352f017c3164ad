//! Certificates by ACME, from Debian's `pebble` (an authority for tests) and its DNS server.

#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    listener.local_addr().expect("address")
}

fn spawn(command: &mut Command) -> Process {
    let program = command.get_program().to_string_lossy().into_owned();
    let child = command.stdin(Stdio::null()).spawn();
    Process(child.unwrap_or_else(|error| {
        panic!("{program} cannot be started ({error}); Debian has it: apt-get install pebble")
    }))
}

/// Reads lines until one holds `word`.
fn wait_for(lines: &mut impl BufRead, word: &str) {
    let mut seen = String::new();
    loop {
        let mut line = String::new();
        assert!(
            lines.read_line(&mut line).expect("reads") > 0,
            "ended before it said {word:?}:\n{seen}"
        );
        if line.contains(word) {
            return;
        }
        seen.push_str(&line);
    }
}

/// The authority's own HTTPS certificate, and the root that signs it.
fn authority_files(folder: &Path) {
    let root_key = KeyPair::generate().expect("key");
    let mut root = CertificateParams::new(Vec::new()).expect("params");
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_certificate = root.self_signed(&root_key).expect("made");
    let key = KeyPair::generate().expect("key");
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("params");
    let certificate = params
        .signed_by(&key, &Issuer::new(root, root_key))
        .expect("made");
    fs::write(folder.join("root.pem"), root_certificate.pem()).expect("written");
    fs::write(folder.join("pebble.pem"), certificate.pem()).expect("written");
    fs::write(folder.join("pebble.key"), key.serialize_pem()).expect("written");
}

struct House {
    folder: PathBuf,
    config: PathBuf,
    https: SocketAddr,
    _authority: (Process, Process),
}

impl House {
    fn new(challenge: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("hauspost-{challenge}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("folder");
        authority_files(&folder);
        let (directory, http, https) = (free_port(), free_port(), free_port());
        let names = UdpSocket::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .expect("a free port");
        let pebble = serde_json::json!({ "pebble": {
            "listenAddress": directory.to_string(),
            "managementListenAddress": free_port().to_string(),
            "certificate": folder.join("pebble.pem"),
            "privateKey": folder.join("pebble.key"),
            "httpPort": http.port(),
            "tlsPort": https.port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        }});
        fs::write(folder.join("pebble.json"), pebble.to_string()).expect("written");
        let dns = spawn(
            Command::new("pebble-challtestsrv")
                .args([
                    "-defaultIPv4",
                    "127.0.0.1",
                    "-defaultIPv6",
                    "",
                    "-http01",
                    "",
                    "-https01",
                    "",
                    "-tlsalpn01",
                    "",
                ])
                .args([
                    "-dns01",
                    &names.to_string(),
                    "-management",
                    &free_port().to_string(),
                ])
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        );
        let mut authority = spawn(
            Command::new("pebble")
                .arg("-config")
                .arg(folder.join("pebble.json"))
                .args(["-dnsserver", &names.to_string()])
                .env("PEBBLE_VA_NOSLEEP", "1")
                .env("PEBBLE_WFE_NONCEREJECT", "0")
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        );
        let mut lines = BufReader::new(authority.0.stdout.take().expect("stdout"));
        wait_for(&mut lines, "ACME directory available");
        // Nobody reads on, and pebble must not block on it.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        let config = folder.join("hauspost.toml");
        let text = format!(
            "domain = \"example.test\"\n[listen]\nxmpp = []\nxmpp_tls = []\nfederation = []\nfederation_tls = []\nhttp = [\"{http}\"]\nhttps = [\"{https}\"]\n\
             [tls]\nmode = \"acme\"\n[tls.acme]\ndirectory = \"https://{directory}/dir\"\nroot_ca = \"root.pem\"\n\
             challenge = \"{challenge}\"\ncontact = [\"admin@example.test\"]\naccept_terms = true\n"
        );
        fs::write(&config, text).expect("written");
        Self {
            folder,
            config,
            https,
            _authority: (dns, authority),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hauspost"));
        command.arg("--config").arg(&self.config);
        command
    }

    fn serve_until(&self, word: &str) -> Process {
        let mut server = spawn(
            self.command()
                .arg("serve")
                .stdout(Stdio::null())
                .stderr(Stdio::piped()),
        );
        let mut lines = BufReader::new(server.0.stderr.take().expect("stderr"));
        wait_for(&mut lines, word);
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        server
    }

    fn kept(&self) -> String {
        fs::read_to_string(self.folder.join("data/tls/acme.crt")).expect("a kept certificate")
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn comes_and_stays(challenge: &str) {
    let house = House::new(challenge);
    let server = house.serve_until("certificate issued");
    let first = house.kept();
    let check = house.command().arg("check").output().expect("runs");
    let check = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(
        check.contains("acme.crt is valid") && check.contains("rooms.example.test"),
        "{check}"
    );
    assert!(TcpStream::connect(house.https).is_ok());
    drop(server);
    // The next start takes what is kept: it asks for nothing.
    let _server = house.serve_until("door=\"https\"");
    assert_eq!(house.kept(), first);
    assert!(house.folder.join("data/tls/acme-account.json").exists());
}

#[test]
fn a_certificate_comes_by_http() {
    comes_and_stays("http-01");
}

#[test]
fn a_certificate_comes_by_tls() {
    comes_and_stays("tls-alpn-01");
}
