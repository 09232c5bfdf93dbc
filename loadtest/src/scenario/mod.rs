//! The scenarios, each in a file or a folder of its own. A scenario gets its flags, drives the server, and returns a report of
//! figures and checks. `old_credentials` is not a scenario, but a check that two scenarios share.

pub(crate) mod cut_off;
pub(crate) mod fanout;
pub(crate) mod hostile;
pub(crate) mod idle;
pub(crate) mod old_credentials;
pub(crate) mod prepare;
pub(crate) mod presence;
pub(crate) mod publish_durable;
pub(crate) mod reconnect;
pub(crate) mod revoke;
pub(crate) mod sign_in;
pub(crate) mod sign_in_rate;
pub(crate) mod timing;
pub(crate) mod unauthenticated;
