//! The machine's ceiling: a process that moves frames between two connections and looks at nothing but their ends.
//!
//! A connection opens with the name of its pair and a line feed. From the second one on, every frame (up to and with
//! a zero byte) of one goes to the other.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Result, ensure};
use memchr::memrchr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::{Started, free_address};
use crate::process::Process;

pub(super) fn start() -> Result<Started> {
    let address = free_address()?;
    let at = Instant::now();
    let process = Process::start(
        "forwarder",
        Command::new(std::env::current_exe()?)
            .arg("forwarder")
            .arg(address.to_string())
            .stdin(Stdio::null()),
    )?;
    Ok(Started {
        process,
        address,
        at,
        prefilled: 0,
    })
}

/// Serves until it is killed.
pub(crate) async fn serve(address: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(address).await?;
    let (sender, mut greeted) = mpsc::channel::<(Vec<u8>, TcpStream)>(1_000);
    tokio::spawn(async move {
        let mut waiting: HashMap<Vec<u8>, TcpStream> = HashMap::new();
        while let Some((name, stream)) = greeted.recv().await {
            let Some(other) = waiting.remove(&name) else {
                waiting.insert(name, stream);
                continue;
            };
            let (left_read, left_write) = stream.into_split();
            let (right_read, right_write) = other.into_split();
            tokio::spawn(forward(left_read, right_write));
            tokio::spawn(forward(right_read, left_write));
        }
    });
    loop {
        let (stream, _) = listener.accept().await?;
        let sender = sender.clone();
        tokio::spawn(async move {
            if let Ok((name, stream)) = greet(stream).await {
                let _ = sender.send((name, stream)).await;
            }
        });
    }
}

async fn greet(mut stream: TcpStream) -> Result<(Vec<u8>, TcpStream)> {
    stream.set_nodelay(true)?;
    let mut name = Vec::new();
    loop {
        let byte = stream.read_u8().await?;
        if byte == b'\n' {
            return Ok((name, stream));
        }
        name.push(byte);
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut filled = 0;
    loop {
        let length = from.read(&mut buffer[filled..]).await?;
        if length == 0 {
            return Ok(());
        }
        let last = memrchr(0, &buffer[filled..filled + length]).map(|at| filled + at + 1);
        filled += length;
        let Some(end) = last else {
            ensure!(
                filled < buffer.len(),
                "a frame of more than {} bytes",
                buffer.len()
            );
            continue;
        };
        to.write_all(&buffer[..end]).await?;
        buffer.copy_within(end..filled, 0);
        filled -= end;
    }
}
