//! The rules of Portcullis without I/O: they do not await, read a clock, generate random values or use a database.
//!
//! Time and randomness are arguments, so every rule can be tested at its limits. Services call the rules and act on the
//! results.
//!
//! - [`account`]: e-mail addresses, passwords, roles
//! - [`tokens`]: access, refresh and CSRF tokens, API keys, and their places in a request
//! - [`issuer`]: tokens of other identity providers
//! - [`factors`]: time-based codes, backup codes, passkeys, challenges
//! - [`client`]: addresses, origins, devices, user agents
//! - [`risk`]: the risk of sign-ins; [`abuse`]: rate limits and credential stuffing
//! - [`shown_name`]: names that people read; [`characters`]: what typed text consists of
//! - [`session`]: how long a session lasts; [`retention`]: how long rows are kept
//! - [`crypto`]: derived keys, encryption of stored secrets
//! - [`request`]: ids and paths of requests; [`problem`]: refusals

pub mod abuse;
pub mod account;
pub mod characters;
pub mod client;
pub mod crypto;
pub mod factors;
pub mod issuer;
pub mod problem;
pub mod request;
pub mod retention;
pub mod risk;
pub mod session;
pub mod shown_name;
pub mod tokens;
