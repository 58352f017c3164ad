//! Every key of `hauspost.toml`. The doc comments are the administrators' manual (`hauspost config --manual`).

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::backup::Backup;
use super::federation::{Dnssec, FederationMode};
use super::identity::Identity;
use super::network::Network;
use super::secret::Secret;
use super::section::section;
use super::turn::Turn;

section! {
    /// Keys above every section. Paths are relative to the folder of `hauspost.toml`
    /// (without a file: to the working directory).
    pub struct Config {
        /// The part after the `@` of every address. Rooms live at `rooms.<domain>`.
        /// It cannot be changed once there are accounts: it is part of every address.
        domain: String = "localhost".to_owned(),
        /// Folder that holds everything the server keeps. `--data DIR` overrides it.
        data_dir: PathBuf = PathBuf::from("data"),
    }
    sections {
        listen: Listen,
        http: Http,
        tls: Tls,
        store: Store,
        backup: Backup,
        objects: Objects,
        uploads: Uploads,
        push: Push,
        previews: Previews,
        turn: Turn,
        cluster: Cluster,
        components: Components,
        privileges: Privileges,
        federation: Federation,
        auth: Auth,
        registration: Registration,
        identity: Identity,
        archive: Archive,
        limits: Limits,
        policy: Policy,
        contact: Contact,
        log: Log,
        runtime: Runtime,
    }
}

fn everywhere(port: u16) -> Vec<SocketAddr> {
    vec![SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))]
}

section! {
    /// Addresses to listen on, each a list; an empty list switches a door off.
    /// `[::]` takes IPv4 connections too.
    pub struct Listen {
        /// XMPP with STARTTLS.
        xmpp: Vec<SocketAddr> = everywhere(5222),
        /// XMPP with TLS from the first byte (XEP-0368).
        xmpp_tls: Vec<SocketAddr> = everywhere(5223),
        /// Other servers, with STARTTLS. Opened unless `policy.federation.mode` is `"off"`.
        federation: Vec<SocketAddr> = everywhere(5269),
        /// Other servers, with TLS from the first byte (XEP-0368). Opened unless `policy.federation.mode` is `"off"`.
        federation_tls: Vec<SocketAddr> = everywhere(5270),
        /// External components (XEP-0114), without TLS: open it on this machine or in a network that you trust, such as
        /// `["127.0.0.1:5347"]`. Who may attach stands under `[components]`.
        component: Vec<SocketAddr> = Vec::new(),
        /// Web without TLS: for this machine, or behind a trusted reverse proxy (`http.trusted_proxies`).
        /// Nobody from elsewhere can log in over it. ACME's HTTP-01 answers here.
        http: Vec<SocketAddr> = vec![
            SocketAddr::from((Ipv6Addr::LOCALHOST, 8080)),
            SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
        ],
        /// Web with TLS.
        https: Vec<SocketAddr> = Vec::new(),
        /// STUN, TURN and calls (UDP and TCP). Not served by this version yet.
        media: Vec<SocketAddr> = everywhere(3478),
    }
}

section! {
    /// The web face: `/`, `/xmpp-websocket`, `/http-bind`, `/.well-known/host-meta`, `/metrics`, `/healthz`, `/readyz`.
    pub struct Http {
        /// Where browsers reach this server, such as `"https://chat.example.org"`; host-meta names it.
        /// Empty: `https://<domain>`, with the first `listen.https` port.
        public_url: String = String::new(),
        /// Networks of reverse proxies, such as `["10.0.0.5", "192.168.7.0/24"]`. Only their `X-Forwarded-For` and
        /// `X-Forwarded-Proto` are believed, and plain HTTP counts as secured only where they say `https` there: one that says
        /// nothing lets nobody log in with a password in clear. This machine is always trusted, and needs to say nothing for
        /// itself. So a proxy on this machine must set both headers: without them its visitors count as being here, share
        /// one throttle, and may send a password in clear.
        trusted_proxies: Vec<Network> = Vec::new(),
        /// Networks that may read `/metrics`. Loopback always may.
        metrics_from: Vec<Network> = Vec::new(),
        /// Serve WebSocket (RFC 7395) at `/xmpp-websocket`.
        websocket: bool = true,
        /// Serve BOSH (XEP-0124, XEP-0206) at `/http-bind`.
        bosh: bool = true,
        /// Web origins whose scripts may use BOSH and WebSocket, such as `["https://chat.example.org"]`; `["*"]` is any.
        allowed_origins: Vec<String> = vec!["*".to_owned()],
        /// Web origins whose pages may show the messenger as a sidebar (`/?view=sidebar` in a frame), such as
        /// `["https://cloud.example.org"]`. No other page may frame it.
        embed_origins: Vec<String> = Vec::new(),
    }
}

