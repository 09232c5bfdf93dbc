//! An `X-Forwarded-For` header of any bytes: the bytes that a client wrote do not change the address that the server determines
//! for this client, neither on a direct connection nor on a connection through a trusted proxy.

#![no_main]

use std::net::IpAddr;

use domain::client::address::{client_address, parse_network};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    let proxies = ["10.0.0.0/8", "fd00::/8"].map(|network| parse_network(network).expect("a network"));
    let (proxy, stranger) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([203, 0, 113, 9]));
    assert_eq!(client_address(stranger, &[line], &proxies), stranger);
    let appended = [line, b", 198.51.100.7"].concat();
    let client = IpAddr::from([198, 51, 100, 7]);
    assert_eq!(client_address(proxy, &[&appended], &proxies), client);
    assert_eq!(client_address(proxy, &[line, b"198.51.100.7, 10.0.0.2"], &proxies), client);
    let _ = client_address(proxy, &[line], &proxies);
});
