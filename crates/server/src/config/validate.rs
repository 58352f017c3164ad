//! Combinations that cannot work, and paths made absolute.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::federation::FederationMode;
use super::model::{AcmeChallenge, Config, TlsMode};
use super::turn::service;

/// Something that cannot work.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) key: &'static str,
    pub(super) problem: String,
    pub(super) mend: String,
}

fn wrong(
    key: &'static str,
    problem: impl Into<String>,
    mend: impl Into<String>,
) -> Result<(), Wrong> {
    Err(Wrong {
        key,
        problem: problem.into(),
        mend: mend.into(),
    })
}

impl Config {
    /// Checks what the types cannot say.
    pub(super) fn validate(&self) -> Result<(), Wrong> {
        self.validate_domain()?;
        self.validate_doors()?;
        self.validate_tls()?;
        self.validate_auth()?;
        self.validate_registration()?;
        self.validate_directory()?;
        self.validate_limits()?;
        self.validate_federation()?;
        if !self.store.url.eq("sqlite") {
            return wrong(
                "store.url",
                "this version keeps everything in SQLite",
                "write url = \"sqlite\"; PostgreSQL comes with a later version",
            );
        }
        self.validate_objects()?;
        self.validate_backup()?;
        self.validate_embedding()?;
        self.validate_turn()?;
        if !self.cluster.url.is_empty() {
            return wrong(
                "cluster.url",
                "this version runs on one node",
                "write url = \"\"",
            );
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.log.level) {
            return wrong(
                "log.level",
                format!("cannot be read: {error}"),
                "write \"error\", \"warn\", \"info\", \"debug\" or \"trace\", or by part: \"info,chat=debug\"",
            );
        }
        Ok(())
    }