/// Where the certificate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// Made at first start and kept in `data_dir/tls`.
    SelfSigned,
    /// From `tls.certificate` and `tls.key`.
    Files,
    /// From a certificate authority that speaks ACME (RFC 8555).
    Acme,
}

/// Oldest TLS version that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246) with forward secrecy and AEAD only.
    #[serde(rename = "1.2")]
    V12,
    /// TLS 1.3 (RFC 8446).
    #[serde(rename = "1.3")]
    V13,
}

section! {
    /// Certificates.
    pub struct Tls {
        /// `"self-signed"`: made at first start, for trying it out. `"files"`: `certificate` and `key`, read again when
        /// they change or on SIGHUP. `"acme"`: fetched and renewed by itself, see `[tls.acme]`.
        mode: TlsMode = TlsMode::SelfSigned,
        /// PEM file with the certificate chain, own certificate first. Only with `mode = "files"`.
        certificate: PathBuf = PathBuf::new(),
        /// PEM file with the private key. Only with `mode = "files"`.
        key: PathBuf = PathBuf::new(),
        /// PEM file with authorities whose client certificates may log in (SASL EXTERNAL). Empty: none is asked for.
        client_ca: PathBuf = PathBuf::new(),
        /// Oldest TLS version spoken: `"1.2"` or `"1.3"`.
        minimum_version: TlsVersion = TlsVersion::V12,
    }
    sections {
        acme: Acme,
    }
}

/// How control of the names is shown to the authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum AcmeChallenge {
    /// A file over port 80, which must reach `listen.http`.
    #[serde(rename = "http-01")]
    Http01,
    /// A TLS handshake on port 443, which must reach `listen.https`.
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
}

section! {
    /// ACME (RFC 8555), used with `tls.mode = "acme"`.
    pub struct Acme {
        /// Directory address of the authority.
        directory: String = "https://acme-v02.api.letsencrypt.org/directory".to_owned(),
        /// Mail addresses the authority may write to, such as `["admin@example.org"]`.
        contact: Vec<String> = Vec::new(),
        /// `"http-01"` (port 80 must reach `listen.http`) or `"tls-alpn-01"` (port 443 must reach `listen.https`).
        challenge: AcmeChallenge = AcmeChallenge::Http01,
        /// Names in the certificate. Empty: the domain and the names of its services. XMPP clients check the *domain*.
        names: Vec<String> = Vec::new(),
        /// PEM file with an extra authority to trust for the directory itself: an authority inside the house.
        root_ca: PathBuf = PathBuf::new(),
        /// You have read and accept the authority's terms of service.
        accept_terms: bool = false,
    }
}

section! {
    /// Where accounts, rosters and archives are kept.
    pub struct Store {
        /// `"sqlite"`: one file in `data_dir`.
        url: String = "sqlite".to_owned(),
        /// Threads that read beside the one that writes; started when first needed.
        readers: usize = 2,
    }
}

section! {
    /// Where the bytes of files are kept.
    pub struct Objects {
        /// `"file:FOLDER"`, relative to `data_dir`; or `"s3://BUCKET/PREFIX"`: any store that speaks S3. Give its bucket a
        /// rule that ends incomplete multipart uploads after a day.
        url: String = "file:objects".to_owned(),
        /// Address of the S3 store, such as `"https://s3.example.org"`. Empty: that of AWS in `region`.
        endpoint: String = String::new(),
        /// Region of the bucket. Empty: as AWS's own tools find it (`AWS_REGION`), or `us-east-1`.
        region: String = String::new(),
        /// Name of the key for the S3 store. Empty: as AWS's own tools find it (`AWS_ACCESS_KEY_ID`, role of the machine).
        access_key_id: String = String::new(),
        /// The key itself. Better given as `HAUSPOST__OBJECTS__SECRET_ACCESS_KEY`.
        secret_access_key: Secret = Secret::default(),
    }
}

