//! The addresses that deliveries may come from.

use std::net::{IpAddr, SocketAddr};

use http::HeaderName;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::guards::Lacking;
use crate::error::{ConfigError, ConfigErrorKind, ErrorKind};
use crate::head::Head;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The networks that a provider sends from, as its documentation lists them. Beside the signature, and
/// never instead of it: addresses change hands, and can be forged along a path.
///
/// Whose address counts is that of the connection's other end. A header such as `X-Forwarded-For` is
/// whatever the sender made of it, and is believed only as far as proxies that the merchant
/// [names](Sources::behind) have written it.
///
/// ```
/// use countersign::Sources;
///
/// let sources = Sources::only(["203.0.113.0/24", "2001:db8::7"])?.behind(["10.0.0.0/8"])?;
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sources {
    allowed: Vec<IpNet>,
    proxies: Vec<IpNet>,
}

impl Sources {
    /// These addresses and networks only.
    ///
    /// # Errors
    ///
    /// [`BadNetwork`](ConfigErrorKind::BadNetwork) for what is neither, for a network with bits beyond its
    /// prefix, and if there is none at all.
    pub fn only<T: AsRef<str>>(networks: impl IntoIterator<Item = T>) -> Result<Self, ConfigError> {
        Ok(Sources {
            allowed: parse(networks)?,
            proxies: Vec::new(),
        })
    }

    /// Believes these proxies who they were asked by: where a connection comes from one of them, the last
    /// address in `X-Forwarded-For` that is not one of them is the sender's.
    ///
    /// # Errors
    ///
    /// As [`only`](Sources::only).
    pub fn behind<T: AsRef<str>>(
        mut self,
        proxies: impl IntoIterator<Item = T>,
    ) -> Result<Self, ConfigError> {
        self.proxies = parse(proxies)?;
        Ok(self)
    }

    /// Whether the request is from an address that is allowed.
    pub(crate) fn check<H: Head + ?Sized>(&self, head: &H) -> Result<(), Lacking> {
        let unknown = "the server does not say whom a connection is from";
        let unknown = Lacking::new(ErrorKind::SourceUnknown, unknown);
        let peer = head.peer().ok_or(unknown)?;
        let sender = match among(&self.proxies, peer) {
            true => self.forwarded(head, peer)?,
            false => peer,
        };
        match among(&self.allowed, sender) {
            true => Ok(()),
            false => Err(Lacking::new(
                ErrorKind::SourceNotAllowed,
                format!("{sender} is not among the sources"),
            )),
        }
    }

    /// Who asked the proxies. Each of them appends the address that it was asked by, so that the last ones
    /// are theirs, and all before the first that is not is the sender's own invention.
    fn forwarded<H: Head + ?Sized>(&self, head: &H, peer: IpAddr) -> Result<IpAddr, Lacking> {
        let values: Vec<&[u8]> = head.values(&FORWARDED_FOR).collect();
        let entries = values
            .iter()
            .rev()
            .flat_map(|value| value.rsplit(|byte| *byte == b','));
        let mut last = peer;
        for entry in entries {
            let garbled = || format!("behind {last}, {FORWARDED_FOR} holds what is no address");
            last = address(entry)
                .ok_or_else(|| Lacking::new(ErrorKind::SourceNotAllowed, garbled()))?;
            if !among(&self.proxies, last) {
                break;
            }
        }
        Ok(last)
    }
}

/// An address as proxies write it, some with a port.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry.trim_ascii()).ok()?;
    let plain = || text.parse().ok();
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    plain().or_else(with_port)
}

