//! What of an address is counted.

use std::net::IpAddr;

/// The bytes of an address that one customer of a network holds: all of IPv4,
/// the /64 of IPv6. An IPv4 address written as IPv6 is the IPv4 address, so
/// that nobody has two.
pub(crate) fn network_of(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets()[..8].to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<u8> {
        network_of(text.parse().expect("an address"))
    }

    #[test]
    fn ipv4_counts_in_full_and_ipv6_by_its_customer() {
        assert_eq!(of("192.0.2.1"), [192, 0, 2, 1]);
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(
            of("2001:db8:1:2::1"),
            of("2001:db8:1:2:ffff:ffff:ffff:ffff")
        );
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("2001:db8:1:2::1").len(), 8);
    }

    #[test]
    fn nobody_has_two_networks_by_writing_one_address_in_two_ways() {
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_eq!(of("::ffff:c000:201"), of("192.0.2.1"));
    }
}
