//! Values of claims and their limits: names, and data for servers.

use std::sync::Arc;

use protocol::Payload;
use serde_json::value::RawValue;

use crate::{issuer::types::TokenRefusal, tokens::subscription_terms::payload};

/// The longest name of a user or token that can be stored.
const NAME_BYTES: usize = 255;
/// The longest data for servers. It is bounded, because every listing of connections contains it.
const META_BYTES: usize = 4 * 1024;

/// A name that can be stored and compared: not too long, and without control characters, which a log or a database may
/// not accept.
pub(super) fn name(text: Option<&str>) -> Result<Option<String>, TokenRefusal> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let fits = text.len() <= NAME_BYTES && !text.chars().any(char::is_control);
    fits.then(|| Some(text.to_owned())).ok_or(TokenRefusal::WrongClaims)
}

/// The data about the connection for servers.
pub(super) fn meta(claim: Option<&RawValue>) -> Result<Option<Arc<Payload>>, TokenRefusal> {
    if claim.is_some_and(|meta| meta.get().len() > META_BYTES) {
        return Err(TokenRefusal::WrongClaims);
    }
    Ok(payload(claim, None)?.map(Arc::new))
}