section! {
    /// Files that people upload (XEP-0363). Bounds are in `[limits]`: `upload_…`.
    pub struct Uploads {
        /// Let accounts of this server upload files.
        enabled: bool = true,
        /// Days after which files sent in messages are removed; 0 keeps them. Avatars stay.
        retention_days: u32 = 0,
    }
}

section! {
    /// Notifications for devices that sleep: by way of app servers (XEP-0357), and to browsers (Web Push). They tell
    /// that something has come, never what or from whom.
    pub struct Push {
        /// Let clients ask for notifications.
        enabled: bool = true,
        /// Stands where the text of a message would, in notifications to app servers; some of them wake a device only
        /// when there is one. Empty: nothing stands there.
        placeholder: String = "New message".to_owned(),
        /// Least time between two notifications to one device, in seconds; what comes meanwhile is counted together.
        coalesce_seconds: u32 = 5,
        /// Push services of browsers that are not on the public Internet, such as `["10.0.0.0/8"]`. Without this no
        /// notification goes to an address inside the house, whoever names one.
        allowed_networks: Vec<Network> = Vec::new(),
    }
}

section! {
    /// Previews of links: the server fetches for its own people what is behind a link that they are about to send.
    pub struct Previews {
        /// Fetch pages for one's own people. The server learns which links they ask for.
        enabled: bool = true,
        /// Links that one account may ask for in a minute.
        per_minute: u32 = 30,
        /// Networks inside the house whose pages may be fetched too, such as `["10.1.0.0/16"]`. Others never are.
        allowed_networks: Vec<Network> = Vec::new(),
    }
}

section! {
    /// Several nodes that are one server. Not used by this version yet.
    pub struct Cluster {
        /// Empty: this node is alone.
        url: String = String::new(),
    }
}

/// External components (XEP-0114): `"gateway.example.org" = "secret"`, a line each.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Components(pub BTreeMap<String, Secret>);

impl super::section::Described for Components {
    fn describe(path: &str, _doc: &str, out: &mut Vec<super::section::SectionDoc>) {
        out.push(super::section::SectionDoc {
            section: path.to_owned(),
            doc: "External components (XEP-0114), a line each: `\"gateway.example.org\" = \"secret\"`.\n\
                  Each attaches at `listen.component` and gets everything that is sent to its domain, from users here\n\
                  and, where `policy.federation` allows, from elsewhere. It reads whatever passes through it."
                .to_owned(),
            keys: Vec::new(),
        });
    }
}

/// Which requests a component may make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// None.
    #[default]
    None,
    /// Reading.
    Get,
    /// Changing.
    Set,
    /// Both.
    Both,
}

/// What one component may do beside what all may.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Privilege {
    /// Rosters of all accounts.
    pub roster: Access,
    /// Messages in the name of accounts and of the server.
    pub message: bool,
    /// Presence of all accounts.
    pub presence: bool,
    /// Requests in the name of accounts, by namespace.
    pub iq: BTreeMap<String, Access>,
    /// Namespaces whose requests it answers instead of the server.
    pub delegate: Vec<String>,
}

/// Privileges of components (XEP-0356, XEP-0355), by domain.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Privileges(pub BTreeMap<String, Privilege>);

impl super::section::Described for Privileges {
    fn describe(path: &str, _doc: &str, out: &mut Vec<super::section::SectionDoc>) {
        out.push(super::section::SectionDoc {
            section: path.to_owned(),
            doc: "What components may do beside what all may (XEP-0356, XEP-0355), a line each:\n\
                  `\"gateway.example.org\" = { roster = \"both\", message = true, presence = true,\n\
                  iq = { \"http://jabber.org/protocol/pubsub\" = \"set\" }, delegate = [\"urn:example\"] }`.\n\
                  `roster` (`\"get\"`, `\"set\"`, `\"both\"`): rosters of all accounts; `message`: send in the name of\n\
                  accounts; `presence`: see who comes and goes; `iq`: send requests of these namespaces in the name of\n\
                  accounts; `delegate`: answer requests of these namespaces instead of the server. Grant what the\n\
                  component needs, no more: it can act as anybody here."
                .to_owned(),
            keys: Vec::new(),
        });
    }
}

