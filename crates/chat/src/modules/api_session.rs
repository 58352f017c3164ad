//! urn:hauspost:api-session:0: Access to the REST interface for who is logged in
//!
//! The administrators' pages of the web client use the REST interface. Its user has logged in to the messenger already: no
//! password is asked for twice, and none is kept in a cookie. A protocol of ours, described in
//! `docs/api-session.md`.

use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::api_session::ApiSession;

use super::{Feature, IqContext, IqHandler, Module, Reply, Run, Seat, Target};
use crate::Work;

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "api_session",
    specification: "urn:hauspost:api-session:0",
    title: "Access to the REST interface",
    version: "0",
    features: &[Feature {
        var: ns::API_SESSION,
        seat: Seat::Account,
    }],
    iq: &[IqHandler {
        targets: &[Target::Own],
        set: true,
        payload: "session",
        namespace: ns::API_SESSION,
        run: Run::Client(open),
    }],
    ..Module::NONE
};

fn open(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let IqContext {
            chat,
            account,
            session,
            now,
            ..
        } = &context;
        let Some((token, expires)) = chat.open_api_session(account, session, *now) else {
            return Err(StanzaError::new(StanzaCondition::Forbidden)
                .text("An app password has no access to the REST interface; make a token."));
        };
        Ok(Reply::payload(ApiSession { token, expires }.to_xml()))
    })
}
