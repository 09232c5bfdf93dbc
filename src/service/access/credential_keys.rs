//! The keys that sign and seal the credentials of clients.

use domain::{
    client::device::DeviceCookies,
    tokens::{access_token::AccessKeys, csrf::CsrfKeys, refresh_token::RefreshKeys},
};

/// The keys that sign and seal the credentials of clients.
pub struct CredentialKeys {
    /// Access tokens.
    pub access: AccessKeys,
    /// Refresh tokens.
    pub refresh: RefreshKeys,
    /// CSRF tokens.
    pub csrf: CsrfKeys,
    /// Device and pre-session cookies.
    pub cookies: DeviceCookies,
}