section! {
    /// How other servers are found and reached. Whom this one talks with stands under `[policy.federation]`.
    pub struct Federation {
        /// Name servers to ask, such as `["192.0.2.53:53"]`. Empty: those of the system (`/etc/resolv.conf`).
        name_servers: Vec<SocketAddr> = Vec::new(),
        /// Whether signatures of DNS records (DNSSEC) are checked, and certificates of other servers by the TLSA records that
        /// are signed (DANE, RFC 7673). `"auto"`: where the name servers hand signatures on. `"required"`: always; a
        /// name server that hands none on makes other domains unreachable. `"off"`: never.
        dnssec: Dnssec = Dnssec::Auto,
        /// File with the DNSKEY records that DNSSEC begins at, in the place of the root zone's.
        trust_anchors: PathBuf = PathBuf::new(),
        /// Servers of single domains, instead of what DNS says: `"partner.example" = ["xmpp.partner.example:5269"]`, in
        /// the order in which they are tried; `"tls://…"` is TLS from the first byte.
        hosts: BTreeMap<String, Vec<String>> = BTreeMap::new(),
        /// PEM file with authorities that other servers' certificates may come from, beside those of the system.
        ca: PathBuf = PathBuf::new(),
        /// Networks that are not public and in which servers of other domains may be, such as `["10.0.0.0/8"]`. Without
        /// this no connection goes to an address inside the house, whatever domain somebody names. Those in `hosts` are
        /// connected with wherever they are; a domain that is an address itself only when it stands there.
        allowed_networks: Vec<Network> = Vec::new(),
        /// Connections with other servers, in both directions, and with components; never more than a third of the files
        /// that the process may open (`ulimit -n`), so that clients keep theirs.
        connections: u32 = 4_000,
        /// Streams that the server of one domain may open to us.
        streams_per_domain: usize = 50,
        /// Connections that may be made at the same time; of those one account has a quarter at most.
        dials: usize = 100,
        /// Domains that were not reached yet to which one account may have something on its way.
        domains_per_account: usize = 200,
        /// Bytes that may wait for other domains from one account.
        queue_bytes_per_account: usize = 32 * 1024 * 1024,
        /// Stanzas that may wait for one domain; more are refused.
        queue_stanzas: usize = 10_000,
        /// Bytes that may wait for one domain.
        queue_bytes: usize = 16 * 1024 * 1024,
        /// Time from a failed connection to the next attempt, in seconds; it doubles with every failure.
        retry_first_seconds: u32 = 15,
        /// Longest time between two attempts, in seconds.
        retry_longest_seconds: u32 = 1800,
        /// Hours after which a message that could not be delivered goes back to its sender.
        message_hours: u32 = 48,
        /// Silence after which a stream is closed, in seconds; it is opened again when there is something to say.
        idle_seconds: u32 = 600,
    }
}

/// A SASL mechanism family that can be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Mechanism {
    /// SCRAM with SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
    /// SCRAM with SHA-256 (RFC 7677).
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// SCRAM with SHA-1 (RFC 5802).
    #[serde(rename = "SCRAM-SHA-1")]
    ScramSha1,
    /// The password itself, only under TLS (RFC 4616).
    #[serde(rename = "PLAIN")]
    Plain,
    /// Client certificate (RFC 4422); needs `tls.client_ca`.
    #[serde(rename = "EXTERNAL")]
    External,
}

