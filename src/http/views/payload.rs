//! Payloads in answers.

use protocol::Payload;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON payload, embedded in the answer as it was published.
pub(crate) struct RawPayload<'p>(pub(crate) &'p Payload);

impl Serialize for RawPayload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_slice(self.0.as_bytes()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}