/// An address of version 4 within one of version 6 is the former.
fn among(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// A network of version 4 within version 6, as the former: so addresses in it are compared.
fn canonical(network: IpNet) -> IpNet {
    let mapped = |network: Ipv6Net| {
        let address = network.addr().to_ipv4_mapped()?;
        let prefix = network.prefix_len().checked_sub(96)?;
        Ipv4Net::new(address, prefix).ok()
    };
    match network {
        IpNet::V6(wide) => mapped(wide).map_or(network, IpNet::V4),
        IpNet::V4(_) => network,
    }
}

fn parse<T: AsRef<str>>(networks: impl IntoIterator<Item = T>) -> Result<Vec<IpNet>, ConfigError> {
    let bad = |why: String| ConfigError::new(ConfigErrorKind::BadNetwork, why);
    let mut parsed = Vec::new();
    for network in networks {
        let text = network.as_ref();
        let network = match (text.parse::<IpAddr>(), text.parse::<IpNet>()) {
            (Ok(address), _) => IpNet::from(address.to_canonical()),
            (_, Ok(network)) if network.trunc() == network => canonical(network),
            (_, Ok(network)) => {
                return Err(bad(format!(
                    "{text:?} has bits beyond its prefix; {} is the network around it",
                    network.trunc()
                )));
            }
            _ => return Err(bad(format!("{text:?} is no IP address and no network"))),
        };
        parsed.push(network);
    }
    match parsed.is_empty() {
        true => Err(bad(
            "a list of networks without any would refuse all".to_owned()
        )),
        false => Ok(parsed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct From(Option<&'static str>, http::Request<()>);

    impl Head for From {
        fn values<'h>(&'h self, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
            self.1.values(name)
        }

        fn method(&self) -> &str {
            "POST"
        }

        fn target(&self) -> std::borrow::Cow<'_, str> {
            self.1.target()
        }

        fn peer(&self) -> Option<IpAddr> {
            self.0.map(|peer| peer.parse().expect("an address"))
        }
    }

    fn from(peer: Option<&'static str>, forwarded: &[&str]) -> From {
        let mut request = http::Request::post("/");
        for value in forwarded {
            request = request.header("X-Forwarded-For", *value);
        }
        From(peer, request.body(()).expect("a request"))
    }

    const GOOD: &str = "203.0.113.9";
    const BAD: &str = "198.51.100.1";

    #[test]
    fn the_address_of_the_connection_counts() {
        let sources = Sources::only(["203.0.113.0/24", "2001:db8::7"]).expect("networks");
        let check = |peer, forwarded: &[&str]| {
            let checked = sources.check(&from(Some(peer), forwarded));
            checked.map_err(|lacking| lacking.kind())
        };
        assert_eq!(check(GOOD, &[]), Ok(()));
        assert_eq!(check("2001:db8::7", &[]), Ok(()));
        assert_eq!(check("::ffff:203.0.113.9", &[]), Ok(()), "version 4 in 6");
        for bad in [BAD, "203.0.114.1", "2001:db8::8"] {
            assert_eq!(check(bad, &[]), Err(ErrorKind::SourceNotAllowed), "{bad}");
            // Nobody named a proxy.
            assert_eq!(
                check(bad, &[GOOD]),
                Err(ErrorKind::SourceNotAllowed),
                "{bad}"
            );
        }
        let unknown = sources.check(&from(None, &[GOOD])).expect_err("no peer");
        assert_eq!(unknown.kind(), ErrorKind::SourceUnknown);
    }

    #[test]
    fn a_network_of_version_4_in_6_is_one_of_version_4() {
        let check = |network, peer| {
            let sources = Sources::only([network]).expect("a network");
            sources.check(&from(Some(peer), &[])).is_ok()
        };
        for network in ["::ffff:203.0.113.0/120", "::ffff:203.0.113.9/128"] {
            assert!(check(network, GOOD), "{network}");
            assert!(check(network, "::ffff:203.0.113.9"), "{network}");
            assert!(!check(network, BAD), "{network}");
        }
        assert!(check("::ffff:0:0/96", BAD), "all of version 4");
        assert!(!check("::ffff:0:0/96", "2001:db8::8"));
        // Nothing else in it is one of version 4.
        assert!(check("2001:db8::/96", "2001:db8::8"));
        assert!(!check("::/0", GOOD));
    }

    #[test]
    fn a_proxy_is_believed_as_far_as_it_wrote() {
        let sources = Sources::only(["203.0.113.0/24"]).expect("networks");
        let sources = sources.behind(["10.0.0.0/8", "::1"]).expect("networks");
        let check = |peer, forwarded: &[&str]| sources.check(&from(Some(peer), forwarded)).is_ok();
        for (forwarded, allowed) in [
            (&[GOOD][..], true),
            (&["203.0.113.9:4711"], true),
            (&["203.0.113.9, 10.1.1.1"], true),
            (&["203.0.113.9", "10.1.1.1"], true),
            (&["198.51.100.1, 203.0.113.9 ,10.1.1.1"], true),
            // What the sender wrote stands before what the proxies did.
            (&["203.0.113.9, 198.51.100.1"], false),
            (&["203.0.113.9", "198.51.100.1"], false),
            (&["203.0.113.9, 198.51.100.1, 10.1.1.1"], false),
            (&["203.0.113.9, nobody"], false),
            (&["203.0.113.9,"], false),
            (&[""], false),
            (&[], false),
            (&["10.1.1.1"], false),
        ] {
            assert_eq!(check("10.0.0.1", forwarded), allowed, "{forwarded:?}");
            assert_eq!(check("::1", forwarded), allowed, "{forwarded:?}");
        }
        assert!(check(GOOD, &[BAD]), "it came past the proxies");
        assert!(!check(BAD, &[GOOD]), "it came past the proxies");
    }

    #[test]
    fn networks_are_checked() {
        for bad in [
            "",
            "localhost",
            "203.0.113.0/33",
            "203.0.113.9/24",
            "203.0.113",
        ] {
            let error = Sources::only([bad]).expect_err(bad);
            assert_eq!(error.kind(), ConfigErrorKind::BadNetwork, "{bad}");
            let sources = Sources::only([GOOD]).expect("a network");
            let error = sources.behind([bad]).expect_err(bad);
            assert_eq!(error.kind(), ConfigErrorKind::BadNetwork, "{bad}");
        }
        assert!(Sources::only::<&str>([]).is_err());
    }
}