section! {
    /// Getting in.
    pub struct Auth {
        /// Mechanisms offered; each SCRAM comes with its `-PLUS` form (channel binding) where TLS allows.
        /// PLAIN is never offered without TLS; EXTERNAL needs `tls.client_ca`.
        mechanisms: Vec<Mechanism> = vec![
            Mechanism::ScramSha512,
            Mechanism::ScramSha256,
            Mechanism::ScramSha1,
            Mechanism::Plain,
            Mechanism::External,
        ],
        /// Iterations of the key derivation for passwords set from now on (at least 4096, RFC 7677). More makes a stolen
        /// store dearer to search, and each login and each import dearer by the same factor. Accounts keep theirs until
        /// their password changes. `user import` uses 4096 unless told otherwise.
        scram_iterations: u32 = 10_000,
        /// Let clients that connect from this machine log in without TLS on `listen.xmpp`. For bridges, tests and
        /// measurements; never needed by people.
        plaintext_on_loopback: bool = false,
        /// Let clients log in again with a token instead of the password (FAST, XEP-0484).
        fast: bool = true,
        /// Days after which a token that was not used ends.
        fast_token_days: u32 = 21,
        /// Wrong passwords in a row, for one account or from one address, that cost nothing. Then each answer is delayed,
        /// longer each time. Somebody else's guesses never lock the true user out: where an account has logged in from in the
        /// last 30 days, only wrong passwords for that account from that address count. Tokens (FAST) and certificates are
        /// never held up by any of them.
        failures_before_delay: u32 = 5,
        /// Longest delay of an answer to a wrong password, in seconds.
        longest_delay_seconds: u32 = 10,
        /// Wrong passwords from one address, over all accounts, after which only one attempt in each
        /// `longest_delay_seconds` is looked at, and none on an account that was guessed at from there. Addresses from which
        /// an account has logged in lately have this bound for that account alone. Every 30 seconds one is forgiven.
        failures_per_address: u32 = 100,
    }
}

/// Which accounts people may make for themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegistrationMode {
    /// None.
    Off,
    /// Those of people who bring an invitation.
    Invitation,
    /// Everybody's.
    Open,
}

section! {
    /// Accounts that people make for themselves, invitations, app passwords.
    pub struct Registration {
        /// Accounts that may be made from within a program, before login (XEP-0077). `"off"`: none; administrators make
        /// accounts, or send links (`hauspost user invite`) that are used in a browser. `"invitation"`: those of people who
        /// bring an invitation (XEP-0445). `"open"`: everybody's, within the limits below; strangers will find it.
        mode: RegistrationMode = RegistrationMode::Off,
        /// Let every user invite new people, not only administrators. Contacts among those who have accounts can always be
        /// invited.
        users_invite: bool = false,
        /// Days that an invitation lasts.
        invitation_days: u32 = 7,
        /// Open invitations of one user.
        invitations_per_user: usize = 50,
        /// With `mode = "open"`: accounts that one address (an IPv6 /64 counts as one) may make in an hour.
        per_address_per_hour: u32 = 3,
        /// With `mode = "open"`: accounts that all together may make in an hour.
        per_hour: u32 = 100,
        /// Fewest characters of a password that people choose in a program or on a page.
        shortest_password: usize = 8,
        /// Names that nobody may choose. An invitation to such a name works.
        reserved_names: Vec<String> = ["abuse", "admin", "administrator", "hostmaster", "postmaster", "root", "security",
            "support", "webmaster"].map(str::to_owned).to_vec(),
        /// Let users remove their own accounts.
        users_remove: bool = true,
        /// App passwords of one user, each for one program; 0 switches them off.
        app_passwords_per_user: usize = 20,
        /// Days after which a device that has logged in is no longer listed to its user (XEP-0494); 0 keeps no such list.
        device_days: u32 = 90,
    }
}

section! {
    /// Message archive (XEP-0313).
    pub struct Archive {
        /// Keep the messages of users who did not choose otherwise (XEP-0441). Off: messages for people who are away are
        /// still kept until they come.
        enabled: bool = true,
        /// Days after which kept messages are removed; 0 keeps them.
        retention_days: u32 = 0,
    }
}

