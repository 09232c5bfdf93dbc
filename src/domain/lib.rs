//! The rules of Portcullis without I/O: they do not await, read a clock, generate random values or use a database.
//!
//! Time and randomness are arguments, so every rule can be tested at its limits. Services call the rules and act on the
//! results.
//!
//! - [`account`]: e-mail addresses, passwords, roles
//! - [`tokens`]: access, refresh and CSRF tokens, API keys, and their places in a request
//! - [`issuer`]: tokens of other identity providers
//! - [`factors`]: time-based codes, backup codes, passkeys, challenges
//! - [`client`]: addresses, certificates, origins, devices, user agents
//! - [`risk`]: the risk of sign-ins; [`abuse`]: rate limits and credential stuffing
//! - [`shown_name`]: names that people read; [`characters`]: properties of typed characters
//! - [`session`]: how long a session lasts; [`retention`]: how long rows are kept
//! - [`import`]: accounts of the older authentication system, which this server replaces
//! - [`crypto`]: derived keys, encryption of stored secrets
//! - [`certificate_expiry`]: when operators are warned of the end of a certificate
//! - [`transparency_log`]: the Merkle tree over audit events, its proofs and signed checkpoints
//! - [`receipt`]: receipts of revocations, which the audit log proves
//! - [`events`]: events for other systems; [`mail`]: mails to users, and their links
//! - [`drill`]: what a drill of the revocations shows
//! - [`request`]: ids and paths of requests; [`problem`]: refusals

pub mod abuse;
pub mod account;
pub mod acme;
pub mod certificate_expiry;
pub mod characters;
pub mod client;
pub mod crypto;
pub mod drill;
pub mod events;
pub mod factors;
pub mod import;
pub mod issuer;
pub mod mail;
pub mod problem;
pub mod receipt;
pub mod request;
pub mod retention;
pub mod risk;
pub mod session;
pub mod shown_name;
pub mod tokens;
pub mod transparency_log;
