//! The way of notifications from the messenger to push services: a bounded queue, and patience with each.

use std::sync::Arc;
use std::time::Duration;

use chat::{Chat, WebCourier, WebNotification};
use tokio::sync::{Semaphore, mpsc};

use super::{Sent, Subscription, WebPush};
use crate::net::Clock;
use crate::outbound::Barred;

/// Notifications that may wait.
const QUEUE: usize = 10_000;
/// Requests that may be under way at once.
const AT_ONCE: usize = 32;
/// Waits between attempts when the push service says nothing of its own.
const WAITS: [Duration; 4] = [
    Duration::from_secs(5),
    Duration::from_secs(60),
    Duration::from_secs(600),
    Duration::from_secs(3600),
];
/// Bytes of a user agent's public key; its secret follows.
const KEY: usize = 65;

impl WebPush {
    /// Lets the messenger send, for as long as the runtime lives.
    pub fn serve(self, chat: &Chat, clock: Clock) {
        let push = Arc::new(self);
        let (sender, receiver) = mpsc::channel(QUEUE);
        let checking = Arc::clone(&push);
        chat.set_web_courier(WebCourier {
            key: push.public_key().to_vec(),
            check: Box::new(move |endpoint| {
                let checked = checking.reach.check(endpoint);
                checked.map(drop).map_err(|barred| match barred {
                    Barred::Inside => format!("The endpoint: {barred}; see push.allowed_networks."),
                    _ => format!("The endpoint: {barred}."),
                })
            }),
            send: Box::new(move |notification| sender.try_send(notification).is_ok()),
        });
        tokio::spawn(run(push, chat.clone(), clock, receiver));
    }
}

async fn run(
    push: Arc<WebPush>,
    chat: Chat,
    clock: Clock,
    mut receiver: mpsc::Receiver<WebNotification>,
) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    // One that waits for its next attempt takes no place, but it is among those that may wait.
    let waiting = Arc::new(Semaphore::new(QUEUE));
    while let Some(notification) = receiver.recv().await {
        let Ok(waits) = Arc::clone(&waiting).acquire_owned().await else {
            return;
        };
        let (push, chat, places) = (Arc::clone(&push), chat.clone(), Arc::clone(&places));
        tokio::spawn(async move {
            let _waits = waits;
            deliver(&push, &chat, clock, &notification, &places).await;
        });
    }
}

async fn deliver(
    push: &WebPush,
    chat: &Chat,
    clock: Clock,
    notification: &WebNotification,
    places: &Semaphore,
) {
    let Some((key, secret)) = notification.keys.split_at_checked(KEY) else {
        return;
    };
    let to = Subscription {
        endpoint: &notification.endpoint,
        key,
        secret,
    };
    let payload = serde_json::json!({ "messages": notification.messages }).to_string();
    for wait in WAITS {
        let sent = {
            let Ok(_place) = places.acquire().await else {
                return;
            };
            push.send(to, payload.as_bytes(), clock.now().wall).await
        };
        match sent {
            Sent::Taken => return,
            Sent::Gone => {
                return chat
                    .web_push_gone(&notification.account, &notification.endpoint)
                    .await;
            }
            Sent::Later(told) => tokio::time::sleep(told.unwrap_or(wait)).await,
        }
    }
    tracing::info!("a notification for a browser was given up");
}
