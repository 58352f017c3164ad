//! What a login costs the server: the whole negotiation, XML included, and nothing of the client's part.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base::BareJid;
use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use xmpp::sasl::{ChannelBindings, Password, ScramHash, ScramKeys};
use xmpp::stream::client::{Action, ClientConfig, Credentials, Handshake, Progress};
use xmpp::stream::server::{Answer, Candidate, Negotiation, Output, Question, ServerConfig};
use xmpp::stream::{Security, TlsFacts, TlsVersion, Transport, TransportKind};
use xmpp::xml::{Framing, Reader, ReaderLimits};

fn transport() -> Transport {
    let bindings = ChannelBindings {
        exporter: Some([5; 32]),
        server_end_point: Some(vec![6; 32]),
    };
    let facts = TlsFacts {
        bindings,
        ..TlsFacts::bare(TlsVersion::V1_3)
    };
    Transport {
        kind: TransportKind::Tcp,
        security: Security::Tls(facts),
        trusted_proxy: false,
    }
}

fn reader() -> Reader {
    Reader::new(Framing::Stream, ReaderLimits::default())
}

fn answer(question: Question, keys: &ScramKeys) -> Answer {
    match question {
        Question::Keys { .. } => Answer::Keys(vec![Candidate::own(keys.clone())]),
        Question::Bind(request) => Answer::Bound {
            jid: request.jid,
            inline: String::new(),
        },
        _ => Answer::Accepted,
    }
}

/// One login; gives the time that the server spent.
fn login(
    server_config: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
    keys: &ScramKeys,
) -> Option<Duration> {
    let mut spent = Duration::ZERO;
    let (mut step, mut send) = Handshake::start(client.clone(), transport(), [1; 32]);
    let mut client_reader = reader();
    let start = Instant::now();
    let mut server = Negotiation::new(server_config.clone(), transport(), [2; 32]);
    let mut server_reader = reader();
    spent += start.elapsed();
    loop {
        let start = Instant::now();
        let mut out: Vec<Bytes> = Vec::new();
        server_reader.feed(&send);
        while let Some(frame) = server_reader.next().ok()? {
            server.handle(frame);
            while let Some(output) = server.poll() {
                match output {
                    Output::Send(bytes) => out.push(bytes),
                    Output::Ask(question) => server.answer(answer(question, keys)),
                    Output::RestartStream => server_reader.restart(),
                    _ => {}
                }
            }
        }
        spent += start.elapsed();
        send = Bytes::new();
        for bytes in out {
            client_reader.feed(&bytes);
            while let Some(frame) = client_reader.next().ok()? {
                match step.handle(&frame).ok()? {
                    Progress::Done(_) => return Some(spent),
                    Progress::Next {
                        handshake,
                        send: bytes,
                        action,
                    } => {
                        step = handshake;
                        if action == Some(Action::RestartStream) {
                            client_reader.restart();
                        }
                        if !bytes.is_empty() {
                            send = bytes;
                        }
                    }
                }
            }
        }
    }
}

fn logins(criterion: &mut Criterion) {
    let Ok(account) = BareJid::parse("romeo@example.org") else {
        return;
    };
    let server = Arc::new(ServerConfig::new("example.org", [9; 32]));
    let mut group = criterion.benchmark_group("login");
    for hash in ScramHash::ALL {
        let password = Password::new("r0m30");
        let Ok(keys) = ScramKeys::derive(&password, b"sixteen bytes...", 4096, hash) else {
            return;
        };
        let Ok(salted) =
            xmpp::sasl::SaltedPassword::derive(&password, b"sixteen bytes...", 4096, hash)
        else {
            return;
        };
        for sasl2 in [false, true] {
            let credentials = Credentials {
                salted: vec![salted.clone()],
                ..Credentials::default()
            };
            let client = Arc::new(ClientConfig {
                credentials,
                sasl2,
                ..ClientConfig::new(account.clone(), Password::new(""))
            });
            let name = format!(
                "SCRAM-{}-PLUS/{}",
                hash.name(),
                if sasl2 { "sasl2+bind2" } else { "rfc6120" }
            );
            assert!(login(&server, &client, &keys).is_some(), "{name} fails");
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|count| {
                    let times = (0..count).filter_map(|_| login(&server, &client, &keys));
                    times.sum()
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, logins);
criterion_main!(benches);
