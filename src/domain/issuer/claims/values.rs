//! Values of claims and their limits: names, and `meta`, the data that only the server API returns.

use std::sync::Arc;

use protocol::Payload;
use serde_json::value::RawValue;

use crate::{issuer::types::TokenRefusal, tokens::subscription_terms::payload};

/// The longest subject or token id (`jti`) that can be stored, in bytes.
const NAME_BYTES: usize = 255;
/// The longest `meta`, in bytes. The length is bounded, because every listing of connections contains `meta`.
const META_BYTES: usize = 4 * 1024;

/// A name that can be stored and compared: it is not too long, and has no control characters, because a log or a database may
/// reject them. `None` for an empty name.
pub(super) fn name(text: Option<&str>) -> Result<Option<String>, TokenRefusal> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let fits = text.len() <= NAME_BYTES && !text.chars().any(char::is_control);
    fits.then(|| Some(text.to_owned())).ok_or(TokenRefusal::WrongClaims)
}

/// The value of `meta`: data about the connection that only the server API returns.
pub(super) fn meta(claim: Option<&RawValue>) -> Result<Option<Arc<Payload>>, TokenRefusal> {
    if claim.is_some_and(|meta| meta.get().len() > META_BYTES) {
        return Err(TokenRefusal::WrongClaims);
    }
    Ok(payload(claim, None)?.map(Arc::new))
}
