//! Which addresses may be asked when anybody may name one: none inside the house.

use std::net::{IpAddr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::config::Network;
use crate::net::is_public;

/// Where requests may go.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Networks that may be reached although they are not public, and without TLS.
    pub allowed: Vec<Network>,
}

/// Why an address may not be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Barred {
    /// It is no web address.
    #[error("it is no web address")]
    NoAddress,
    /// It is not protected.
    #[error("it is not protected by TLS")]
    Plain,
    /// Its port is not the usual one.
    #[error("its port is not the usual one")]
    Port,
    /// It is inside.
    #[error("it is not on the public Internet")]
    Inside,
}

impl Reach {
    /// Whether an address may be asked.
    pub fn permits(&self, address: IpAddr) -> bool {
        self.is_allowed(address) || is_public(address)
    }

    fn is_allowed(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|network| network.contains(address))
    }

    /// Checks what the text of an address says where TLS is due; names are checked when they are resolved.
    ///
    /// # Errors
    /// Says why it may not be asked.
    pub fn check(&self, address: &str) -> Result<Url, Barred> {
        let (url, is_allowed) = self.look(address)?;
        match url.scheme() {
            "https" => Ok(url),
            "http" if is_allowed => Ok(url),
            "http" => Err(Barred::Plain),
            _ => Err(Barred::NoAddress),
        }
    }

    /// The same for pages that everybody reads: without TLS too, but on the usual ports only, unless the address is a
    /// literal one that was allowed.
    ///
    /// # Errors
    /// Says why it may not be asked.
    pub fn check_page(&self, address: &str) -> Result<Url, Barred> {
        let (mut url, is_allowed) = self.look(address)?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(Barred::NoAddress);
        }
        if !is_allowed && !matches!(url.port_or_known_default(), Some(80 | 443)) {
            return Err(Barred::Port);
        }
        // Nobody but the reader sees it.
        url.set_fragment(None);
        Ok(url)
    }

    /// Reads an address. Whether its host is a literal that was allowed.
    fn look(&self, address: &str) -> Result<(Url, bool), Barred> {
        let url = Url::parse(address).map_err(|_| Barred::NoAddress)?;
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
        let is_allowed = literal.is_some_and(|address| self.is_allowed(address));
        Ok((url, is_allowed))
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

    #[test]
    fn pages() {
        let reach = Reach {
            allowed: vec!["10.7.0.0/16".parse().expect("a network")],
        };
        let check = |address| reach.check_page(address).map(drop);
        for good in [
            "https://page.example/a",
            "http://page.example/",
            "https://page.example:443/",
            "http://page.example:443/",
            "http://9.9.9.9/",
            "http://[2606:4700::1111]/",
            "http://10.7.0.1:8080/",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for port in [
            "http://page.example:8080/",
            "https://page.example:22/",
            "http://9.9.9.9:25/",
        ] {
            assert_eq!(check(port), Err(Barred::Port), "{port}");
        }
        for inside in [
            "http://127.0.0.1/",
            "http://127.1:80/",
            "http://0177.0.0.1/",
            "http://0x7f.1/",
            "http://169.254.169.254/latest/meta-data/",
            "http://[fd00:ec2::254]/",
            "http://10.0.0.1/",
            "http://172.16.0.1/",
            "http://192.168.0.1/",
            "http://100.100.100.200/",
            "http://[::1]/",
            "http://[fe80::1]/",
            "http://[fc00::1]/",
            "http://[::ffff:192.168.0.1]/",
            "http://[64:ff9b::a00:1]/",
            "http://[64:ff9b:1::a00:1]/",
            "http://[2002:a00:1::]/",
            "http://[::a00:1]/",
            "http://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
        ] {
            assert_eq!(check(inside), Err(Barred::Inside), "{inside}");
        }
        for wrong in [
            "ftp://page.example/",
            "file:///etc/passwd",
            "gopher://page.example:80/",
            "data:text/html,x",
            "https://u:p@page.example/",
            "https://u@page.example/",
        ] {
            assert_eq!(check(wrong), Err(Barred::NoAddress), "{wrong}");
        }
        let url = reach
            .check_page("https://page.example/a#b")
            .expect("a page");
        assert_eq!(url.as_str(), "https://page.example/a");
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
