//! The description of the interface as an OpenAPI 3.1 document: `/openapi.json`, `portcullis openapi` and `docs/openapi.json`.
//!
//! The schemas come from the types that the handlers read and write. `operations` describes each method of each path, in one
//! file per resource; `codes` has the table of problem codes. `document` puts all together; `resources::openapi` serves it.
//! `tests/it/openapi.rs` compares the document with the route table, with the codes in the sources and with the committed copy.
//! This module answers no requests and decides nothing.

pub(super) mod codes;
pub(super) mod document;
mod operation;
mod operations;
mod section;
