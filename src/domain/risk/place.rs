//! The location of an address according to a location database.

use serde::{Deserialize, Serialize};

/// The mean radius of the earth (IUGG), in km.
const EARTH_KM: f64 = 6_371.0;
/// A position is no evidence of a location if its possible error has at least this radius, in km.
const VAGUE_KM: u32 = 200;

/// The location of an address. Each part may be unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// ISO 3166-1, two letters.
    pub country: Option<String>,
    /// A city, for people to read.
    pub city: Option<String>,
    /// A position.
    pub position: Option<Position>,
    /// The autonomous system that announces the address.
    pub network: Option<u32>,
}

/// A position on the earth, with its possible error.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// In degrees, north is positive.
    pub latitude: f64,
    /// In degrees, east is positive.
    pub longitude: f64,
    /// The radius of the possible error, in km.
    pub accuracy_km: u32,
}

impl Place {
    /// The position, if it is accurate enough to rely on.
    #[must_use]
    pub fn exact(&self) -> Option<Position> {
        self.position.filter(|position| position.accuracy_km < VAGUE_KM)
    }

    /// Whether the place has a position that is too inaccurate to rely on, as for VPNs.
    #[must_use]
    pub fn is_vague(&self) -> bool {
        self.position.is_some() && self.exact().is_none()
    }
}

impl Position {
    /// The great-circle distance, in km (haversine).
    #[must_use]
    pub fn distance_km(self, other: Self) -> f64 {
        let [a, b] = [self.latitude.to_radians(), other.latitude.to_radians()];
        let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
        let chord =
            half(other.latitude - self.latitude) + a.cos() * b.cos() * half(other.longitude - self.longitude);
        2.0 * EARTH_KM * chord.clamp(0.0, 1.0).sqrt().asin()
    }
}
