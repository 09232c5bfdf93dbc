//! The scenarios of clients, with one fact each. `main.rs` runs them over every transport.

mod ends;
mod limits;
mod presence;
mod publications;
mod tokens;

use std::pin::Pin;

use crate::talk::{Outcome, Talk};

/// A scenario that is running.
pub(crate) type Running<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;
/// The fact that a scenario checks, and its function.
pub(crate) type Scenario = (&'static str, for<'a> fn(&'a mut Talk) -> Running<'a>);

pub(crate) fn all() -> impl Iterator<Item = &'static Scenario> {
    [publications::ALL, presence::ALL, tokens::ALL, limits::ALL, ends::ALL].into_iter().flatten()
}
