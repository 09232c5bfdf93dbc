//! A resolver of names for HTTP clients that leaves out the addresses of inner networks.
//!
//! The sender of events uses it, and so does the fetch of issuers' keys from addresses that must be public. The addresses are
//! checked for each connection, so a name cannot lead somewhere else later. A client does not resolve an address in a URL, so
//! the caller checks such an address.

use std::net::SocketAddr;

use domain::client::public_address::is_public;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Resolves names to addresses of the public internet.
pub(crate) struct PublicAddresses;

impl Resolve for PublicAddresses {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err("the name leads to no address of the public internet".into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}