section! {
    /// Bounds. Every one has its unit in its name.
    pub struct Limits {
        /// Largest stanza or nonza of a logged-in client, in bytes as they come over the wire
        /// (RFC 6120 §13.12 demands at least 10,000).
        stanza_bytes: usize = 256 * 1024,
        /// Largest first-level element before login, in bytes (RFC 6120 §13.12's minimum).
        preauth_stanza_bytes: usize = 10_000,
        /// Deepest nesting of elements inside a stanza, the stanza itself being depth 1.
        depth: usize = 64,
        /// Deepest nesting before login.
        preauth_depth: usize = 16,
        /// Attributes of one element, namespace declarations included.
        attributes: usize = 64,
        /// White space between elements that is swallowed on one stream before login, in bytes.
        whitespace_bytes: usize = 4 * 1024,
        /// Time from accepted socket to a bound or resumed stream, in seconds.
        preauth_seconds: u32 = 30,
        /// Failed logins on one stream before it is closed (RFC 6120 §6.4.5 says 2 to 5).
        login_attempts: u32 = 5,
        /// Connections that are not logged in yet, from one address (an IPv6 /64 counts as one), over all transports. This
        /// machine itself is not bounded.
        preauth_connections_per_address: u32 = 100,
        /// Connections that are not logged in yet, from everywhere.
        preauth_connections: u32 = 2_000,
        /// Streams that may end by their client's fault, sustained, per second; four times as many at once. Before login
        /// they are counted by address, and those above hear later why theirs has ended; after login by account, and its
        /// next login is answered later. After five seconds at most.
        stream_faults_per_second: u32 = 10,
        /// Connections in all.
        connections: u32 = 100_000,
        /// Sessions (bound resources) of one account, those waiting for resumption included.
        sessions_per_account: u32 = 20,
        /// Input of one logged-in connection, sustained, in bytes per second.
        input_bytes_per_second: u32 = 1024 * 1024,
        /// Input of one logged-in connection that may come at once above the rate, in bytes.
        input_burst_bytes: u32 = 8 * 1024 * 1024,
        /// Input of one connection before login, sustained, in bytes per second.
        preauth_input_bytes_per_second: u32 = 16 * 1024,
        /// Output that may wait for one connection before its stream is ended, in bytes.
        mailbox_bytes: usize = 4 * 1024 * 1024,
        /// Stanzas that may wait for one connection before its stream is ended.
        mailbox_stanzas: usize = 10_000,
        /// Stanzas sent but not yet acknowledged (XEP-0198) that are kept for resumption, in bytes.
        unacknowledged_bytes: usize = 4 * 1024 * 1024,
        /// Stanzas sent but not yet acknowledged that are kept for resumption.
        unacknowledged_stanzas: usize = 10_000,
        /// How long a cut session waits for its client to resume (XEP-0198 `max`), in seconds.
        resumption_seconds: u32 = 600,
        /// Silence after which the server asks whether the client is still there, in seconds.
        idle_ping_seconds: u32 = 600,
        /// Silence after that question until the connection is cut, in seconds.
        ping_timeout_seconds: u32 = 60,
        /// Stanzas held back for an inactive client (XEP-0352) before they go out all the same.
        inactive_stanzas: usize = 200,
        /// Contacts in one roster.
        roster_items: usize = 10_000,
        /// Bytes of a contact's name or of one group's name in a roster.
        roster_text_bytes: usize = 1_023,
        /// Addresses in one block list.
        blocked_addresses: usize = 10_000,
        /// Subscription requests that wait for one account.
        pending_requests: usize = 1_000,
        /// Messages kept for an account that is away, whether it has an archive or not.
        offline_messages: usize = 10_000,
        /// Messages of one archive page at most (XEP-0059 `max`).
        archive_page: usize = 250,
        /// Messages of one archive page when the client names no number.
        archive_page_default: usize = 50,
        /// Bytes of one private XML fragment (XEP-0049) or vCard (XEP-0054).
        private_xml_bytes: usize = 256 * 1024,
        /// Private XML fragments of one account.
        private_xml_items: usize = 200,
        /// Nodes of one account (XEP-0060, XEP-0163).
        pubsub_nodes: usize = 1_000,
        /// Items of one node: what `max` means (XEP-0060 `pubsub#max_items`).
        pubsub_node_items: usize = 10_000,
        /// Items in all nodes of one account.
        pubsub_items: usize = 20_000,
        /// Bytes of all items of one account.
        pubsub_bytes: usize = 32 * 1024 * 1024,
        /// Items of one answer at most (XEP-0059 `max`).
        pubsub_page: usize = 1_000,
        /// Subscriptions, and also affiliations, of one node.
        pubsub_subscriptions: usize = 1_000,
        /// Bytes of the configuration of one node.
        pubsub_configuration_bytes: usize = 8 * 1024,
        /// Largest file that may be uploaded, in bytes.
        upload_file_bytes: u64 = 256 * 1024 * 1024,
        /// Largest file of a profile that may be uploaded, such as an avatar, in bytes.
        upload_profile_bytes: u64 = 4 * 1024 * 1024,
        /// All files of one account together, in bytes.
        upload_account_bytes: u64 = 10 * 1024 * 1024 * 1024,
        /// How long a slot waits for its file (XEP-0363 §8 recommends about 300), in seconds.
        upload_slot_seconds: u32 = 600,
        /// Slots of one account that wait for their files.
        upload_slots: u32 = 100,
        /// Files received at once, from everybody. With S3 each larger than 5 MiB takes that much memory.
        uploads_at_once: u32 = 64,
        /// Files received at once, from one account.
        uploads_at_once_per_account: u32 = 8,
        /// Files sent at once, to everybody.
        downloads_at_once: u32 = 1_000,
        /// How long a sender or reader of a file may stall (64 KiB must pass in this time), in seconds.
        upload_stall_seconds: u32 = 30,
        /// Devices of one account that are told when something comes; with one more, the oldest is forgotten.
        push_registrations: usize = 30,
        /// Longest time a BOSH request may be held, in seconds.
        bosh_wait_seconds: u32 = 60,
        /// Time without any BOSH request after which that session ends, in seconds.
        bosh_inactivity_seconds: u32 = 60,
        /// BOSH sessions in all.
        bosh_sessions: usize = 10_000,
        /// Time for the head of an HTTP request, in seconds.
        http_header_seconds: u32 = 15,
        /// Time a stopping server waits for its clients and its disk, in seconds.
        shutdown_seconds: u32 = 10,
    }
}

