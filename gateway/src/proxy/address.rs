//! Which IP addresses an upstream may have. Pure; called by `dial` for every address of every answer.
//!
//! Only globally reachable unicast addresses pass (IANA special-purpose registries, RFC 6890), and whatever carries an IPv4
//! address inside an IPv6 one is refused or judged by what it carries, so that no notation leads to the establishment's own
//! network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// True when an upstream may live there without the administrator's word.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match a {
        0 | 10 | 127 => true,  // this network, private, loopback
        100 => b & 0xc0 == 64, // shared address space (RFC 6598)
        169 => b == 254,       // link-local
        172 => b & 0xf0 == 16, // private
        192 => matches!((b, c), (0, 0) | (0, 2) | (88, 99)) || b == 168, // IETF, TEST-NET-1, 6to4 relay, private
        198 => b & 0xfe == 18 || (b, c) == (51, 100),                    // benchmarking, TEST-NET-2
        203 => (b, c) == (0, 113),                                       // TEST-NET-3
        224..=255 => true,                                               // multicast, reserved, broadcast
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let global_unicast = a & 0xe000 == 0x2000;
    let special = match (a, b) {
        (0x2001, 0x0000..=0x01ff) => true, // IETF protocol assignments, Teredo and ORCHID among them
        (0x2001, 0x0db8) => true,          // documentation
        (0x2002, _) => true,               // 6to4
        (0x3fff, 0x0000..=0x0fff) => true, // documentation (RFC 9637)
        _ => false,
    };
    // ::ffff:0:0/96, 64:ff9b::/96, ::/96, fc00::/7, fe80::/10, ff00::/8 … all lie outside 2000::/3.
    global_unicast && !special
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_global_unicast_passes() {
        for public in [
            "93.184.216.34",
            "8.8.8.8",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "2606:2800:220::1",
            "2a01:e0a::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for special in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.5",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(special.parse().unwrap()), "{special}");
        }
    }
}
