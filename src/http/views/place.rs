//! The place of a client and the label of a device, in words for people.

use domain::client::user_agent::Described;
use serde::Serialize;
use utoipa::ToSchema;

/// A place.
#[derive(Serialize, ToSchema)]
#[schema(as = Place)]
pub(crate) struct PlaceView {
    country: Option<String>,
    city: Option<String>,
}

impl PlaceView {
    /// The place, if the country or the city is known.
    pub(crate) fn of(country: Option<&str>, city: Option<&str>) -> Option<Self> {
        let known = country.is_some() || city.is_some();
        known.then(|| Self { country: country.map(str::to_owned), city: city.map(str::to_owned) })
    }
}

/// The label of a device: the label that the user gave the device, or else a label made from the device's `User-Agent`.
pub(crate) fn device_label(given: Option<&str>, user_agent: Option<&str>) -> String {
    given.map_or_else(|| Described::of(user_agent).label(), str::to_owned)
}