    fn validate_embedding(&self) -> Result<(), Wrong> {
        let is_origin = |text: &String| {
            let host = text
                .strip_prefix("https://")
                .or_else(|| text.strip_prefix("http://"));
            host.is_some_and(|host| {
                !host.is_empty()
                    && host
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte))
            })
        };
        match self.http.embed_origins.iter().find(|text| !is_origin(text)) {
            Some(text) => wrong(
                "http.embed_origins",
                format!("\"{text}\" is no web origin"),
                "write scheme and host alone, as in \"https://cloud.example.org\"",
            ),
            None => Ok(()),
        }
    }

    fn validate_turn(&self) -> Result<(), Wrong> {
        let wrong_one = self
            .turn
            .servers
            .iter()
            .find(|server| service(server).is_none());
        if let Some(server) = wrong_one {
            return wrong(
                "turn.servers",
                format!("\"{server}\" names no relay"),
                "write \"turn:HOST:3478\", \"turns:HOST:5349\" or \"stun:HOST:3478\", with \"?transport=tcp\" behind for TCP",
            );
        }
        let relays = self.turn.services();
        if relays.iter().any(|relay| relay.restricted) && self.turn.secret.expose().is_empty() {
            return wrong(
                "turn.secret",
                "is missing: no client could use the relays",
                "set the same secret as `static-auth-secret` of coturn",
            );
        }
        Ok(())
    }

    fn validate_objects(&self) -> Result<(), Wrong> {
        let objects = &self.objects;
        let is_folder = objects
            .url
            .strip_prefix("file:")
            .is_some_and(|folder| !folder.is_empty());
        if !is_folder && crate::objects::bucket(&objects.url).is_none() {
            return wrong(
                "objects.url",
                format!("\"{}\" is no place for files", objects.url),
                "write \"file:objects\" for a folder, or \"s3://BUCKET\"",
            );
        }
        if objects.access_key_id.is_empty() != objects.secret_access_key.expose().is_empty() {
            return wrong(
                "objects.secret_access_key",
                "access_key_id and secret_access_key go together",
                "set both, or neither",
            );
        }
        if self.limits.upload_slot_seconds == 0 {
            return wrong(
                "limits.upload_slot_seconds",
                "0 leaves no time for any upload",
                "write 300 or so",
            );
        }
        Ok(())
    }

    fn validate_backup(&self) -> Result<(), Wrong> {
        let backup = &self.backup;
        if backup.is_on() && backup.folder == self.data_dir {
            return wrong(
                "backup.folder",
                "is the data folder itself",
                "name a folder of its own, best on another disk",
            );
        }
        for (key, value) in [("backup.hours", backup.hours), ("backup.keep", backup.keep)] {
            if value == 0 || value > 10_000 {
                return wrong(
                    key,
                    format!("{value} cannot be"),
                    "write a number from 1 to 10000",
                );
            }
        }
        Ok(())
    }

    fn validate_domain(&self) -> Result<(), Wrong> {
        if self.domain.is_empty()
            || self.domain.contains(['@', '/', ' '])
            || self.domain.starts_with('.')
        {
            return wrong(
                "domain",
                format!("\"{}\" is no domain", self.domain),
                "write the part after the @ alone, such as \"example.org\"",
            );
        }
        if let Err(error) = base::BareJid::parse(&self.domain) {
            return wrong(
                "domain",
                format!("\"{}\" is no domain: {error}", self.domain),
                "write it such as \"example.org\"",
            );
        }
        Ok(())
    }

    fn validate_doors(&self) -> Result<(), Wrong> {
        let listen = &self.listen;
        let mut doors: Vec<(&'static str, &[SocketAddr])> = vec![
            ("listen.xmpp", &listen.xmpp),
            ("listen.xmpp_tls", &listen.xmpp_tls),
            ("listen.http", &listen.http),
            ("listen.https", &listen.https),
            ("listen.component", &listen.component),
        ];
        if self.policy.federation.mode != FederationMode::Off {
            doors.push(("listen.federation", &listen.federation));
            doors.push(("listen.federation_tls", &listen.federation_tls));
        }
        let mut taken: Vec<(SocketAddr, &'static str)> = Vec::new();
        for (key, addresses) in doors {
            for address in addresses {
                if address.port() != 0
                    && let Some((_, other)) = taken.iter().find(|(known, _)| known == address)
                {
                    return wrong(
                        key,
                        format!("{address} is in `{other}` too"),
                        "give each door its own port, or switch one off with []",
                    );
                }
                taken.push((*address, key));
            }
        }
        if taken.is_empty() {
            return wrong(
                "listen",
                "every door is switched off: nobody could come in",
                "open at least `xmpp` or `https`",
            );
        }
        Ok(())
    }

    fn validate_tls(&self) -> Result<(), Wrong> {
        let tls = &self.tls;
        let has_files = !tls.certificate.as_os_str().is_empty() || !tls.key.as_os_str().is_empty();
        match tls.mode {
            TlsMode::Files => {
                if tls.certificate.as_os_str().is_empty() {
                    return wrong(
                        "tls.certificate",
                        "is missing, but mode = \"files\"",
                        "name the PEM file of the certificate chain: certificate = \"/etc/…/fullchain.pem\"",
                    );
                }
                if tls.key.as_os_str().is_empty() {
                    return wrong(
                        "tls.key",
                        "is missing, but mode = \"files\"",
                        "name the PEM file of the private key: key = \"/etc/…/privkey.pem\"",
                    );
                }
            }
            TlsMode::SelfSigned | TlsMode::Acme if has_files => {
                let key = if tls.certificate.as_os_str().is_empty() {
                    "tls.key"
                } else {
                    "tls.certificate"
                };
                return wrong(
                    key,
                    "is set, but mode is not \"files\"",
                    "write mode = \"files\", or remove certificate and key",
                );
            }
            TlsMode::SelfSigned => {}
            TlsMode::Acme => {
                if !tls.acme.accept_terms {
                    return wrong(
                        "tls.acme.accept_terms",
                        "an authority issues certificates only to those who accept its terms",
                        "read them and write accept_terms = true under [tls.acme]",
                    );
                }
                if tls.acme.challenge == AcmeChallenge::Http01 && self.listen.http.is_empty() {
                    return wrong(
                        "tls.acme.challenge",
                        "\"http-01\" is answered on `listen.http`, which is switched off",
                        "open listen.http for port 80, or write challenge = \"tls-alpn-01\"",
                    );
                }
                if tls.acme.challenge == AcmeChallenge::TlsAlpn01 && self.listen.https.is_empty() {
                    return wrong(
                        "tls.acme.challenge",
                        "\"tls-alpn-01\" is answered on `listen.https`, which is switched off",
                        "open listen.https for port 443, or write challenge = \"http-01\"",
                    );
                }
                if !tls.acme.directory.starts_with("https://") {
                    return wrong(
                        "tls.acme.directory",
                        "is no https address",
                        "write \"https://…/directory\"",
                    );
                }
            }
        }
        Ok(())
    }

    fn validate_auth(&self) -> Result<(), Wrong> {
        if self.auth.mechanisms.is_empty() {
            return wrong(
                "auth.mechanisms",
                "is empty: nobody could log in",
                "leave it out for the default",
            );
        }
        if !(4096..=10_000_000).contains(&self.auth.scram_iterations) {
            return wrong(
                "auth.scram_iterations",
                format!("{} is out of bounds", self.auth.scram_iterations),
                "write a number from 4096 (RFC 7677) to 10000000; each login costs as much",
            );
        }
        Ok(())
    }

    fn validate_registration(&self) -> Result<(), Wrong> {
        let registration = &self.registration;
        for name in &registration.reserved_names {
            if base::jid::local_part_strict(name).is_err() {
                return wrong(
                    "registration.reserved_names",
                    format!("\"{name}\" can be nobody's name"),
                    "leave it out",
                );
            }
        }
        if registration.invitation_days == 0 || registration.invitation_days > 3650 {
            return wrong(
                "registration.invitation_days",
                "is not from 1 to 3650",
                "write 7, or as many days as people take to answer",
            );
        }
        if registration.shortest_password == 0 {
            return wrong(
                "registration.shortest_password",
                "lets people have no password",
                "write 8 or more",
            );
        }
        Ok(())
    }

    fn validate_directory(&self) -> Result<(), Wrong> {
        let ldap = &self.identity.ldap;
        for server in &ldap.servers {
            let host = server
                .strip_prefix("ldaps://")
                .or_else(|| server.strip_prefix("ldap://"));
            let usable = |text: &str| {
                !text.is_empty()
                    && !text.starts_with(':')
                    && text
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
            };
            if !host.is_some_and(|host| usable(host.strip_suffix('/').unwrap_or(host))) {
                return wrong(
                    "identity.ldap.servers",
                    format!("\"{server}\" is no address of a directory"),
                    "write it like \"ldaps://ldap.example.org\" or \"ldap://ldap.example.org:389\"",
                );
            }
        }
        if !ldap.is_on() {
            return Ok(());
        }
        if ldap.base.is_empty() {
            return wrong(
                "identity.ldap.base",
                "says not where people stand",
                "write it like \"ou=people,dc=example,dc=org\"",
            );
        }
        let secrets = (
            ldap.bind_password.expose().is_empty(),
            ldap.bind_password_file.as_os_str().is_empty(),
        );
        if secrets == (false, false) {
            return wrong(
                "identity.ldap.bind_password_file",
                "there are two passwords for the account that looks people up",
                "write `bind_password` or `bind_password_file`, not both",
            );
        }
        if !ldap.bind_dn.is_empty() && secrets == (true, true) {
            return wrong(
                "identity.ldap.bind_dn",
                "there is no password for it",
                "write `bind_password_file`, or set HAUSPOST__IDENTITY__LDAP__BIND_PASSWORD",
            );
        }
        for (key, filter) in [
            ("identity.ldap.filter", ldap.people_filter()),
            ("identity.ldap.groups.filter", ldap.groups_filter()),
        ] {
            if ldap3::parse_filter(filter).is_err() {
                return wrong(
                    key,
                    "is no filter (RFC 4515)",
                    "write it like \"(objectClass=person)\"",
                );
            }
        }
        let attributes = &ldap.attributes;
        for (key, name) in [
            ("identity.ldap.attributes.id", ldap.id_attribute()),
            ("identity.ldap.attributes.name", ldap.name_attribute()),
            (
                "identity.ldap.attributes.password_changed",
                ldap.password_changed_attribute(),
            ),
            (
                "identity.ldap.attributes.display_name",
                &*attributes.display_name,
            ),
            ("identity.ldap.attributes.mail", &*attributes.mail),
            (
                "identity.ldap.attributes.avatar",
                ldap.avatar_attribute().unwrap_or_default(),
            ),
            ("identity.ldap.groups.name", &*ldap.groups.name),
            ("identity.ldap.groups.member", &*ldap.groups.member),
        ] {
            let usable = |byte: u8| byte.is_ascii_alphanumeric() || b"-.;".contains(&byte);
            if !name.bytes().all(usable) {
                return wrong(key, "is no name of an attribute", "write it like \"uid\"");
            }
        }
        for (key, number) in [
            ("identity.ldap.timeout_seconds", ldap.timeout_seconds),
            ("identity.ldap.page_entries", ldap.page_entries),
            ("identity.ldap.logins_at_once", ldap.logins_at_once),
        ] {
            if number == 0 || number > 100_000 {
                return wrong(key, "cannot work", "write a number from 1 to 100000");
            }
        }
        if ldap.shut_out_percent > 100 {
            return wrong(
                "identity.ldap.shut_out_percent",
                "is more than all",
                "write a number up to 100",
            );
        }
        Ok(())
    }

    fn validate_limits(&self) -> Result<(), Wrong> {
        let limits = &self.limits;
        let at_least: [(&'static str, usize, usize); 11] = [
            ("limits.stanza_bytes", limits.stanza_bytes, 10_000),
            (
                "limits.preauth_stanza_bytes",
                limits.preauth_stanza_bytes,
                4096,
            ),
            ("limits.depth", limits.depth, 8),
            ("limits.attributes", limits.attributes, 8),
            ("limits.connections", limits.connections as usize, 1),
            (
                "limits.sessions_per_account",
                limits.sessions_per_account as usize,
                1,
            ),
            (
                "limits.preauth_connections_per_address",
                limits.preauth_connections_per_address as usize,
                1,
            ),
            ("limits.preauth_seconds", limits.preauth_seconds as usize, 1),
            (
                "limits.stream_faults_per_second",
                limits.stream_faults_per_second as usize,
                1,
            ),
            (
                "limits.input_bytes_per_second",
                limits.input_bytes_per_second as usize,
                1024,
            ),
            (
                "limits.bosh_wait_seconds",
                limits.bosh_wait_seconds as usize,
                1,
            ),
        ];
        for (key, value, least) in at_least {
            if value < least {
                return wrong(
                    key,
                    format!("{value} is too small to work with"),
                    format!("write {least} or more"),
                );
            }
        }
        if limits.depth > 1000 {
            return wrong(
                "limits.depth",
                "is more than 1000",
                "write 1000 or less; 64 is plenty",
            );
        }
        if limits.mailbox_bytes < limits.stanza_bytes {
            return wrong(
                "limits.mailbox_bytes",
                "is smaller than `limits.stanza_bytes`: the largest stanza could never be delivered",
                format!("write {} or more", limits.stanza_bytes),
            );
        }
        if (limits.input_burst_bytes as usize) < limits.stanza_bytes {
            return wrong(
                "limits.input_burst_bytes",
                "is smaller than `limits.stanza_bytes`: the largest stanza could never be sent",
                format!("write {} or more", limits.stanza_bytes),
            );
        }
        Ok(())
    }

    fn validate_federation(&self) -> Result<(), Wrong> {
        let policy = &self.policy.federation;
        for (key, names) in [
            ("policy.federation.allow", &policy.allow),
            ("policy.federation.block", &policy.block),
        ] {
            if let Some(name) = names.iter().find(|name| normal_domain(name).is_none()) {
                return wrong(
                    key,
                    format!("\"{name}\" is no domain"),
                    "write the part after the @ alone, such as \"partner.example\"",
                );
            }
        }
        if !policy.allow.is_empty() && policy.mode != FederationMode::AllowList {
            return wrong(
                "policy.federation.allow",
                "is set, but mode is not \"allow-list\"",
                "write mode = \"allow-list\", or remove the list",
            );
        }
        for (domain, targets) in &self.federation.hosts {
            let bad = targets
                .iter()
                .find(|text| crate::dns::parse_target(text).is_none());
            if normal_domain(domain).is_none() || targets.is_empty() || bad.is_some() {
                return wrong(
                    "federation.hosts",
                    format!("the entry of \"{domain}\" cannot be used"),
                    "write \"partner.example\" = [\"xmpp.partner.example:5269\"]",
                );
            }
        }
        for domain in self.components.0.keys() {
            let own = normal_domain(domain);
            let taken = own.as_ref().is_none_or(|own| {
                *own == self.domain || chat::services::find(own, &self.domain).is_some()
            });
            if taken {
                return wrong(
                    "components",
                    format!("\"{domain}\" cannot be the domain of a component"),
                    "give each component a domain of its own, such as \"gateway.example.org\"",
                );
            }
        }
        if let Some(unknown) = self
            .privileges
            .0
            .keys()
            .find(|domain| !self.components.0.contains_key(*domain))
        {
            return wrong(
                "privileges",
                format!("\"{unknown}\" is no component"),
                "write it as under [components]",
            );
        }
        let federation = &self.federation;
        for (key, value) in [
            ("federation.queue_stanzas", federation.queue_stanzas),
            (
                "federation.retry_first_seconds",
                federation.retry_first_seconds as usize,
            ),
            ("federation.idle_seconds", federation.idle_seconds as usize),
            ("federation.connections", federation.connections as usize),
            (
                "federation.streams_per_domain",
                federation.streams_per_domain,
            ),
            ("federation.dials", federation.dials),
            (
                "federation.domains_per_account",
                federation.domains_per_account,
            ),
        ] {
            if value == 0 {
                return wrong(
                    key,
                    "is 0, which cannot work",
                    "leave it out for the default",
                );
            }
        }
        for (key, value) in [
            ("federation.queue_bytes", federation.queue_bytes),
            (
                "federation.queue_bytes_per_account",
                federation.queue_bytes_per_account,
            ),
        ] {
            if value < self.limits.stanza_bytes {
                return wrong(
                    key,
                    "is smaller than `limits.stanza_bytes`: the largest stanza could never be sent",
                    format!("write {} or more", self.limits.stanza_bytes),
                );
            }
        }
        Ok(())
    }

    /// Makes every path absolute, seen from `folder`.
    pub(super) fn resolve_paths(&mut self, folder: &Path) {
        let absolute = |path: &mut PathBuf| {
            if !path.as_os_str().is_empty() {
                *path = folder.join(&*path).components().collect();
            }
        };
        absolute(&mut self.data_dir);
        absolute(&mut self.backup.folder);
        absolute(&mut self.tls.certificate);
        absolute(&mut self.tls.key);
        absolute(&mut self.tls.client_ca);
        absolute(&mut self.tls.acme.root_ca);
        absolute(&mut self.federation.ca);
        absolute(&mut self.federation.trust_anchors);
        absolute(&mut self.identity.ldap.ca);
        absolute(&mut self.identity.ldap.bind_password_file);
    }

    /// Takes over from the running configuration what cannot change before the next start, and tells which keys that were.
    pub fn keep_fixed(&mut self, running: &Self) -> Vec<&'static str> {
        let mut kept = Vec::new();
        macro_rules! keep {
            ($($key:literal => $($field:ident).+),*) => { $(
                if self.$($field).+ != running.$($field).+ {
                    self.$($field).+.clone_from(&running.$($field).+);
                    kept.push($key);
                }
            )* };
        }
        keep!(
            "domain" => domain, "data_dir" => data_dir, "listen" => listen, "tls" => tls, "store" => store,
            "federation" => federation, "objects" => objects, "uploads.enabled" => uploads.enabled,
            "push.enabled" => push.enabled, "push.allowed_networks" => push.allowed_networks, "previews" => previews,
            "log" => log, "runtime" => runtime, "http.websocket" => http.websocket, "http.bosh" => http.bosh
        );
        kept
    }

    /// Every name the certificate should be good for: the domain and the names of its services.
    pub fn hosts(&self) -> Vec<String> {
        let mut hosts = vec![self.domain.clone()];
        hosts.extend(["rooms", "upload"].map(|service| format!("{service}.{}", self.domain)));
        if let Some(host) = self.public_host()
            && !hosts.contains(&host)
        {
            hosts.push(host);
        }
        hosts
    }

    /// Host part of `http.public_url`, if that is set.
    pub fn public_host(&self) -> Option<String> {
        let rest = self.http.public_url.split_once("://")?.1;
        let authority = rest.split('/').next()?;
        let host = match authority.strip_prefix('[') {
            Some(inner) => inner.split(']').next()?,
            None => authority.split(':').next()?,
        };
        (!host.is_empty()).then(|| host.to_owned())
    }

    /// Where browsers reach this server, without a slash at the end.
    pub fn public_url(&self) -> String {
        if !self.http.public_url.is_empty() {
            return self.http.public_url.trim_end_matches('/').to_owned();
        }
        match self.listen.https.first().map(SocketAddr::port) {
            None | Some(443) => format!("https://{}", self.domain),
            Some(port) => format!("https://{}:{port}", self.domain),
        }
    }
}

/// A domain as it stands in addresses.
fn normal_domain(text: &str) -> Option<String> {
    let jid = base::Jid::parse(text).ok()?;
    jid.is_domain().then(|| jid.domain().to_owned())
}
