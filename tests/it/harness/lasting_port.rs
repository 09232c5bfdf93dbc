//! [`lasting_port`]: ports of programs that start later, or that stop and start again, on the same port.

use std::{
    net::{Ipv4Addr, TcpListener, UdpSocket},
    sync::atomic::{AtomicU16, Ordering},
};

/// Below the ports that the kernel chooses from for a connection or for port 0 (32,768 and above, by default). A port from
/// there could be taken by another test while its program is down. Above the ports of the services of a machine.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A port of this machine that is free for TCP and UDP now, and that no other test of this process gets.
pub(crate) fn lasting_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that run at the same time begin at different ports.
    let (begin, size) = (std::process::id() as usize * 251, PORTS.len());
    let candidates = (0..size).map(|_| {
        let step = usize::from(NEXT.fetch_add(1, Ordering::Relaxed));
        PORTS.start + u16::try_from((begin + step) % size).expect("less than the size")
    });
    let is_free = |port: &u16| {
        let [any, own] = [Ipv4Addr::UNSPECIFIED, Ipv4Addr::LOCALHOST].map(|address| (address, *port));
        [any, own]
            .iter()
            .all(|address| TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok())
    };
    candidates.into_iter().find(is_free).expect("a free port")
}
