//! `hauspost serve`: opening, running, and stopping in order.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use api::{Api, Door, Health, Metrics, Phase};
use arc_swap::ArcSwap;
use chat::Chat;
use chat::accounts::Authority;
use sd_notify::NotifyState;
use store::{Store, StoreConfig};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use xmpp::condition::StreamCondition;

use crate::admin::{self, Execution};
use crate::backup::{Schedule, Tally};
use crate::cli::{Cli, Serve};
use crate::config::{self, Config, FederationMode, Loaded};
use crate::dns::Names;
use crate::http::{self, Accept, Setup, Web};
use crate::identity::Directory;
use crate::net::{self, Clock, Doors, PeerDoor, Peers};
use crate::objects::Objects;
use crate::previews::Previews;
use crate::tls::PeerTls;
use crate::uploads::Uploads;
use crate::web_push::WebPush;
use crate::{doors, log, messenger, telemetry, tls};

/// Stack of a worker thread. Nothing here recurses on input.
const STACK_BYTES: usize = 1 << 20;

/// Runs the server until it is told to stop.
///
/// # Errors
/// What keeps it from starting, with the mend.
pub fn run(cli: &Cli, loaded: &Loaded, serve: &Serve) -> anyhow::Result<()> {
    log::start(&loaded.config.log);
    loop {
        let Stopped::ToGiveWay(conversation) = serve_once(cli, loaded, serve)? else {
            return Ok(());
        };
        tracing::info!("the store is closed for an administrator, and will be opened again");
        if let Err(error) = admin::give_way(conversation) {
            tracing::warn!(%error, "the administrator is gone");
        }
    }
}

/// Why the server does not serve any more.
enum Stopped {
    /// It was told to.
    ForGood,
    /// Somebody wants the store for himself, for as long as this conversation lasts.
    ToGiveWay(std::os::unix::net::UnixStream),
}

