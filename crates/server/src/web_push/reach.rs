//! Which addresses a push endpoint may have: anybody may name one, so none inside the house.

use std::net::{IpAddr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::config::Network;
use crate::net::is_public;

/// Where notifications may go.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    /// Networks that may be reached although they are not public, and without TLS.
    pub(super) allowed: Vec<Network>,
}

/// Why an endpoint may not be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Barred {
    /// It is no web address.
    #[error("the endpoint is no web address")]
    NoAddress,
    /// It is not protected.
    #[error("the endpoint is not protected by TLS")]
    Plain,
    /// It is inside.
    #[error("the endpoint is not on the public Internet; see push.allowed_networks")]
    Inside,
}

impl Reach {
    /// Whether an address may be asked.
    pub(super) fn permits(&self, address: IpAddr) -> bool {
        self.is_allowed(address) || is_public(address)
    }

    fn is_allowed(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|network| network.contains(address))
    }

    /// Checks what the text of an endpoint says; names are checked when they are resolved.
    ///
    /// # Errors
    /// Says why it may not be asked.
    pub(super) fn check(&self, endpoint: &str) -> Result<Url, Barred> {
        let url = Url::parse(endpoint).map_err(|_| Barred::NoAddress)?;
        let host = url.host_str().ok_or(Barred::NoAddress)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Barred::NoAddress);
        }
        let literal: Option<IpAddr> = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse()
            .ok();
        if literal.is_some_and(|address| !self.permits(address)) {
            return Err(Barred::Inside);
        }
        match url.scheme() {
            "https" => Ok(url),
            "http" if literal.is_some_and(|address| self.is_allowed(address)) => Ok(url),
            "http" => Err(Barred::Plain),
            _ => Err(Barred::NoAddress),
        }
    }
}

/// Resolves names as the system does, and leaves out what may not be asked.
impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await?
                .filter(|address| reach.permits(address.ip()))
                .collect();
            if found.is_empty() {
                return Err(Barred::Inside.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_asked() {
        let reach = Reach::default();
        for inside in [
            "127.0.0.1",
            "127.9.9.9",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "198.18.0.1",
            "192.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "::127.0.0.1",
            "fec0::1",
            "100::1",
        ] {
            let address = inside.parse().expect("an address");
            assert!(!reach.permits(address), "{inside}");
        }
        for public in [
            "9.9.9.9",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "2a00::1",
            "64:ff9b::9.9.9.9",
        ] {
            let address = public.parse().expect("an address");
            assert!(reach.permits(address), "{public}");
        }
    }

    #[test]
    fn endpoints() {
        let reach = Reach {
            allowed: vec!["10.7.0.0/16".parse().expect("a network")],
        };
        let check = |endpoint| reach.check(endpoint).map(drop);
        assert_eq!(check("https://push.example/abc"), Ok(()));
        assert_eq!(check("https://10.7.0.1/abc"), Ok(()));
        assert_eq!(check("http://10.7.0.1:8080/abc"), Ok(()));
        assert_eq!(check("http://push.example/abc"), Err(Barred::Plain));
        assert_eq!(check("http://9.9.9.9/abc"), Err(Barred::Plain));
        for inside in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://[::1]/",
            "https://[::ffff:7f00:1]/",
            "https://0/",
            "https://169.254.169.254/latest",
        ] {
            assert_eq!(check(inside), Err(Barred::Inside), "{inside}");
        }
        for wrong in [
            "ftp://push.example/",
            "https://u:p@push.example/",
            "https://",
            "push",
        ] {
            assert_eq!(check(wrong), Err(Barred::NoAddress), "{wrong}");
        }
    }

    #[tokio::test]
    async fn names_that_lead_inside_are_not_found() {
        let name: Name = "localhost".parse().expect("a name");
        assert!(Reach::default().resolve(name).await.is_err());
        let allowed = vec!["127.0.0.0/8".parse().expect("a network")];
        let name: Name = "localhost".parse().expect("a name");
        let found = Reach { allowed }.resolve(name).await;
        assert!(found.is_ok_and(|mut found| found.all(|address| address.is_ipv4())));
    }
}
