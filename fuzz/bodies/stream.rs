//! A whole stream before login, from bytes: it is answered or refused, and nobody gets in by accident.

use std::sync::Arc;

use xmpp::condition::{SaslCondition, StanzaCondition};
use xmpp::sasl::{ChannelBindings, ScramHash};
use xmpp::stream::server::{
    Answer, DirectoryOffer, Negotiation, Output, Passwords, Question, RegistrationOffer,
    ServerConfig,
};
use xmpp::stream::{Security, TlsFacts, TlsVersion, Transport, TransportKind};
use xmpp::xml::{Framing, Reader, ReaderLimits};

/// Lets everybody in by password, and nobody by anything else.
fn answer(question: Question) -> Answer {
    match question {
        Question::Passwords { .. } => Answer::Passwords(Passwords::Elsewhere),
        Question::Keys { .. } => Answer::Keys(Vec::new()),
        Question::Password { .. } | Question::StoreKeys { .. } | Question::Failed { .. } => {
            Answer::Accepted
        }
        Question::Tokens { .. } => Answer::Tokens(Vec::new()),
        Question::Hashes { .. } => Answer::Hashes(vec![ScramHash::Sha1]),
        Question::Bind(request) => Answer::Bound {
            jid: request.jid,
            inline: String::new(),
        },
        Question::Resume { .. } => Answer::ResumeFailed {
            h: None,
            condition: StanzaCondition::ItemNotFound,
        },
        Question::Invitation { .. } => Answer::Invited(Ok(None)),
        Question::Register { .. } => Answer::Registered(Ok(())),
        _ => Answer::Refused(SaslCondition::NotAuthorized),
    }
}

/// See above.
pub(crate) fn check(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else {
        return;
    };
    let (kind, framing) = match first % 3 {
        0 => (TransportKind::Tcp, Framing::Stream),
        1 => (TransportKind::WebSocket, Framing::Frames),
        _ => (TransportKind::Bosh, Framing::Frames),
    };
    let bindings = ChannelBindings {
        exporter: Some([1; 32]),
        server_end_point: None,
    };
    let facts = TlsFacts {
        bindings,
        ..TlsFacts::bare(TlsVersion::V1_3)
    };
    let security = if first & 64 == 0 {
        Security::Tls(facts)
    } else {
        Security::Plain
    };
    let config = ServerConfig {
        plain: true,
        registration: RegistrationOffer::Invited,
        directory: (first & 32 != 0).then_some(DirectoryOffer {
            scram_for_unnamed: first & 16 != 0,
        }),
        ..ServerConfig::new("example.org", [1; 32])
    };
    let transport = Transport {
        kind,
        security,
        trusted_proxy: false,
    };
    let protected = transport.is_protected();
    let mut server = Negotiation::new(Arc::new(config), transport, [2; 32]);
    let mut reader = Reader::new(
        framing,
        ReaderLimits {
            element_bytes: 10_000,
            ..ReaderLimits::default()
        },
    );
    server.bosh_start(Some("example.org"), None);
    reader.feed(bytes);
    loop {
        while let Some(output) = server.poll() {
            match output {
                Output::Ask(question) => server.answer(answer(question)),
                Output::RestartStream => reader.restart(),
                Output::Established(_) => assert!(protected, "nobody logs in in clear"),
                _ => {}
            }
        }
        if server.is_over() {
            break;
        }
        match reader.next() {
            Ok(Some(frame)) => server.handle(frame),
            Ok(None) => break,
            Err(error) => server.fail(error),
        }
    }
}
