//! Networks in CIDR notation, for trusted proxies.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An address with a prefix length, such as `192.168.7.0/24`; a bare address is that address alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether `address` lies inside. An IPv4 address in IPv6 clothes (`::ffff:a.b.c.d`) counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => same_prefix(
                u128::from(own.to_bits()) << 96,
                u128::from(other.to_bits()) << 96,
                self.prefix,
            ),
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                same_prefix(own.to_bits(), other.to_bits(), self.prefix)
            }
            _ => false,
        }
    }
}

fn same_prefix(left: u128, right: u128, prefix: u8) -> bool {
    prefix == 0 || (left ^ right) >> (128 - u32::from(prefix)) == 0
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            format!(
                "`{text}` is no network; write an address such as `10.0.0.5` or `192.168.7.0/24`"
            )
        };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let address = address.to_canonical();
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(longest);
        if prefix > longest {
            return Err(wrong());
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl<'de> serde::Deserialize<'de> for Network {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl serde::Serialize for Network {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn networks_contain_what_they_say() {
        let network: Network = "192.168.7.0/24".parse().expect("network");
        assert!(network.contains("192.168.7.255".parse().expect("address")));
        assert!(network.contains("::ffff:192.168.7.1".parse().expect("address")));
        assert!(!network.contains("192.168.8.1".parse().expect("address")));
        let one: Network = "10.0.0.5".parse().expect("network");
        assert!(one.contains("10.0.0.5".parse().expect("address")));
        assert!(!one.contains("10.0.0.6".parse().expect("address")));
        let all: Network = "::/0".parse().expect("network");
        assert!(all.contains("2001:db8::1".parse().expect("address")));
        assert!("10.0.0.0/33".parse::<Network>().is_err());
    }
}
