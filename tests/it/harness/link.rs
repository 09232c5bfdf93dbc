//! What the kernel says about a connection's server side.

use std::{fs, net::SocketAddr};

/// The state of the server's end of the connection between `server` and `client`, in the kernel's words; `None` when
/// there is nothing left of it.
pub(crate) fn server_side_state(server: SocketAddr, client: SocketAddr) -> Option<&'static str> {
    find(server, client).map(|(state, _)| state)
}

/// How many bytes the server's end has not got rid of.
pub(crate) fn server_side_unsent(server: SocketAddr, client: SocketAddr) -> u64 {
    find(server, client).map_or(0, |(_, unsent)| unsent)
}

fn find(server: SocketAddr, client: SocketAddr) -> Option<(&'static str, u64)> {
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|table| {
        let table = fs::read_to_string(table).expect("the kernel's table of connections");
        table.lines().skip(1).find_map(|line| {
            // sl, local address, remote address, state, queues
            let mut fields = line.split_whitespace().skip(1);
            let (local, remote) = (port(fields.next()?)?, port(fields.next()?)?);
            if (local, remote) != (server.port(), client.port()) {
                return None;
            }
            let state = state(fields.next()?);
            let unsent = u64::from_str_radix(fields.next()?.split(':').next()?, 16).ok()?;
            Some((state, unsent))
        })
    })
}

fn port(address: &str) -> Option<u16> {
    u16::from_str_radix(address.rsplit(':').next()?, 16).ok()
}

fn state(code: &str) -> &'static str {
    match code {
        "01" => "ESTABLISHED",
        "02" => "SYN_SENT",
        "03" => "SYN_RECV",
        "04" => "FIN_WAIT1",
        "05" => "FIN_WAIT2",
        "06" => "TIME_WAIT",
        "07" => "CLOSE",
        "08" => "CLOSE_WAIT",
        "09" => "LAST_ACK",
        "0B" => "CLOSING",
        _ => "another state",
    }
}
