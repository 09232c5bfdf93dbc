//! Values of claims, as far as they can be kept: names, moments, payloads.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis_actors::protocol::Payload;
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use crate::domain::issuer::TokenRefusal;

/// Names of users and tokens that are longer have no place to be kept in.
const NAME_BYTES: usize = 255;
/// What servers are told of a connection, and every listing of connections brings along, is no longer.
const META_BYTES: usize = 4 * 1024;
/// The last second of the year 9999: later moments cannot be written down.
const LAST_MOMENT: i64 = 253_402_300_799;

/// A name that can be kept and compared: not too long, and without what neither a log nor a database takes.
pub(super) fn name(text: Option<&str>) -> Result<Option<String>, TokenRefusal> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let fits = text.len() <= NAME_BYTES && !text.chars().any(char::is_control);
    fits.then(|| Some(text.to_owned())).ok_or(TokenRefusal::WrongClaims)
}

/// The value itself, or one in base64.
pub(super) fn payload(
    plain: Option<&RawValue>,
    encoded: Option<&str>,
) -> Result<Option<Payload>, TokenRefusal> {
    let wrong = |_| TokenRefusal::WrongClaims;
    match (plain, encoded.filter(|encoded| !encoded.is_empty())) {
        (_, Some(encoded)) => {
            let bytes = STANDARD.decode(encoded).map_err(|_| TokenRefusal::WrongClaims)?;
            let text = String::from_utf8(bytes).map_err(|_| TokenRefusal::WrongClaims)?;
            Payload::parse(&text).map(Some).map_err(wrong)
        }
        (Some(plain), None) => Payload::from_raw(plain).map(Some).map_err(wrong),
        (None, None) => Ok(None),
    }
}

/// A `NumericDate` (RFC 7519, 2): seconds since the epoch, of which parts are cut off.
pub(super) fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    let Some(number) = Option::<f64>::deserialize(from)? else { return Ok(None) };
    let fits = (0.0..=LAST_MOMENT as f64).contains(&number);
    // What fits is far below 2^53.
    if fits { Ok(Some(number as i64)) } else { Err(de::Error::custom("no moment that can be written down")) }
}

/// What servers are told of the connection.
pub(super) fn meta(claim: Option<&RawValue>) -> Result<Option<Arc<Payload>>, TokenRefusal> {
    if claim.is_some_and(|meta| meta.get().len() > META_BYTES) {
        return Err(TokenRefusal::WrongClaims);
    }
    Ok(payload(claim, None)?.map(Arc::new))
}
