//! A raw XMPP client: bytes out, and answers found by looking for their end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use memchr::memmem;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::scram::{Exchange, Mechanism};

/// Longer than any server needs for one answer, shorter than a person's patience.
const PATIENCE: Duration = Duration::from_secs(30);

enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Closed,
}

/// One connection to a server.
pub(crate) struct Client {
    transport: Transport,
    received: Vec<u8>,
    /// What the login was made with; none before login.
    pub(crate) mechanism: Option<Mechanism>,
}

/// Who logs in, where and how.
#[derive(Clone)]
pub(crate) struct Login<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) domain: &'a str,
    pub(crate) username: &'a str,
    pub(crate) password: &'a str,
    pub(crate) resource: &'a str,
    /// STARTTLS with this configuration; plain TCP without.
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }

    /// Over a connection that is there already.
    pub(crate) fn over(stream: TcpStream) -> Self {
        Self {
            transport: Transport::Plain(stream),
            received: Vec::new(),
            mechanism: None,
        }
    }

    /// From TCP connect to bound resource. No presence is sent.
    pub(crate) async fn log_in(login: &Login<'_>) -> Result<Self> {
        let mut client = Self::connect(login.address).await?;
        client.enter(login).await?;
        Ok(client)
    }

    /// From stream header to bound resource.
    pub(crate) async fn enter(&mut self, login: &Login<'_>) -> Result<()> {
        let client = self;
        let mut features = client.open_stream(login.domain).await?;
        if let Some(tls) = &login.tls {
            client.start_tls(login.domain, Arc::clone(tls)).await?;
            features = client.open_stream(login.domain).await?;
        }
        client.authenticate(&features, login).await?;
        client.open_stream(login.domain).await?;
        client
            .send(&format!(
                "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{}</resource></bind></iq>",
                login.resource
            ))
            .await?;
        let bound = client.answer(&["</iq>"]).await?;
        if !bound.contains("<jid>") {
            bail!("no resource was bound: {bound}");
        }
        Ok(())
    }

    /// Sends a stream header and returns all up to the end of the features.
    pub(crate) async fn open_stream(&mut self, domain: &str) -> Result<String> {
        self.send(&format!(
            "<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xml:lang='en' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams'>"
        ))
        .await?;
        self.answer(&["</stream:features>", "<stream:features/>"])
            .await
    }

    async fn start_tls(&mut self, domain: &str, config: Arc<ClientConfig>) -> Result<()> {
        self.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            .await?;
        let answer = self.answer(&["/>", "</proceed>"]).await?;
        if !answer.contains("<proceed") {
            bail!("STARTTLS was refused: {answer}");
        }
        let Transport::Plain(stream) = std::mem::replace(&mut self.transport, Transport::Closed)
        else {
            bail!("TLS is on already");
        };
        let name = ServerName::try_from(domain.to_owned())?;
        let stream =
            tokio::time::timeout(PATIENCE, TlsConnector::from(config).connect(name, stream))
                .await??;
        self.transport = Transport::Tls(Box::new(stream));
        Ok(())
    }

    async fn authenticate(&mut self, features: &str, login: &Login<'_>) -> Result<()> {
        let mechanism = Mechanism::choose(features)
            .with_context(|| format!("no mechanism we know: {features}"))?;
        let mut exchange = Exchange::new(mechanism, login.username, login.password);
        self.send(&format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{}'>{}</auth>",
            mechanism.name(),
            exchange.initial()
        ))
        .await?;
        loop {
            let answer = self
                .answer(&["</challenge>", "</success>", "</failure>", "/>"])
                .await?;
            let content = answer.find('>').map_or("", |start| {
                let rest = &answer[start + 1..];
                rest.find('<').map_or("", |end| &rest[..end])
            });
            if answer.contains("<challenge") {
                let response = exchange.respond(content)?;
                self.send(&format!(
                    "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{response}</response>"
                ))
                .await?;
            } else if answer.contains("<success") {
                self.mechanism = Some(mechanism);
                return exchange.verify(content);
            } else {
                bail!("login of {} refused: {answer}", login.username);
            }
        }
    }

    pub(crate) async fn send(&mut self, text: &str) -> Result<()> {
        self.write(text.as_bytes()).await?;
        Ok(())
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.transport {
            Transport::Plain(stream) => stream.write_all(bytes).await,
            Transport::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
            Transport::Closed => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Reads what is there, at least one byte; 0 at the end of the stream. Nothing is lost when dropped half-way.
    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.transport {
            Transport::Plain(stream) => stream.read(buffer).await,
            Transport::Tls(stream) => stream.read(buffer).await,
            Transport::Closed => Ok(0),
        }
    }

    /// Everything up to and with the first of `ends`; what follows waits for the next call.
    pub(crate) async fn answer(&mut self, ends: &[&str]) -> Result<String> {
        tokio::time::timeout(PATIENCE, self.answer_unbounded(ends))
            .await
            .with_context(|| format!("no {} within {} s", ends.join(" or "), PATIENCE.as_secs()))?
    }

    async fn answer_unbounded(&mut self, ends: &[&str]) -> Result<String> {
        let mut buffer = [0; 16 * 1024];
        let mut searched = 0;
        let longest = ends.iter().map(|end| end.len()).max().unwrap_or(1);
        loop {
            let first = ends
                .iter()
                .filter_map(|end| {
                    memmem::find(&self.received[searched..], end.as_bytes())
                        .map(|at| searched + at + end.len())
                })
                .min();
            if let Some(end) = first {
                let rest = self.received.split_off(end);
                let answer = std::mem::replace(&mut self.received, rest);
                if self.received.is_empty() {
                    self.received = Vec::new();
                }
                return Ok(String::from_utf8(answer)?);
            }
            searched = self.received.len().saturating_sub(longest);
            let length = self.read(&mut buffer).await?;
            if length == 0 {
                bail!(
                    "the server closed the stream: {}",
                    String::from_utf8_lossy(&self.received)
                );
            }
            self.received.extend_from_slice(&buffer[..length]);
        }
    }

    /// Takes what has been received and not been looked at yet.
    pub(crate) fn take_received(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.received)
    }

    /// Says good-bye and closes the socket.
    pub(crate) async fn close(mut self) {
        if self.send("</stream:stream>").await.is_err() {
            return;
        }
        let closing = async {
            let mut buffer = [0; 4096];
            while matches!(self.read(&mut buffer).await, Ok(length) if length > 0) {
                if memmem::find(&buffer, b"</stream:stream>").is_some() {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(2), closing).await;
    }

    /// The bare TCP stream; none under TLS.
    pub(crate) fn into_tcp(self) -> Option<TcpStream> {
        match self.transport {
            Transport::Plain(stream) => Some(stream),
            Transport::Tls(_) | Transport::Closed => None,
        }
    }
}
