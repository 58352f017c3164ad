//! The real binary, with a folder and ports of its own.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use xmpp::xml::Stanza;

use crate::client::{Client, Wishes};
use crate::house::DOMAIN;
use crate::script::{Party, Stage};

/// How long anything may take before a test fails; nothing waits this long when all is well.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server.
pub struct Server {
    folder: PathBuf,
    child: Option<Child>,
    /// Where it takes XMPP.
    pub address: SocketAddr,
    guests: Vec<Guest>,
    /// Sockets that nobody reads any more.
    forsaken: Vec<Link>,
    pings: u64,
}

struct Guest {
    wishes: Wishes,
    link: Option<Link>,
}

impl Guest {
    /// Notes how to resume the session that is being left.
    fn leave(&mut self) -> Option<Link> {
        let link = self.link.take()?;
        self.wishes.remember(&link.client);
        Some(link)
    }
}

/// A client over a real socket.
pub struct Link {
    socket: TcpStream,
    /// The client.
    pub client: Client,
}

impl Link {
    /// Connects and logs in.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn open(address: SocketAddr, wishes: &Wishes) -> Result<Self, String> {
        let mut socket = TcpStream::connect(address).map_err(|error| error.to_string())?;
        socket
            .set_read_timeout(Some(PATIENCE))
            .map_err(|error| error.to_string())?;
        socket
            .set_nodelay(true)
            .map_err(|error| error.to_string())?;
        let seed =
            std::array::from_fn(|at| wishes.resource.as_bytes().get(at).copied().unwrap_or(1));
        let (client, first) = Client::begin(wishes, seed);
        socket
            .write_all(&first)
            .map_err(|error| error.to_string())?;
        let mut link = Self { socket, client };
        while !link.client.is_ready() {
            if link.client.ended.is_some() || !link.read() {
                return Err(format!("not logged in: {:?}", link.client.ended));
            }
        }
        Ok(link)
    }

    /// Sends whole elements; a dead socket is noticed when reading.
    pub fn send(&mut self, bytes: &[u8]) {
        self.client.sending(bytes);
        let _ = self.socket.write_all(bytes);
    }

    /// Reads once, and answers what is to be answered. False at the end of the stream.
    pub fn read(&mut self) -> bool {
        let Some(reply) = self.hear() else {
            return false;
        };
        let _ = self.socket.write_all(&reply);
        true
    }

    /// Reads once, and gives what the client would answer: nothing is acknowledged. `None` at the end of the stream.
    pub fn hear(&mut self) -> Option<Vec<u8>> {
        let mut buffer = [0; 16 * 1024];
        match self.socket.read(&mut buffer) {
            Ok(0) | Err(_) => {
                self.client.ended.get_or_insert_with(|| "cut".into());
                None
            }
            Ok(read) => Some(self.client.receive(&buffer[..read])),
        }
    }

    /// The next stanza, waiting for it.
    pub fn await_stanza(&mut self) -> Option<Stanza> {
        loop {
            if let Some(stanza) = self.client.inbox.pop_front() {
                return Some(stanza);
            }
            if self.client.ended.is_some() || !self.read() {
                return None;
            }
        }
    }
}

impl Server {
    /// Where the binary is: built beside the tests.
    #[must_use]
    pub fn binary() -> PathBuf {
        let tests = std::env::current_exe().unwrap();
        let built = tests
            .parent()
            .and_then(Path::parent)
            .unwrap()
            .join("hauspost");
        assert!(
            built.exists(),
            "build the server first: cargo build -p server"
        );
        built
    }

    /// Starts a server with further lines of configuration. Parties say what they say in words, unless these lines
    /// have a section `[policy.encryption]` (an empty one has the defaults).
    #[must_use]
    pub fn start(name: &str, config: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("hauspost-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let lenient = if config.contains("[policy.encryption]") {
            ""
        } else {
            "[policy.encryption]\ndirect = \"default\"\ngroups = \"default\"\n"
        };
        let text = format!(
            "domain = \"{DOMAIN}\"\n[listen]\nxmpp = [\"{port}\"]\nxmpp_tls = []\nfederation = []\nfederation_tls = []\nhttp = []\nmedia = []\n\
             [auth]\nplaintext_on_loopback = true\n{lenient}{config}"
        );
        std::fs::write(folder.join("hauspost.toml"), text).unwrap();
        let mut server = Self {
            folder,
            child: None,
            address: port,
            guests: Vec::new(),
            forsaken: Vec::new(),
            pings: 0,
        };
        server.launch();
        server
    }

    fn command(&self) -> Command {
        let mut command = Command::new(Self::binary());
        command
            .arg("--config")
            .arg(self.folder.join("hauspost.toml"))
            .arg("--data")
            .arg(self.folder.join("data"));
        command
    }

