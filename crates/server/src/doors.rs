//! Opening doors: listening sockets, with errors that say what to do.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::anyhow;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;

use crate::net;

/// Opens all addresses of one key. `[::]` falls back to `0.0.0.0` on a machine without IPv6, and a loopback address
/// of a family that the machine lacks is left out if another one of the list works.
///
/// # Errors
/// The first address that cannot be opened, with the mend.
pub fn open(key: &str, addresses: &[SocketAddr]) -> anyhow::Result<Vec<TcpListener>> {
    let mut doors = Vec::new();
    let mut lacking = None;
    for &address in addresses {
        match net::bind(address) {
            Ok(door) => doors.push(door),
            Err(error)
                if lacks_family(&error) && address.is_ipv6() && address.ip().is_unspecified() =>
            {
                let fallback = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
                doors.push(net::bind(fallback).map_err(|error| explain(key, fallback, &error))?);
            }
            Err(error) if lacks_family(&error) && address.ip().is_loopback() => {
                lacking = Some(explain(key, address, &error))
            }
            Err(error) => return Err(explain(key, address, &error)),
        }
    }
    match lacking {
        Some(error) if doors.is_empty() => Err(error),
        _ => Ok(doors),
    }
}

/// Raises the number of files that this process may open as far as its user may, and gives how many of `wanted`
/// connections with other servers leave enough of them for clients.
pub fn peer_connections(wanted: u32) -> u32 {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current < limit.maximum || limit.maximum.is_none() {
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            limit = raised;
        }
    }
    share(wanted, limit.current)
}

/// No more than a third of the files.
fn share(wanted: u32, files: Option<u64>) -> u32 {
    match files {
        Some(files) => wanted
            .min(u32::try_from(files / 3).unwrap_or(u32::MAX))
            .max(4),
        None => wanted,
    }
}

fn lacks_family(error: &std::io::Error) -> bool {
    // EAFNOSUPPORT and EADDRNOTAVAIL: no IPv6 in the kernel, or none on this interface.
    error.raw_os_error() == Some(97) || error.kind() == ErrorKind::AddrNotAvailable
}

fn explain(key: &str, address: SocketAddr, error: &std::io::Error) -> anyhow::Error {
    anyhow!(
        "`{key}`: {address} cannot be opened: {error}\n  mend: {}",
        mend(key, address, error)
    )
}

/// What to do about an address that cannot be opened.
pub fn mend(key: &str, address: SocketAddr, error: &std::io::Error) -> String {
    let port = address.port();
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "another program listens there: stop it (`ss -ltnp 'sport = :{port}'` shows which one), or set another address at `{key}`"
        ),
        ErrorKind::PermissionDenied => format!(
            "ports below 1024 need a right: give it (`setcap cap_net_bind_service=+ep` on the program, or \
             AmbientCapabilities=CAP_NET_BIND_SERVICE in its unit), or set a higher port at `{key}`"
        ),
        ErrorKind::AddrNotAvailable => {
            format!("this machine has no such address; set one that it has at `{key}`")
        }
        _ => format!("set another address at `{key}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named_with_its_key() {
        let first = open("listen.xmpp", &["127.0.0.1:0".parse().expect("address")]).expect("opens");
        let taken = first[0].local_addr().expect("address");
        let error = open("listen.xmpp", &[taken])
            .expect_err("taken")
            .to_string();
        assert!(
            error.contains("listen.xmpp")
                && error.contains(&taken.to_string())
                && error.contains("mend:"),
            "{error}"
        );
    }
}
