//! Streams with other servers and with components, from bytes: without a good certificate, an answer about a key or the
//! secret, nobody gets a stanza through.

use std::sync::Arc;

use base::Redacted;
use xmpp::stream::CertificateNames;
use xmpp::stream::component::{self, Component};
use xmpp::stream::federation::{Acceptor, Connector, FederationConfig, Output, Peers, Purpose};
use xmpp::xml::{Framing, Reader, ReaderLimits};

fn config() -> Arc<FederationConfig> {
    Arc::new(FederationConfig {
        domains: vec!["example.org".to_owned()],
        peers: Peers {
            open: true,
            ..Peers::default()
        },
        secret: Redacted::new([1; 32]),
        dialback: true,
        certificate: true,
        stream_management: true,
        bidirectional: true,
    })
}

fn refused(output: &Output) {
    assert!(
        !matches!(output, Output::Stanza { .. } | Output::Authorized { .. }),
        "nobody has shown who he is"
    );
}

/// One run over `data`.
pub(crate) fn check(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else {
        return;
    };
    let mut reader = Reader::new(Framing::Stream, ReaderLimits::default());
    reader.feed(bytes);
    // TLS is there or not; the certificate, if there is one, says nothing.
    let shown = (first & 4 == 0).then(CertificateNames::default);
    match first % 3 {
        0 => {
            let mut machine = Acceptor::new(config(), shown, [2; 32]);
            while let Ok(Some(frame)) = reader.next() {
                machine.handle(frame);
                while let Some(output) = machine.poll() {
                    refused(&output);
                    if let Output::Verify(asked) = output {
                        machine.verified(&asked, Ok(false));
                    }
                }
            }
        }
        1 => {
            let mut machine = Connector::new(
                config(),
                "example.org",
                "example.net",
                Purpose::Speak,
                shown,
            );
            while let Ok(Some(frame)) = reader.next() {
                machine.handle(frame);
                while let Some(output) = machine.poll() {
                    refused(&output);
                    if matches!(output, Output::RestartStream) {
                        reader.restart();
                    }
                }
            }
        }
        _ => {
            let secrets = Box::new(|domain: &str| {
                (domain == "gateway.example").then(|| Redacted::new("secret".to_owned()))
            });
            let mut machine = Component::new(secrets, [3; 32]);
            while let Ok(Some(frame)) = reader.next() {
                machine.handle(frame);
                while let Some(output) = machine.poll() {
                    assert!(
                        !matches!(output, component::Output::Stanza { .. }),
                        "nobody knows the secret"
                    );
                }
            }
        }
    }
}