impl Limits {
    /// The limits of the messenger itself.
    pub fn messenger(&self) -> base::Limits {
        base::Limits {
            stanza_bytes: self.stanza_bytes,
            preauth_stanza_bytes: self.preauth_stanza_bytes,
            depth: self.depth,
            preauth_depth: self.preauth_depth,
            attributes: self.attributes,
            whitespace_bytes: self.whitespace_bytes,
            preauth_seconds: self.preauth_seconds,
            login_attempts: self.login_attempts,
            preauth_connections_per_address: self.preauth_connections_per_address,
            preauth_connections: self.preauth_connections,
            stream_faults_per_second: self.stream_faults_per_second,
            connections: self.connections,
            sessions_per_account: self.sessions_per_account,
            input_bytes_per_second: self.input_bytes_per_second,
            input_burst_bytes: self.input_burst_bytes,
            preauth_input_bytes_per_second: self.preauth_input_bytes_per_second,
            mailbox_bytes: self.mailbox_bytes,
            mailbox_stanzas: self.mailbox_stanzas,
            unacknowledged_bytes: self.unacknowledged_bytes,
            unacknowledged_stanzas: self.unacknowledged_stanzas,
            resumption_seconds: self.resumption_seconds,
            idle_ping_seconds: self.idle_ping_seconds,
            ping_timeout_seconds: self.ping_timeout_seconds,
            inactive_stanzas: self.inactive_stanzas,
            roster_items: self.roster_items,
            roster_text_bytes: self.roster_text_bytes,
            blocked_addresses: self.blocked_addresses,
            pending_requests: self.pending_requests,
            offline_messages: self.offline_messages,
            archive_page: self.archive_page,
            archive_page_default: self.archive_page_default,
            private_xml_bytes: self.private_xml_bytes,
            private_xml_items: self.private_xml_items,
            pubsub_nodes: self.pubsub_nodes,
            pubsub_node_items: self.pubsub_node_items,
            pubsub_items: self.pubsub_items,
            pubsub_bytes: self.pubsub_bytes,
            pubsub_page: self.pubsub_page,
            pubsub_subscriptions: self.pubsub_subscriptions,
            pubsub_configuration_bytes: self.pubsub_configuration_bytes,
        }
    }
}

