//! Certificates: the certificate of the TLS port, the authority of client certificates, and the certificates that
//! `portcullis cert` makes and describes. `app`, `lifecycle` and `cli` use this module.
//!
//! This module makes a `rustls::ServerConfig`, and does not use `socket`.

mod client_authority;
mod description;
mod development;
mod error;
mod file_state;
mod issue;
mod pair;
mod pem;
mod pinned_client;
mod remote;
mod server_certificate;
mod server_tls;

pub use client_authority::{ClientAuthority, ClientFiles, ReadAuthority};
pub use description::{Description, is_signed_by, subject};
pub use development::{dev_certificate, dev_certificate_path};
pub use error::TlsError;
pub use issue::{Authority, Issued, Validity, new_authority};
pub use pair::PairPaths;
pub use pem::{CERTIFICATE, read_chain};
pub use pinned_client::pinned_client;
pub use remote::{connect_unverified, presented_chain};
pub use server_certificate::{ReadCertificate, ServerCertificate, check_issued, check_operators};
pub use server_tls::{ReadTls, Renewals, ServerTls, TlsFiles};
