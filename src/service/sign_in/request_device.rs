//! The device and the place that a request comes from.

use domain::{client::device::FINGERPRINT_VERSION, risk::Place};
use protocol::id::DeviceId;
use store::DeviceSeen;

use crate::core::{geo::Geo, request_meta::RequestMeta};

/// Describes devices of requests. Clones are cheap.
#[derive(Clone)]
pub(crate) struct RequestDevices {
    geo: Geo,
}

impl RequestDevices {
    pub(crate) fn new(geo: Geo) -> Self {
        Self { geo }
    }

    /// The place that a request comes from.
    pub(crate) fn place(&self, meta: &RequestMeta) -> Place {
        self.geo.locate(meta.address)
    }

    /// The device of a request, under this id.
    pub(crate) fn device(&self, meta: &RequestMeta, id: DeviceId) -> DeviceSeen {
        DeviceSeen {
            id,
            fingerprint: meta.fingerprint.clone(),
            fingerprint_version: FINGERPRINT_VERSION,
            user_agent: meta.user_agent.clone(),
            address: meta.address,
            place: self.place(meta),
        }
    }
}
