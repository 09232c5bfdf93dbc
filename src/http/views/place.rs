//! Where a client is and what its device is called, for people.

use domain::client::user_agent::Described;
use serde::Serialize;

/// A place.
#[derive(Serialize)]
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

/// The name of a device: the one that its user gave it, or else one made from its `User-Agent`.
pub(crate) fn device_label(given: Option<&str>, user_agent: Option<&str>) -> String {
    given.map_or_else(|| Described::of(user_agent).label(), str::to_owned)
}
