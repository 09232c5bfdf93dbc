//! The scenarios, one file each. Each takes its flags, drives the server, prints figures and returns what was checked.

pub(crate) mod fanout;
pub(crate) mod idle;
pub(crate) mod prepare;
pub(crate) mod presence;
pub(crate) mod publish_durable;
pub(crate) mod reconnect;
pub(crate) mod revoke;
pub(crate) mod sign_in;
pub(crate) mod timing;
