//! [`ClientCertificate`]: the certificate that proved the client's identity in the TLS handshake.

/// The certificate of a client. The handshake has verified it: an authority of the operator signed it, and it was valid. The
/// listener stores it in the data of the connection, where the REST layer reads it. A header about a certificate could not be
/// trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The subject, such as `CN=billing`.
    pub subject: String,
}