fn serve_once(cli: &Cli, loaded: &Loaded, serve: &Serve) -> anyhow::Result<Stopped> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = match loaded.config.runtime.worker_threads {
        0 => cores,
        workers => workers,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        // Besides passwords: files being read, written and synced.
        .max_blocking_threads(cores + 14)
        .thread_stack_size(STACK_BYTES)
        .thread_name("hauspost")
        .enable_all()
        .build()
        .context("threads cannot be started; see the limits of this user (`ulimit -u`)")?;
    let result = runtime.block_on(start_and_serve(cli, loaded, serve));
    // Whatever still waits for a slow disk or peer has had its time.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// Listening sockets of every door.
struct Listening {
    xmpp: Vec<TcpListener>,
    xmpp_tls: Vec<TcpListener>,
    http: Vec<TcpListener>,
    https: Vec<TcpListener>,
    federation: Vec<TcpListener>,
    federation_tls: Vec<TcpListener>,
    component: Vec<TcpListener>,
}

impl Listening {
    fn open(config: &Config) -> anyhow::Result<Self> {
        let listen = &config.listen;
        let off = config.policy.federation.mode == FederationMode::Off;
        let servers = |addresses: &[SocketAddr]| {
            if off { Vec::new() } else { addresses.to_vec() }
        };
        Ok(Self {
            xmpp: doors::open("listen.xmpp", &listen.xmpp)?,
            xmpp_tls: doors::open("listen.xmpp_tls", &listen.xmpp_tls)?,
            http: doors::open("listen.http", &listen.http)?,
            https: doors::open("listen.https", &listen.https)?,
            federation: doors::open("listen.federation", &servers(&listen.federation))?,
            federation_tls: doors::open("listen.federation_tls", &servers(&listen.federation_tls))?,
            component: doors::open("listen.component", &listen.component)?,
        })
    }

    /// Key, what is spoken, and address of each door.
    fn addresses(&self) -> Vec<(&'static str, SocketAddr)> {
        let doors = [
            ("xmpp", &self.xmpp),
            ("xmpp_tls", &self.xmpp_tls),
            ("http", &self.http),
            ("https", &self.https),
            ("federation", &self.federation),
            ("federation_tls", &self.federation_tls),
            ("component", &self.component),
        ];
        doors
            .into_iter()
            .flat_map(|(key, listeners)| {
                listeners
                    .iter()
                    .filter_map(move |door| Some((key, door.local_addr().ok()?)))
            })
            .collect()
    }
}

/// The server while it runs.
struct Running {
    config: Arc<ArcSwap<Config>>,
    chat: Chat,
    secret: [u8; 32],
    api: Api,
    directory: Directory,
    doors: Doors,
    peers: Peers,
    clock: Clock,
    reload: Arc<Notify>,
    stop: watch::Sender<bool>,
}

async fn start_and_serve(cli: &Cli, loaded: &Loaded, serve: &Serve) -> anyhow::Result<Stopped> {
    let config = &loaded.config;
    let clock = Clock::start();
    let mut signals = Signals::new()?;
    admin::make_data_dir(&config.data_dir)?;
    let mut store_config = StoreConfig::folder(admin::store_path(&config.data_dir));
    store_config.readers = config.store.readers.max(1);
    let store = tokio::task::spawn_blocking(move || Store::open(store_config)).await??;
    let (tls, source) = tls::open(config)?;
    let peer_tls = PeerTls::new(&config.tls, &config.federation.ca, &tls.resolver)?;
    let listening = Listening::open(config)?;
    let socket = admin::listen(&config.data_dir)?;

    let secret = messenger::secret(&store).await?;
    let handle = tokio::runtime::Handle::current();
    let offload: chat::Offload = Arc::new(move |work| {
        handle.spawn_blocking(work);
    });
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    let chat = Chat::new(
        messenger::chat_config(config, secret),
        store.clone(),
        offload,
        seed,
        clock.now(),
    );
    let demo = if serve.demo {
        crate::demo::fill(&store, config).await?
    } else {
        String::new()
    };
    let objects = Objects::open(&config.objects, &config.data_dir)?;
    let sending = config.limits.downloads_at_once as usize;
    let uploads = Arc::new(Uploads::new(store.clone(), objects, sending));
    if config.uploads.enabled
        && let Err(error) = uploads.recover().await
    {
        // People can still talk.
        tracing::error!(
            error = format!("{error:#}"),
            "files cannot be used; trying again in a minute"
        );
    }
    if config.push.enabled {
        WebPush::open(&store, config).await?.serve(&chat, clock);
    }
    if config.previews.enabled {
        Previews::new(config)?.serve(&chat, config.previews.per_minute);
    }
    let setup = Arc::new(Setup::new(store.clone(), config.domain.clone(), clock));
    let token = setup.invite().await?;

    let (stop, stopping) = watch::channel(false);
    let api = Api {
        metrics: Arc::new(Metrics::new()),
        health: Arc::new(Health::default()),
    };
    let shared = Arc::new(ArcSwap::from_pointee(config.clone()));
    let directory = Directory::new(shared.clone());
    chat.set_directory(Arc::new(directory.clone()));
    let running = Running {
        config: shared,
        directory,
        doors: Doors::new(&chat, clock, &tls),
        peers: Peers::new(
            &chat,
            clock,
            peer_tls,
            Names::new(&config.federation)?,
            doors::peer_connections(config.federation.connections),
        ),
        reload: Arc::new(Notify::new()),
        chat,
        secret,
        api,
        clock,
        stop,
    };
    let backups = Arc::new(Tally::default());
    telemetry::connect(
        &running.api,
        &running.chat,
        &store,
        &running.doors,
        &running.peers,
        &backups,
    );
    let addresses = listening.addresses();
    tokio::spawn(source.keep(tls.resolver.clone(), running.reload.clone()));
    running.chat.resume_outgoing(clock.now()).await?;
    running.open_doors(listening, &tls, setup, uploads.clone(), stopping);
    let execution = Execution {
        chat: running.chat.clone(),
        clock,
        by: Authority::console(),
        directory: running.directory.clone(),
    };
    // Ends with the runtime, as the administration does.
    let synchronising = tokio::spawn(running.directory.clone().keep(running.chat.clone(), clock));
    let (give_way, mut pauses) = mpsc::channel(1);
    // The socket's file goes when this task is dropped with the runtime.
    let administration = tokio::spawn(async move { socket.serve(execution, give_way).await });
    let chores = tokio::spawn(messenger::chores(
        running.chat.clone(),
        running.config.clone(),
        uploads,
        clock,
    ));
    let schedule = Schedule::new(store, running.config.clone(), clock, backups);
    let keeping = tokio::spawn(schedule.keep());
    running.api.health.enter(Phase::Serving);
    announce(config, &addresses, token.as_deref(), &demo)?;
    tell_supervisor(&[NotifyState::Ready]);

    let stopped = loop {
        tokio::select! {
            told = signals.next() => match told {
                Told::Reload => running.reload(cli),
                Told::Stop => break Stopped::ForGood,
            },
            Some(conversation) = pauses.recv() => break Stopped::ToGiveWay(conversation.into_std()?),
        }
    };
    // A backup that is not whole is made anew next time.
    keeping.abort();
    synchronising.abort();
    let _ = synchronising.await;
    running.stop(&mut signals, chores).await;
    administration.abort();
    let _ = administration.await;
    Ok(stopped)
}

impl Running {
    fn open_doors(
        &self,
        listening: Listening,
        tls: &tls::ServerTls,
        setup: Arc<Setup>,
        uploads: Arc<Uploads>,
        stopping: watch::Receiver<bool>,
    ) {
        for (listeners, door) in [
            (listening.xmpp, net::Door::StartTls),
            (listening.xmpp_tls, net::Door::Tls),
        ] {
            for listener in listeners {
                tokio::spawn(net::serve(
                    listener,
                    door,
                    self.doors.clone(),
                    stopping.clone(),
                ));
            }
        }
        for (listeners, door) in [
            (listening.federation, PeerDoor::Server),
            (listening.federation_tls, PeerDoor::ServerTls),
            (listening.component, PeerDoor::Component),
        ] {
            for listener in listeners {
                tokio::spawn(self.peers.clone().serve(listener, door));
            }
        }
        tokio::spawn(self.peers.clone().connect());
        let web = Web::new(
            self.config.clone(),
            &self.doors,
            self.api.clone(),
            tls.resolver.clone(),
            setup,
            uploads,
            stopping,
        );
        let router = web.router();
        for listener in listening.http {
            tokio::spawn(http::serve(
                listener,
                Accept::Plain,
                router.clone(),
                web.clone(),
            ));
        }
        for listener in listening.https {
            tokio::spawn(http::serve(
                listener,
                Accept::Tls(tls.https.clone()),
                router.clone(),
                web.clone(),
            ));
        }
    }

    /// Takes what can change while running; what is wrong changes nothing.
    fn reload(&self, cli: &Cli) {
        self.reload.notify_one();
        let before = self.config.load_full();
        let loaded = match config::load(
            cli.config.as_deref(),
            config::environment(),
            cli.data.as_deref(),
        ) {
            Ok(loaded) => loaded,
            Err(error) => {
                tracing::error!(%error, "the new configuration cannot be used; the old one stays");
                return;
            }
        };
        let mut config = loaded.config;
        for key in config.keep_fixed(&before) {
            tracing::warn!("a change of `{key}` takes effect at the next start");
        }
        self.chat.reload(
            messenger::chat_config(&config, self.secret),
            self.clock.now(),
        );
        let directory = config.identity.ldap.is_on();
        self.config.store(Arc::new(config));
        if directory {
            self.directory.refresh();
        }
        tracing::info!("configuration read again");
    }

    /// Ends every stream with its condition, waits for what is on its way to the disk, and for no more than
    /// `limits.shutdown_seconds`.
    async fn stop(&self, signals: &mut Signals, chores: JoinHandle<()>) {
        tracing::info!("stopping");
        tell_supervisor(&[NotifyState::Stopping]);
        self.api.health.enter(Phase::Stopping);
        let patience = Duration::from_secs(u64::from(self.config.load().limits.shutdown_seconds));
        self.stop.send_replace(true);
        self.chat.close_all(StreamCondition::SystemShutdown);
        tokio::select! {
            () = self.all_gone() => {
                // Other servers are told who has left; then they hear of the rest.
                let _ = tokio::time::timeout(patience, self.peers.stop()).await;
            }
            () = tokio::time::sleep(patience) => tracing::warn!("some clients did not take their leave in time"),
            // Whoever asks twice is in a hurry.
            _ = signals.next() => {}
        }
        chores.abort();
        let _ = chores.await;
        self.chat.end_waiting(self.clock.now()).await;
        let store = self.chat.store().clone();
        if tokio::time::timeout(patience, tokio::task::spawn_blocking(move || store.close()))
            .await
            .is_err()
        {
            tracing::error!("the disk is too slow to wait for; what was acknowledged is kept");
        }
        tracing::info!("stopped");
    }

    async fn all_gone(&self) {
        let web = [Door::WebSocket, Door::Bosh].map(|door| self.api.metrics.door(door));
        while self.doors.open() > 0 || web.iter().any(|door| door.open() > 0) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Tells systemd, where it has started us (`Type=notify`).
fn tell_supervisor(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd could not be told");
    }
}

enum Told {
    Stop,
    Reload,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hangup.recv() => Told::Reload,
        }
    }
}

