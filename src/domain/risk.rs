//! Risk: how a sign-in is judged, and from which score on what follows.
//!
//! The rules are the actors', who hold the histories; this is the name under which the server knows them.

pub use portcullis_actors::logic::risk::{
    Assessment, History, Place, Position, RECENT_MS, Reason, RiskOutcome, Signals, Standing, Thresholds,
    Visit, decide,
};
pub use portcullis_actors::logic::{
    histories::{FAILURES_MAX, VISITS_MAX},
    risk::UnknownReason,
};
