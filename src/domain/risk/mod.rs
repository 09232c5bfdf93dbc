//! The risk of a sign-in. It follows from a comparison of the sign-in with the history of its user.
//!
//! The `DeviceTracker` actor holds the histories and calls [`assess`]; `service` decides the consequence.

mod assessment;
mod place;
mod reason;
pub mod sign_in_history;

pub use assessment::{
    Assessment, History, RECENT_MS, RiskOutcome, Signals, Standing, Thresholds, Visit, assess, decide,
};
pub use place::{Place, Position};
pub use reason::{Reason, UnknownReason};