/// Says where the server is, and how to become its administrator. The link goes to standard output alone: it is a
/// secret, and the log keeps none.
fn announce(
    config: &Config,
    addresses: &[(&'static str, SocketAddr)],
    token: Option<&str>,
    demo: &str,
) -> anyhow::Result<()> {
    for (key, address) in addresses {
        tracing::info!(door = key, %address, "listening");
    }
    if addresses.is_empty() {
        bail!("no door could be opened; see [listen]");
    }
    let mut text = format!(
        "Hauspost {} serves {}\n",
        env!("CARGO_PKG_VERSION"),
        config.domain
    );
    for (key, address) in addresses {
        text.push_str(&format!("  {key:16}{address}\n"));
    }
    if let Some(token) = token {
        text.push_str("There is no administrator yet. Make one with this link; it works once, for seven days:\n");
        for base in bases(config, addresses) {
            text.push_str(&format!("  {base}/setup/{token}\n"));
        }
        text.push_str("or with this command:\n  hauspost user add NAME --admin\n");
    }
    text.push_str(demo);
    text.push_str("ready\n");
    let mut out = std::io::stdout().lock();
    // Nobody reading is no reason not to serve.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    Ok(())
}

/// Addresses under which a browser reaches the pages: from anywhere, and on this machine.
fn bases(config: &Config, addresses: &[(&'static str, SocketAddr)]) -> Vec<String> {
    let mut bases = Vec::new();
    let secure = addresses.iter().find(|(key, _)| *key == "https");
    if !config.http.public_url.is_empty() {
        bases.push(config.public_url());
    } else if let Some((_, address)) = secure {
        bases.push(format!("https://{}:{}", config.domain, address.port()));
    }
    if let Some((_, address)) = addresses
        .iter()
        .find(|(key, address)| *key == "http" && address.ip().is_loopback())
    {
        bases.push(format!("http://{address}"));
    }
    bases
}
