//! Payloads in answers.

use protocol::Payload;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A payload, embedded in the answer as the JSON protocol carries it.
pub(crate) struct RawPayload<'p>(pub(crate) &'p Payload);

impl Serialize for RawPayload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.json_text();
        let raw: &RawValue = serde_json::from_slice(&text).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}
