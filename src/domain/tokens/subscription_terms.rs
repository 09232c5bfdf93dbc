//! The terms of a server-side subscription. They come from `subs` and `override` in a token of an external issuer, or from
//! `subscribe` of the server API. Tokens and requests are parsed by the same code, so a field means the same in both.
//!
//! Programs in Go often write a missing value as `null`, so `null` counts as missing.

use base64::{Engine, engine::general_purpose::STANDARD};
use protocol::{
    Payload, Position,
    channel_name::ChannelName,
    subscription::{Overrides, ServerSubscription},
};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// The last second of the year 9999. Later times cannot be represented.
const LAST_MOMENT: i64 = 253_402_300_799;

/// A payload that cannot be passed on: invalid base64, or JSON that is nested too deeply.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a payload is malformed")]
pub struct MalformedPayload;

/// The terms as they are written: `info`, `b64info`, `data`, `b64data`, `expire_at`, `override`.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct SubscriptionTerms {
    #[schema(value_type = Option<serde_json::Value>)]
    info: Option<Box<RawValue>>,
    b64info: Option<String>,
    #[schema(value_type = Option<serde_json::Value>)]
    data: Option<Box<RawValue>>,
    b64data: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    expire_at: Option<i64>,
    #[serde(default, rename = "override", deserialize_with = "or_default")]
    switches: Switches,
}

/// `override`: the options that differ from the settings of the namespace, each as `{"value": true}`.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
pub struct Switches {
    presence: Option<Switch>,
    join_leave: Option<Switch>,
    force_push_join_leave: Option<Switch>,
    force_positioning: Option<Switch>,
    force_recovery: Option<Switch>,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
struct Switch {
    #[serde(default, deserialize_with = "or_default")]
    value: bool,
}

impl SubscriptionTerms {
    /// The subscription to this channel with these terms.
    ///
    /// # Errors
    /// A payload is malformed.
    pub fn subscription(
        &self,
        channel: ChannelName,
        recover: Option<Position>,
    ) -> Result<ServerSubscription, MalformedPayload> {
        Ok(ServerSubscription {
            channel,
            chan_info: payload(self.info.as_deref(), self.b64info.as_deref())?,
            data: payload(self.data.as_deref(), self.b64data.as_deref())?,
            recover,
            expires_at: self.expire_at.filter(|at| *at != 0),
            overrides: self.switches.overrides(),
        })
    }
}

impl Switches {
    /// The same options in the form of the namespace settings.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        let value = |switch: Option<Switch>| switch.map(|switch| switch.value);
        Overrides {
            presence: value(self.presence),
            join_leave: value(self.join_leave),
            force_push_join_leave: value(self.force_push_join_leave),
            force_positioning: value(self.force_positioning),
            force_recovery: value(self.force_recovery),
        }
    }
}

/// The payload: the bytes that `encoded` has in base64, or, without `encoded`, the JSON value `plain`. Empty base64 counts as
/// missing.
///
/// # Errors
/// See [`MalformedPayload`].
pub fn payload(plain: Option<&RawValue>, encoded: Option<&str>) -> Result<Option<Payload>, MalformedPayload> {
    match (plain, encoded.filter(|encoded| !encoded.is_empty())) {
        (_, Some(encoded)) => {
            let bytes = STANDARD.decode(encoded).map_err(|_| MalformedPayload)?;
            Ok(Some(Payload::from_bytes(bytes.into())))
        }
        (Some(plain), None) => Payload::from_raw(plain).map(Some).map_err(|_| MalformedPayload),
        (None, None) => Ok(None),
    }
}

/// A `NumericDate` (RFC 7519, 2): seconds since the epoch; a fraction of a second is dropped.
///
/// # Errors
/// The value is not a number, or is outside the years 1970 to 9999.
pub fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    let Some(number) = Option::<f64>::deserialize(from)? else { return Ok(None) };
    let fits = (0.0..=LAST_MOMENT as f64).contains(&number);
    // Values in range are far below 2^53.
    if fits { Ok(Some(number as i64)) } else { Err(de::Error::custom("not between the years 1970 and 9999")) }
}

/// The value, or the default for `null`. (`#[serde(default)]` alone covers only a missing field.)
///
/// # Errors
/// A value of another kind.
pub fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(said: &Value) -> Option<ServerSubscription> {
        let terms: SubscriptionTerms = serde_json::from_str(&said.to_string()).ok()?;
        terms.subscription(ChannelName::parse("chat:a").unwrap(), None).ok()
    }

    #[test]
    fn null_counts_as_absent() {
        let nothing = read(&json!({})).unwrap();
        for name in ["info", "b64info", "data", "b64data", "expire_at", "override"] {
            assert_eq!(read(&json!({name: null})), Some(nothing.clone()), "{name}");
        }
        let switches =
            ["presence", "join_leave", "force_push_join_leave", "force_positioning", "force_recovery"];
        for name in switches {
            assert_eq!(read(&json!({"override": {name: null}})), Some(nothing.clone()), "{name}");
        }
        let off = read(&json!({"override": {"presence": {"value": false}}}));
        assert_eq!(read(&json!({"override": {"presence": {"value": null}}})), off);
        assert_eq!(read(&json!({"override": {"presence": {}}})), off);
    }

    #[test]
    fn every_switch_sets_the_override_of_its_name() {
        let on = |name: &str| read(&json!({"override": {name: {"value": true}}})).unwrap().overrides;
        let none = Overrides::default();
        assert_eq!(on("presence"), Overrides { presence: Some(true), ..none });
        assert_eq!(on("join_leave"), Overrides { join_leave: Some(true), ..none });
        assert_eq!(on("force_push_join_leave"), Overrides { force_push_join_leave: Some(true), ..none });
        assert_eq!(on("force_positioning"), Overrides { force_positioning: Some(true), ..none });
        assert_eq!(on("force_recovery"), Overrides { force_recovery: Some(true), ..none });
    }

    #[test]
    fn base64_takes_precedence_over_the_value_unless_it_is_empty() {
        let data = |said: Value| read(&said).unwrap().data.map(|data| data.as_bytes().to_vec());
        assert_eq!(data(json!({"data": [1], "b64data": "WzJd"})), Some(b"[2]".to_vec()));
        assert_eq!(data(json!({"data": [1], "b64data": ""})), Some(b"[1]".to_vec()));
        assert_eq!(data(json!({"b64data": ""})), None);
        for wrong in ["?", "/w=", "_w=="] {
            assert_eq!(read(&json!({"b64data": wrong})), None, "{wrong}");
        }
        assert_eq!(data(json!({"b64data": "/w=="})), Some(b"\xff".to_vec()));
    }

    #[test]
    fn an_expiry_is_between_1970_and_9999_and_zero_means_no_expiry() {
        let end = |at: Value| read(&json!({"expire_at": at})).map(|made| made.expires_at);
        assert_eq!(end(json!(0)), Some(None));
        assert_eq!(end(json!(1_800_000_000.9)), Some(Some(1_800_000_000)));
        assert_eq!(end(json!(LAST_MOMENT)), Some(Some(LAST_MOMENT)));
        for wrong in [json!(-1), json!(LAST_MOMENT + 1), json!("1800000000"), json!(true)] {
            assert_eq!(end(wrong.clone()), None, "{wrong}");
        }
    }
}
