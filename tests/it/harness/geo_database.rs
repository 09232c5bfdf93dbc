//! A small geolocation database in the MaxMind DB format 2.0. It is generated, so that no test needs a licensed file.
//!
//! A file consists of a binary search tree over the bits of an address, sixteen zero bytes, the records, a marker,
//! and the metadata.

use std::net::IpAddr;

use ipnet::IpNet;

/// The record of a network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    pub(crate) network: &'static str,
    pub(crate) country: &'static str,
    pub(crate) city: &'static str,
    /// Latitude and longitude, in degrees.
    pub(crate) at: (f64, f64),
    pub(crate) radius_km: u16,
    pub(crate) autonomous_system: u32,
}

pub(crate) const SYDNEY: Site = Site {
    network: "203.0.113.0/24",
    country: "AU",
    city: "Sydney",
    at: (-33.87, 151.21),
    radius_km: 20,
    autonomous_system: 1221,
};
pub(crate) const LONDON: Site = Site {
    network: "198.51.100.0/24",
    country: "GB",
    city: "London",
    at: (51.51, -0.13),
    radius_km: 20,
    autonomous_system: 2856,
};
/// The exit of a VPN. Its position is so inexact (1,000 km) that it is no evidence of a location.
pub(crate) const VPN: Site = Site {
    network: "192.0.2.0/24",
    country: "NL",
    city: "",
    at: (52.37, 4.9),
    radius_km: 1000,
    autonomous_system: 9009,
};

/// The file of these sites.
pub(crate) fn database(sites: &[Site]) -> Vec<u8> {
    let mut tree = Tree { nodes: vec![[Slot::Empty; 2]] };
    let mut data = Vec::new();
    for site in sites {
        tree.put(site.network.parse().expect("a network"), data.len());
        data.extend(record(site));
    }
    let count = tree.nodes.len();
    let mut file = tree.bytes();
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    file.extend(description(count));
    file
}

#[derive(Clone, Copy)]
enum Slot {
    Empty,
    Node(usize),
    Data(usize),
}

struct Tree {
    nodes: Vec<[Slot; 2]>,
}

impl Tree {
    /// Adds a network. Its record begins at the offset `data`. IPv4 networks are stored below `::/96`.
    fn put(&mut self, network: IpNet, data: usize) {
        let (bits, length) = match network.addr() {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()), 96 + network.prefix_len()),
            IpAddr::V6(v6) => (v6.to_bits(), network.prefix_len()),
        };
        let mut node = 0;
        for depth in 0..length {
            let side = usize::from(bits >> (127 - depth) & 1 == 1);
            if depth + 1 == length {
                self.nodes[node][side] = Slot::Data(data);
                return;
            }
            node = match self.nodes[node][side] {
                Slot::Node(next) => next,
                Slot::Empty => {
                    self.nodes.push([Slot::Empty; 2]);
                    self.nodes[node][side] = Slot::Node(self.nodes.len() - 1);
                    self.nodes.len() - 1
                }
                Slot::Data(_) => panic!("{network} lies within another network"),
            };
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let count = self.nodes.len();
        let number = |slot: &Slot| match slot {
            Slot::Node(node) => *node,
            Slot::Empty => count,
            Slot::Data(offset) => count + 16 + offset,
        };
        let slots = self.nodes.iter().flatten();
        slots.flat_map(|slot| u32::try_from(number(slot)).expect("a small file").to_be_bytes()).collect()
    }
}

fn record(site: &Site) -> Vec<u8> {
    let location = [
        ("latitude", double(site.at.0)),
        ("longitude", double(site.at.1)),
        ("accuracy_radius", unsigned(5, u64::from(site.radius_km))),
    ];
    let names = map(&[("en", text(site.city))]);
    map(&[
        ("country", map(&[("iso_code", text(site.country))])),
        ("city", map(&[("names", names)])),
        ("location", map(&location)),
        ("autonomous_system_number", unsigned(6, u64::from(site.autonomous_system))),
        // A field that the server does not read, of a type that it does not expect.
        ("is_anycast", extended(14, 0, &[])),
    ])
}

fn description(nodes: usize) -> Vec<u8> {
    map(&[
        ("node_count", unsigned(6, nodes as u64)),
        ("record_size", unsigned(5, 32)),
        ("ip_version", unsigned(5, 6)),
        ("database_type", text("Test-City")),
        ("languages", extended(11, 1, &text("en"))),
        ("binary_format_major_version", unsigned(5, 2)),
        ("binary_format_minor_version", unsigned(5, 0)),
        ("build_epoch", extended(9, 8, &1_800_000_000_u64.to_be_bytes())),
        ("description", map(&[("en", text("places for tests"))])),
    ])
}

/// A field of one of the first seven types. The first byte has the type and a size below 29. If the size is larger, a second
/// byte has the rest of the size.
fn field(kind: u8, size: usize, payload: &[u8]) -> Vec<u8> {
    let mut bytes = match u8::try_from(size).expect("small") {
        size if size < 29 => vec![kind << 5 | size],
        size => vec![kind << 5 | 29, size - 29],
    };
    bytes.extend(payload);
    bytes
}

/// A field of a type above seven. The type is in a second byte.
fn extended(kind: u8, size: u8, payload: &[u8]) -> Vec<u8> {
    [&[size, kind - 7], payload].concat()
}

fn text(text: &str) -> Vec<u8> {
    field(2, text.len(), text.as_bytes())
}

fn double(number: f64) -> Vec<u8> {
    field(3, 8, &number.to_be_bytes())
}

/// A number without leading zero bytes.
fn unsigned(kind: u8, number: u64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let significant = &bytes[usize::try_from(number.leading_zeros() / 8).expect("few")..];
    field(kind, significant.len(), significant)
}

fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let payload: Vec<u8> =
        entries.iter().flat_map(|(key, value)| [text(key), value.clone()].concat()).collect();
    field(7, entries.len(), &payload)
}