section! {
    /// House rules.
    pub struct Policy {
    }
    sections {
        encryption: Encryption,
        federation: FederationPolicy,
    }
}

section! {
    /// Other servers. TLS is needed always, and certificates are checked.
    pub struct FederationPolicy {
        /// `"off"`: no other server. `"allow-list"`: those in `allow`. `"open"`: all but those in `block`.
        mode: FederationMode = FederationMode::Open,
        /// Domains to talk with, such as `["partner.example"]`; a name stands for its subdomains too. Only with
        /// `mode = "allow-list"`.
        allow: Vec<String> = Vec::new(),
        /// Domains never to talk with; a name stands for its subdomains too.
        block: Vec<String> = Vec::new(),
        /// Take dialback (XEP-0220) for proof where a certificate does not show who a server is: then whoever rules the
        /// network between can pretend to be that server.
        dialback: bool = false,
    }
}

/// How an end-to-end encryption rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncryptionRule {
    /// The server refuses readable text.
    Required,
    /// Clients encrypt unless their user says otherwise.
    Default,
    /// Clients do not encrypt by themselves.
    Off,
}

section! {
    /// End-to-end encryption (OMEMO). `"required"`: the server refuses messages that it could read, at every door, and
    /// tells their sender what to do. `"default"`: clients encrypt unless their user says otherwise; the server refuses
    /// nothing. `"off"`: clients do not encrypt by themselves; whoever wants to still may, the server forbids it to nobody.
    ///
    /// A change applies on SIGHUP at once, to what is said from then on; what was kept before stays as it is. Clients read
    /// what applies from service discovery (`docs/encryption.md`). Open rooms are readable by the server and stay so under
    /// every rule: people, bots, webhooks and gateways write there as they like.
    pub struct Encryption {
        /// One-to-one chats within the organisation, private messages in rooms among them.
        direct: EncryptionRule = EncryptionRule::Required,
        /// Private groups: rooms for members only, or with a password. A department's room (one with a group of the
        /// directory) is no private group, nor is a room that everybody may enter. With `"required"`, a private group
        /// in which nobody can encrypt (it hides addresses, or is not for members only) takes no messages until its
        /// owner changes that.
        groups: EncryptionRule = EncryptionRule::Required,
        /// With people on other servers, in both directions, and with components. With `"required"`, unencrypted rooms on
        /// other servers cannot be used, and gateways to other networks neither: they cannot decrypt.
        remote: EncryptionRule = EncryptionRule::Default,
        /// An OMEMO message carries a key for every device of everybody who may read it. On: each user gets, and finds in
        /// archives, only those for devices that ever stood in his device list, which makes messages in large rooms many
        /// times smaller; the archive keeps all. Switch it off for the first days after moving accounts here from another
        /// server without their device lists.
        own_keys_only: bool = true,
    }
}

section! {
    /// Whom to turn to (XEP-0157): lists of addresses such as `["mailto:abuse@example.org", "xmpp:admin@example.org"]`.
    pub struct Contact {
        /// Abuse.
        abuse: Vec<String> = Vec::new(),
        /// Administration.
        admin: Vec<String> = Vec::new(),
        /// Feedback.
        feedback: Vec<String> = Vec::new(),
        /// Sales.
        sales: Vec<String> = Vec::new(),
        /// Security reports.
        security: Vec<String> = Vec::new(),
        /// State of the service.
        status: Vec<String> = Vec::new(),
        /// Help for users.
        support: Vec<String> = Vec::new(),
        /// Tell everyone who asks the domain, the software and the servers this one talks with (XEP-0485).
        publish_server_information: bool = false,
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Readable,
    /// One JSON object a line.
    Json,
}

section! {
    /// The log goes to standard error. It never holds message content or secrets.
    pub struct Log {
        /// `"readable"` or `"json"`.
        format: LogFormat = LogFormat::Readable,
        /// `"error"`, `"warn"`, `"info"`, `"debug"` or `"trace"`; or by part, such as `"info,chat=debug"`.
        level: String = "info".to_owned(),
    }
}

section! {
    /// The process.
    pub struct Runtime {
        /// Threads that serve connections; 0 is one per processor core.
        worker_threads: usize = 0,
    }
}
