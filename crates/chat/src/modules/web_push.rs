//! RFC 8030: Generic Event Delivery Using HTTP Push

use store::PushTarget;
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::web_push::{WebPushRequest, vapid};

use super::push::{disable, enable};
use super::{Feature, IqContext, IqHandler, Module, Reply, Run, Seat, Target};
use crate::Work;

/// The declaration. Sealing and sending are the roof's.
pub(super) static MODULE: Module = Module {
    name: "web_push",
    specification: "RFC 8030",
    title: "Generic Event Delivery Using HTTP Push",
    version: "2016",
    status: super::Status::Partial(
        "The application server's side, with RFC 8291 and RFC 8292; clients subscribe in a namespace of ours, see docs/protocols/webpush.md.",
    ),
    features: &[Feature {
        var: ns::WEB_PUSH,
        seat: Seat::Account,
    }],
    iq: &[
        IqHandler {
            targets: &[Target::Own],
            set: false,
            payload: "vapid",
            namespace: ns::WEB_PUSH,
            run: Run::Client(key),
        },
        IqHandler {
            targets: &[Target::Own],
            set: true,
            payload: "subscribe",
            namespace: ns::WEB_PUSH,
            run: Run::Client(request),
        },
        IqHandler {
            targets: &[Target::Own],
            set: true,
            payload: "unsubscribe",
            namespace: ns::WEB_PUSH,
            run: Run::Client(request),
        },
        IqHandler {
            targets: &[Target::Other],
            set: true,
            payload: "",
            namespace: ns::WEB_PUSH,
            run: Run::Client(forbidden),
        },
    ],
    ..Module::NONE
};

fn no_courier() -> StanzaError {
    StanzaError::new(StanzaCondition::NotAllowed)
        .text("This server sends no notifications to browsers.")
}

fn key(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let courier = context.chat.web_courier().ok_or_else(no_courier)?;
        Ok(Reply::payload(vapid(&courier.key)))
    })
}

fn request(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let request = WebPushRequest::read(context.payload().root())?;
        match request {
            WebPushRequest::Subscribe {
                endpoint,
                key,
                secret,
            } => {
                let courier = context.chat.web_courier().ok_or_else(no_courier)?;
                (courier.check)(&endpoint)
                    .map_err(|why| StanzaError::new(StanzaCondition::NotAcceptable).text(why))?;
                let endpoint = endpoint.into();
                let keys: Vec<u8> = key.into_iter().chain(secret).collect();
                enable(&context, PushTarget::Web { endpoint }, Some(keys.into())).await?;
            }
            WebPushRequest::Unsubscribe { endpoint } => {
                disable(&context, |target| {
                    matches!(target, PushTarget::Web { endpoint: known } if **known == *endpoint)
                })
                .await?;
            }
        }
        Ok(Reply::empty())
    })
}

fn forbidden(_context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async {
        Err(StanzaError::new(StanzaCondition::Forbidden)
            .text("Push notifications are a matter of the account's owner only."))
    })
}
