//! The facts about a request of REST or of the server API that the use cases need.

use std::net::IpAddr;

use domain::client::certificate::ClientCertificate;
use protocol::id::DeviceId;

/// What the use cases know about a request.
#[derive(Clone, Debug)]
pub struct RequestMeta {
    /// The id of the request, for logs and audit events.
    pub request_id: String,
    /// The client's address.
    pub address: IpAddr,
    /// The client's `User-Agent`.
    pub user_agent: Option<String>,
    /// The fingerprint of the request's headers.
    pub fingerprint: String,
    /// The device that a genuine device cookie names.
    pub device: Option<DeviceId>,
    /// Whether the client appears to be a browser.
    pub browser: bool,
    /// The certificate of the client, if it has shown one.
    pub certificate: Option<ClientCertificate>,
}
