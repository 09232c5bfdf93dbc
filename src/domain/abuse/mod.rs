//! Defence against guessing: sign-in attempts, rate limits, and the detection of credential stuffing.

pub mod attempt;
pub mod stuffing;
pub mod throttle;
