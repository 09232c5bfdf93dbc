//! The reasons for a risk. Each reason has a fixed word, which is stored with the attempt and shown to the user.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// One difference from the user's history, or one sign of an attack.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Reason {
            $($(#[$doc])* #[serde(rename = $word)] $name,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stored word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

reasons! {
    /// The user was never seen on the device.
    NewDevice = "new_device";
    /// The fingerprint of the known device has changed.
    FingerprintChanged = "fingerprint_changed";
    /// The user was never seen in the network.
    NewNetwork = "new_network";
    /// The user was never seen in the country.
    NewCountry = "new_country";
    /// The distance to the last position is too large for the time that has passed since then.
    ImpossibleTravel = "impossible_travel";
    /// The user was never seen around this hour of the day.
    UnusualHour = "unusual_hour";
    /// Some recent sign-ins to the account failed.
    RecentFailures = "recent_failures";
    /// Many recent sign-ins to the account failed.
    ManyFailures = "many_failures";
    /// Recent sign-ins from the address to many accounts failed.
    ManyAccounts = "many_accounts";
}

// A derived schema would not see the words, because they come through a macro.
impl PartialSchema for Reason {
    fn schema() -> RefOr<Schema> {
        let words = Self::ALL.iter().map(|reason| reason.as_str());
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
    }
}

impl ToSchema for Reason {}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.as_str() == text)
            .ok_or_else(|| UnknownReason(text.to_owned()))
    }
}

/// A stored reason that this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("unknown risk reason `{0}`")]
pub struct UnknownReason(pub String);
