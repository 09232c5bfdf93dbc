//! What clients go through, one fact each. Called by `main.rs`, in every way to talk.

mod ends;
mod limits;
mod presence;
mod publications;
mod tokens;

use std::pin::Pin;

use crate::talk::{Outcome, Talk};

/// A scenario under way.
pub(crate) type Running<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;
/// What happens, and whether it does.
pub(crate) type Scenario = (&'static str, for<'a> fn(&'a mut Talk) -> Running<'a>);

pub(crate) fn all() -> impl Iterator<Item = &'static Scenario> {
    [publications::ALL, presence::ALL, tokens::ALL, limits::ALL, ends::ALL].into_iter().flatten()
}
