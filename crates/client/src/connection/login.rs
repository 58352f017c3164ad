//! Logging in: by token or password, with what is to be enabled; and what comes of it.

use base::{FullJid, Redacted, Timestamp};
use xmpp::condition::SaslCondition;
use xmpp::sasl::{Mechanism, Password, Token, TokenBinding};
use xmpp::stream::ClientAgent;
use xmpp::stream::TransportKind;
use xmpp::stream::client::{Bound, ClientConfig, ClientError, Credentials, HeldToken, TlsPolicy};
use xmpp::xep::bind2::{Inline, SmRequest};
use xmpp::xml::Reader;

use super::link::{Link, Session};
use crate::client::Client;
use crate::event::{ConnectionState, Event};
use crate::features::client_access::access_name;
use crate::storage::record::{Decoder, Encoder};
use crate::storage::{Storage, StorageError, Table};
use crate::turn::Turn;

const TOKEN: &[u8] = b"token";

/// A token (XEP-0484) as it is kept in place of the password.
#[derive(Debug, Clone)]
pub(crate) struct KeptToken {
    token: Redacted<String>,
    mechanism: Mechanism,
    expiry: Timestamp,
}

const TOKENS: [TokenBinding; 3] = [
    TokenBinding::Exporter,
    TokenBinding::EndPoint,
    TokenBinding::None,
];

impl KeptToken {
    fn encode(&self) -> Vec<u8> {
        let mut record = Encoder::new(1);
        record
            .text(self.token.expose())
            .text(self.mechanism.name())
            .time(self.expiry);
        record.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Option<Self>, StorageError> {
        let read = || {
            let (_, mut fields) = Decoder::new(bytes, 1)?;
            Ok((fields.string()?, fields.string()?, fields.time()?))
        };
        let (token, name, expiry) =
            read().map_err(|error: crate::storage::record::RecordError| error.of("the token"))?;
        let mechanism = TOKENS
            .map(Mechanism::Token)
            .into_iter()
            .find(|mechanism| mechanism.name() == name);
        Ok(mechanism.map(|mechanism| Self {
            token: Redacted::new(token),
            mechanism,
            expiry,
        }))
    }
}

impl<S: Storage> Client<S> {
    pub(super) fn login_config(&self, now: Timestamp) -> ClientConfig {
        let connection = &self.connection;
        // Whoever takes this device out of the account ends its token before its time: with the password it must not come
        // back.
        let token = connection.token.as_ref();
        let lasts = token.is_some_and(|kept| kept.expiry > now);
        let password = connection.password.as_ref().filter(|_| !lasts);
        let salted = connection.salted.iter().filter(|_| !lasts);
        let mut config = ClientConfig::new(self.settings.account.clone(), Password::new(""));
        config.credentials = Credentials {
            password: password.map(|password| Password::new(password.expose().clone())),
            salted: salted.cloned().collect(),
            token: token.map(|kept| HeldToken {
                token: Token::new(kept.token.expose().clone()),
                mechanism: kept.mechanism,
                count: None,
                invalidate: self.is_ending_token(),
            }),
            certificate: false,
        };
        config.tls = self.settings.tls_policy();
        if config.tls == TlsPolicy::Required {
            // The last choice, where nothing else is offered: passwords that a directory keeps (LDAP) are asked for as they
            // are. Who could take the other offers away inside of TLS could take the password as well.
            config.mechanisms.push(Mechanism::Plain);
        }
        config.tag = Some(self.settings.software.clone());
        config.enable = Inline {
            carbons: true,
            inactive: !self.active,
            stream_management: Some(SmRequest {
                resume: true,
                max: None,
            }),
            others: Vec::new(),
        };
        config.agent = ClientAgent {
            id: Some(self.agent_id.clone()),
            software: Some(self.settings.software.clone()),
            device: Some(access_name(
                &self.settings.device_name,
                self.machine.device(),
            )),
        };
        config.resume = self.stream.resumption();
        if !self.is_ending_token() {
            config.request_token = TOKENS.map(Mechanism::Token).to_vec();
        }
        config
    }

    pub(super) fn logged_in(
        &mut self,
        reader: Reader,
        kind: TransportKind,
        bound: Bound,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        if let Some(salted) = bound.salted {
            self.connection.salted = Some(salted);
        }
        if let (Some(issued), Some(mechanism)) = (bound.token, bound.token_mechanism) {
            let kept = KeptToken {
                token: Redacted::new(issued.token.expose().to_owned()),
                mechanism,
                expiry: issued.expiry,
            };
            self.database
                .put(Table::State, TOKEN.to_vec(), kept.encode());
            self.connection.token = Some(kept);
        }
        self.connection.link = Link::Online(Box::new(Session {
            reader,
            kind,
            heard: turn.now.moment,
            asked: None,
        }));
        if self.is_ending_token() {
            return self.leave(true);
        }
        self.connection.attempts = 0;
        self.connection.told = ConnectionState::Online;
        self.tell(Event::Connection(ConnectionState::Online));
        match (bound.resumed, bound.jid) {
            (Some(h), _) => self.stream_resumed(h, turn),
            (None, Some(jid)) => {
                self.stream_started(jid, bound.stream_management, turn)?;
                self.session_started(bound.bind2, turn)
            }
            (None, None) => {
                self.drop_connection("the server gave no address", turn);
                Ok(())
            }
        }
    }

    pub(super) fn login_failed(
        &mut self,
        error: &ClientError,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let refused = match error {
            ClientError::Login(condition) => !matches!(
                condition,
                SaslCondition::TemporaryAuthFailure | SaslCondition::Aborted
            ),
            ClientError::NoMechanism | ClientError::Sasl(_) => true,
            _ => false,
        };
        if self.is_ending_token() {
            // A token that is refused opens nothing either.
            return self.leave(refused);
        }
        if refused {
            // What did not open the door now will not do so later.
            let had_password = self.connection.password.take().is_some();
            self.connection.salted = None;
            if self.connection.token.take().is_some() {
                self.database.delete(Table::State, TOKEN.to_vec());
            }
            let text = if had_password {
                format!("{error}: check address and password")
            } else {
                format!("{error}: sign in again")
            };
            self.tell(Event::LoginFailed { text });
        }
        self.drop_connection(&error.to_string(), turn);
        Ok(())
    }

    /// Forgets what opens the account.
    pub(crate) fn forget_credentials(&mut self) {
        self.connection.password = None;
        self.connection.salted = None;
        self.connection.token = None;
        self.connection.invitation = None;
        self.database.delete(Table::State, TOKEN.to_vec());
    }

    pub(crate) fn kept_token(
        database: &crate::storage::database::Database<S>,
    ) -> Result<Option<KeptToken>, StorageError> {
        match database.get(Table::State, TOKEN)? {
            Some(bytes) => KeptToken::decode(&bytes),
            None => Ok(None),
        }
    }

    /// Our full address, while there is a stream.
    pub(crate) fn full_jid(&self) -> Option<&FullJid> {
        self.stream.jid()
    }
}
