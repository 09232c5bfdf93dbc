//! ACME (RFC 8555): orders the certificate of the TLS port from an authority, and renews it.
//!
//! `app` checks the files ([`check_files`]) and makes [`Renewal`], and `lifecycle` runs it. The certificate and its key are one file, which is replaced at once; the TLS
//! port reads it again like every file of a certificate. So a failed order never touches the certificate in use. The rules of
//! time are in `domain::acme`. The library `instant-acme` speaks the protocol; the requests go through `reqwest`.

mod account;
mod challenge;
mod error;
mod http_client;
mod order;
mod private_file;
mod renewal;
mod storage;

pub use challenge::HttpAnswers;
pub use renewal::Renewal;
pub use storage::{certificate_file, check_files};
