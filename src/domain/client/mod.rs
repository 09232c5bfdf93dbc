//! The facts about a client in its request: address, certificate, origin, device and user agent.

pub mod address;
pub mod certificate;
pub mod connection_limits;
pub mod cookie_domain;
pub mod device;
pub mod origin;
pub mod public_address;
pub mod user_agent;
