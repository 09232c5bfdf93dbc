//! JSON shapes that several resources answer with. Called by `resources` and `api`; depends on neither.

pub(super) mod token_response;
