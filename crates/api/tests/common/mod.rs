//! A house in memory with the REST interface over it.

#![allow(dead_code, reason = "each test file uses a part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use api::rest::{Certificate, House, Rest};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use base::{BareJid, Moment, Now, Timestamp};
use chat::accounts::{ApiTokenWish, Authority, Scope};
use chat::config::EncryptionPolicy;
use chat::{Chat, ChatConfig};
use futures_util::FutureExt;
use serde_json::Value;
use store::{AuditQuery, NewAccount, NewRoom, Role, RoomConfig, Store, StoreConfig, wait};
use tower::ServiceExt;

/// 2026-11-23T00:00:00Z.
pub(crate) const BEGINNING: i64 = 1_795_392_000_000_000;

pub(crate) struct Sound;

impl House for Sound {
    fn health(&self) -> Result<(), String> {
        Ok(())
    }

    fn certificate(&self) -> Option<Certificate> {
        Some(Certificate {
            names: vec!["example.org".into()],
            expires: Timestamp::from_micros(BEGINNING + 86_400_000_000),
            self_signed: true,
        })
    }
}

pub(crate) struct Place {
    pub(crate) chat: Chat,
    pub(crate) router: Router,
    pub(crate) time: Arc<AtomicI64>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) body: Value,
}

pub(crate) fn address(name: &str) -> BareJid {
    BareJid::new(Some(name), "example.org").expect("an address")
}

impl Place {
    pub(crate) fn new() -> Self {
        let time = Arc::new(AtomicI64::new(0));
        let clock = Arc::clone(&time);
        let wall = move || Timestamp::from_micros(BEGINNING + clock.load(Ordering::Relaxed));
        let store = Store::open(StoreConfig::inline(wall)).expect("a store in memory");
        let mut config = ChatConfig::new("example.org", [7; 32]);
        config.scram_iterations = 4096;
        config.encryption = EncryptionPolicy::default();
        let start = Now::new(Moment::START, Timestamp::from_micros(BEGINNING));
        let chat = Chat::new(config, store, Arc::new(|work| work()), [9; 32], start);
        let clock = Arc::clone(&time);
        let now = move || {
            let micros = clock.load(Ordering::Relaxed);
            Now::new(
                Moment::from_micros(micros.unsigned_abs()),
                Timestamp::from_micros(BEGINNING + micros),
            )
        };
        let router = Rest::new(chat.clone(), now, Sound).router();
        Self { chat, router, time }
    }

    pub(crate) fn now(&self) -> Now {
        let micros = self.time.load(Ordering::Relaxed);
        Now::new(
            Moment::from_micros(micros.unsigned_abs()),
            Timestamp::from_micros(BEGINNING + micros),
        )
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.time
            .fetch_add(time.as_micros() as i64, Ordering::Relaxed);
    }

    pub(crate) fn account(&self, name: &str, role: Role) {
        let account = NewAccount {
            localpart: name.into(),
            role,
            ..NewAccount::default()
        };
        wait(self.chat.store().account_create(account)).expect("an account");
    }

    pub(crate) fn room(&self, name: &str, config: RoomConfig) {
        let room = NewRoom {
            localpart: name.into(),
            config: RoomConfig {
                persistent: true,
                ..config
            },
            people: Vec::new(),
        };
        wait(self.chat.store().room_create(room)).expect("a room");
    }

    pub(crate) fn token(&self, name: &str, scopes: &[&str]) -> String {
        let wish = ApiTokenWish {
            label: "test".into(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            lifetime: None,
        };
        let by = Authority::console();
        let (to, now) = (address(name), self.now());
        let made = self.chat.create_api_token(&to, wish, &by, now);
        let made = made.now_or_never().expect("at once").expect("a token");
        made.secret.into_inner()
    }

    /// A token with everything, of an account that had every right when it was made and has this role now.
    pub(crate) fn token_of(&self, name: &str, role: Role) -> String {
        let everything: Vec<&str> = Scope::names().collect();
        let by = Authority::console();
        let to = address(name);
        let set = self.chat.set_role(&to, Role::Owner, &by, self.now());
        set.now_or_never().expect("at once").expect("a role");
        let token = self.token(name, &everything);
        let set = self.chat.set_role(&to, role, &by, self.now());
        set.now_or_never().expect("at once").expect("a role");
        token
    }

    pub(crate) fn send(&self, request: Request<Body>) -> Answer {
        let router = self.router.clone();
        futures(async move {
            let response: Response<Body> = router.oneshot(request).await.expect("an answer");
            let (status, headers) = (response.status(), response.headers().clone());
            let body = to_bytes(response.into_body(), 1 << 20).await.expect("body");
            let body = serde_json::from_slice(&body)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
            Answer {
                status,
                headers,
                body,
            }
        })
    }

    pub(crate) fn ask(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        self.ask_with(token, method, path, body, &[])
    }

    pub(crate) fn ask_with(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        // So that nobody has asked too often.
        self.pass(Duration::from_secs(10));
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        };
        self.send(request.body(body).expect("a request"))
    }

    pub(crate) fn entries(&self, action: &str) -> Vec<(String, String, String)> {
        let query = AuditQuery {
            action: Some(action.into()),
            max: 100,
            ..AuditQuery::default()
        };
        let page = wait(self.chat.store().audit(query)).expect("entries");
        let told = page.entries.iter().map(|entry| {
            let note = &entry.note;
            let text = |text: &Arc<str>| text.to_string();
            (text(&note.actor), text(&note.door), text(&note.subject))
        });
        told.collect()
    }
}

/// The store answers at once, so everything is done when it is polled.
pub(crate) fn futures<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(work)
}
