//! What a request says about its client: address, origin, device and user agent.

pub mod address;
pub mod device;
pub mod origin;
pub mod user_agent;
