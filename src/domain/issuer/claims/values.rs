//! Values of claims, as far as they can be kept: names, and what servers are told.

use std::sync::Arc;

use protocol::Payload;
use serde_json::value::RawValue;

use crate::{issuer::types::TokenRefusal, tokens::subscription_terms::payload};

/// Names of users and tokens that are longer have no place to be kept in.
const NAME_BYTES: usize = 255;
/// What servers are told of a connection, and every listing of connections brings along, is no longer.
const META_BYTES: usize = 4 * 1024;

/// A name that can be kept and compared: not too long, and without what neither a log nor a database takes.
pub(super) fn name(text: Option<&str>) -> Result<Option<String>, TokenRefusal> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let fits = text.len() <= NAME_BYTES && !text.chars().any(char::is_control);
    fits.then(|| Some(text.to_owned())).ok_or(TokenRefusal::WrongClaims)
}

/// What servers are told of the connection.
pub(super) fn meta(claim: Option<&RawValue>) -> Result<Option<Arc<Payload>>, TokenRefusal> {
    if claim.is_some_and(|meta| meta.get().len() > META_BYTES) {
        return Err(TokenRefusal::WrongClaims);
    }
    Ok(payload(claim, None)?.map(Arc::new))
}