    /// Starts the process and waits until it accepts connections.
    pub fn launch(&mut self) {
        let log = std::fs::File::create(self.folder.join("log")).unwrap();
        let mut child = self
            .command()
            .arg("serve")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while TcpStream::connect(self.address).is_err() {
            if lines.next().is_none() {
                let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                panic!("the server ended: {log}");
            }
        }
        // Nobody reads on: let it write without end.
        std::thread::spawn(move || lines.for_each(drop));
        self.child = Some(child);
    }

    /// Kills the process where it stands.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Makes accounts with the password `secret`, on the running server.
    pub fn add_accounts<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        let mut csv = String::from("name,password\n");
        for name in names {
            writeln!(csv, "{name},secret").unwrap();
        }
        let path = self.folder.join("accounts.csv");
        std::fs::write(&path, csv).unwrap();
        let output = self
            .command()
            .args(["user", "import"])
            .arg(&path)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Makes an administrator with the password `secret`, on the running server.
    fn add_administrator(&self, name: &str) {
        let mut adding = self
            .command()
            .args(["user", "add", name, "--admin", "--password-stdin"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        adding.stdin.take().unwrap().write_all(b"secret\n").unwrap();
        assert!(adding.wait().unwrap().success());
    }

    /// Waits until all that `guest` has sent has had its effect.
    fn barrier(&mut self, guest: usize) {
        self.pings += 1;
        let id = format!("barrier-{}", self.pings);
        let Some(link) = self.guests[guest].link.as_mut() else {
            return;
        };
        if !link.client.listens() {
            return;
        }
        link.send(
            format!("<iq type='get' to='{DOMAIN}' id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>")
                .as_bytes(),
        );
        loop {
            let came = link
                .client
                .inbox
                .iter()
                .position(|stanza| stanza.id().as_deref() == Some(&*id));
            if let Some(at) = came {
                link.client.inbox.remove(at);
                return;
            }
            if link.client.ended.is_some() || !link.read() {
                return;
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

impl Stage for Server {
    fn add(&mut self, party: &Party) -> usize {
        let (local, _) = party.account.split_once('@').unwrap();
        let account = base::BareJid::parse(&party.account).unwrap();
        if !self
            .guests
            .iter()
            .any(|guest| guest.wishes.account == account)
        {
            if party.admin {
                self.add_administrator(local);
            } else {
                self.add_accounts([local]);
            }
        }
        let wishes = Wishes {
            account,
            resource: party.resource.clone(),
            password: "secret".into(),
            managed: party.managed,
            sasl2: party.sasl2,
            resume: None,
            salted: None,
        };
        self.guests.push(Guest { wishes, link: None });
        self.guests.len() - 1
    }

    fn connect(&mut self, party: usize) -> Result<(), String> {
        let link = Link::open(self.address, &self.guests[party].wishes)?;
        self.guests[party].link = Some(link);
        self.barrier(party);
        Ok(())
    }

    fn send(&mut self, party: usize, bytes: &[u8]) {
        if let Some(link) = &mut self.guests[party].link {
            link.send(bytes);
        }
        if !bytes.ends_with(b"</stream:stream>") {
            self.barrier(party);
        }
    }

    fn cut(&mut self, party: usize) {
        drop(self.guests[party].leave());
    }

    fn forsake(&mut self, party: usize) {
        self.forsaken.extend(self.guests[party].leave());
    }

    fn wishes(&mut self, party: usize) -> &mut Wishes {
        &mut self.guests[party].wishes
    }

    fn client(&mut self, party: usize) -> Option<&mut Client> {
        Some(&mut self.guests[party].link.as_mut()?.client)
    }

    fn acknowledged(&mut self, party: usize) -> bool {
        let Some(link) = &mut self.guests[party].link else {
            return false;
        };
        let before = link.client.acknowledgements;
        link.send(b"<r xmlns='urn:xmpp:sm:3'/>");
        while link.client.acknowledgements == before {
            if link.client.ended.is_some() || !link.read() {
                return false;
            }
        }
        link.client.acknowledged == link.client.sent
    }

    fn next(&mut self, party: usize) -> Option<Stanza> {
        self.guests[party].link.as_mut()?.await_stanza()
    }

    fn quiet(&mut self, party: usize) -> bool {
        for guest in 0..self.guests.len() {
            if guest != party {
                self.barrier(guest);
            }
        }
        self.barrier(party);
        self.guests[party]
            .link
            .as_ref()
            .is_none_or(|link| link.client.inbox.is_empty())
    }

    fn forget(&mut self, party: usize) {
        self.quiet(party);
        if let Some(link) = &mut self.guests[party].link {
            link.client.inbox.clear();
        }
    }

    fn ended(&mut self, party: usize) -> Option<String> {
        self.guests[party].link.as_ref()?.client.ended.clone()
    }

    fn pass(&mut self, _: Duration) -> bool {
        false
    }
}
