//! Locating addresses with databases in the MaxMind DB format.
//!
//! The files are opened at the start, so that the server does not start with a broken file. Sign-ins and lists of connections
//! look addresses up. A file may contain countries, cities or networks (autonomous systems). Files are read once and held in
//! memory.

use std::{fmt, net::IpAddr, path::Path, sync::Arc};

use domain::risk::{Place, Position};
use maxminddb::{MaxMindDbError, Reader};
use serde::Deserialize;

/// The most characters of a city's name that are kept.
const CITY_CHARS: usize = 100;

/// A database of locations or of networks.
pub struct Database(Reader<Vec<u8>>);

/// All databases. Clones share them. The default value contains no databases.
#[derive(Clone, Default)]
pub struct Geo(Arc<Vec<Database>>);

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// The file cannot be read.
    #[error("the file cannot be read ({0})")]
    Unreadable(std::io::ErrorKind),
    /// The file is not a database in the MaxMind DB format, or it is damaged.
    #[error("the file is not a database in the MaxMind DB format, or it is damaged")]
    Broken,
}

/// The fields that a record of any of these databases may have. All other fields are ignored.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Record<'a> {
    #[serde(borrow)]
    country: Country<'a>,
    #[serde(borrow)]
    city: City<'a>,
    location: Location,
    traits: Network,
    autonomous_system_number: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Country<'a> {
    iso_code: Option<&'a str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct City<'a> {
    #[serde(borrow)]
    names: Names<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Names<'a> {
    en: Option<&'a str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Location {
    latitude: Option<f64>,
    longitude: Option<f64>,
    accuracy_radius: Option<u16>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Network {
    autonomous_system_number: Option<u32>,
}

impl Database {
    /// Reads a file.
    ///
    /// # Errors
    /// [`GeoError`] if the file cannot be used.
    pub fn open(path: &Path) -> Result<Self, GeoError> {
        std::fs::read(path).map_err(|error| GeoError::Unreadable(error.kind())).and_then(Self::of)
    }

    /// Reads the content of a file.
    ///
    /// # Errors
    /// [`GeoError::Broken`] if the content is not a database in the MaxMind DB format.
    pub fn of(bytes: Vec<u8>) -> Result<Self, GeoError> {
        let database = Self(Reader::from_source(bytes).map_err(|_| GeoError::Broken)?);
        // A file that was cut off may still have valid metadata.
        database.look(IpAddr::from([1, 1, 1, 1])).map_err(|_| GeoError::Broken)?;
        Ok(database)
    }

    fn look(&self, address: IpAddr) -> Result<Option<Record<'_>>, MaxMindDbError> {
        if address.is_ipv6() && self.0.metadata().ip_version == 4 {
            return Ok(None);
        }
        self.0.lookup(address)?.decode()
    }
}

impl Geo {
    /// Uses these databases. If two of them have the same field for an address, the earlier database counts.
    #[must_use]
    pub fn new(databases: Vec<Database>) -> Self {
        Self(Arc::new(databases))
    }

    /// The location of an address according to the databases.
    #[must_use]
    pub fn locate(&self, address: IpAddr) -> Place {
        self.0.iter().fold(Place::default(), |place, database| match database.look(address) {
            Ok(Some(record)) => merged(place, &record),
            Ok(None) => place,
            Err(error) => {
                tracing::warn!(%error, "a record of a location database cannot be read");
                place
            }
        })
    }
}

impl fmt::Debug for Geo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.0.iter().map(|database| database.0.metadata().database_type.as_str());
        f.debug_list().entries(kinds).finish()
    }
}

/// The place with the fields that the record adds.
fn merged(place: Place, record: &Record<'_>) -> Place {
    let country = record.country.iso_code.filter(|code| code.chars().count() == 2);
    let city = record.city.names.en.filter(|name| !name.is_empty());
    Place {
        country: place.country.or_else(|| country.map(str::to_ascii_uppercase)),
        city: place.city.or_else(|| city.map(|name| name.chars().take(CITY_CHARS).collect())),
        position: place.position.or_else(|| position(&record.location)),
        network: place.network.or(record.autonomous_system_number).or(record.traits.autonomous_system_number),
    }
}

/// The position in a record. A position without a radius counts as very inaccurate.
fn position(location: &Location) -> Option<Position> {
    let latitude = location.latitude.filter(|degrees| degrees.abs() <= 90.0)?;
    let longitude = location.longitude.filter(|degrees| degrees.abs() <= 180.0)?;
    Some(Position { latitude, longitude, accuracy_km: location.accuracy_radius.map_or(1_000, u32::from) })
}
