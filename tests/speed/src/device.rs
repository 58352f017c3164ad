//! A device on a server in the same memory.

use std::collections::VecDeque;

use bytes::Bytes;
use client::storage::{Changes, Storage, Table};
use client::{
    Client, Command, Input, MemoryStorage, Moment, Now, Output, Randomness, Security, Settings,
    Timestamp, TransportFacts, TransportKind,
};

use crate::server::{Server, Stream};

/// When everything begins.
pub(crate) const START: Now = Now::new(
    Moment::from_micros(1_000_000),
    Timestamp::from_seconds(1_800_000_000),
);

/// Randomness from a seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }
}

impl Randomness for Dice {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 56) as u8;
        }
    }
}

/// A client and its connection.
pub(crate) struct Device {
    pub(crate) client: Client<MemoryStorage>,
    dice: Dice,
    stream: Option<Stream>,
    written: VecDeque<Bytes>,
}

impl Device {
    /// A new device that keeps a token: no password needs to be stretched for it.
    pub(crate) fn new(account: &str, server: &mut Server, now: Now) -> Self {
        let mut storage = MemoryStorage::new();
        let mut changes = Changes::new();
        changes.put(Table::State, *b"token", crate::server::token_record());
        storage.commit(&changes).unwrap();
        Self::open(account, storage, 1, server, now)
    }

    /// A device that finds this on its disk. It logs in, and all that follows happens.
    pub(crate) fn open(
        account: &str,
        storage: MemoryStorage,
        seed: u64,
        server: &mut Server,
        now: Now,
    ) -> Self {
        let mut settings = Settings::new(crate::world::jid(account), "speed");
        settings.without_tls = true;
        let mut dice = Dice::new(seed + account.len() as u64);
        let mut client = Client::open(storage, settings, now, &mut dice).unwrap();
        client.command(Command::Connect, now, &mut dice).unwrap();
        let mut device = Self {
            client,
            dice,
            stream: None,
            written: VecDeque::new(),
        };
        device.run(server, now);
        assert!(device.client.is_online());
        device
    }

    pub(crate) fn command(&mut self, command: Command, server: &mut Server, now: Now) {
        self.client.command(command, now, &mut self.dice).unwrap();
        self.run(server, now);
    }

    fn input(&mut self, input: Input, now: Now) {
        self.client.input(input, now, &mut self.dice).unwrap();
    }

    /// Lets everything happen that can happen now.
    pub(crate) fn run(&mut self, server: &mut Server, now: Now) {
        loop {
            while let Some(output) = self.client.output() {
                match output {
                    Output::Connect { .. } => {
                        let account = self.client.account().clone();
                        self.stream = Some(Stream::new(account));
                        let facts = TransportFacts {
                            kind: TransportKind::Tcp,
                            security: Security::Plain,
                            trusted_proxy: true,
                        };
                        self.input(Input::Connected(facts), now);
                    }
                    Output::Write(bytes) => self.written.push_back(bytes),
                    Output::Disconnect => self.stream = None,
                    _ => {}
                }
            }
            if let (Some(bytes), Some(stream)) = (self.written.pop_front(), &mut self.stream) {
                for answer in server.received(stream, &bytes, now) {
                    self.input(Input::Received(answer), now);
                }
            } else if self.client.deadline().is_some_and(|due| due <= now.moment) {
                self.client.tick(now, &mut self.dice).unwrap();
            } else {
                return;
            }
        }
    }
}
