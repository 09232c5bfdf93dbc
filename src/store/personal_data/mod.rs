//! The personal data of one person in all tables: the list of the tables, the export, and the erasure.
//!
//! Called by services. [`tables::TABLES`] is the one list of tables. The export and the erasure work by it, and a test compares
//! it with the schema. A table that is not in the list fails this test.

pub(crate) mod cancellation;
mod columns;
mod drills;
mod erase;
mod export;
mod mails;
pub(crate) mod request;
mod requests;
mod steps;
mod table;
mod tables;

pub use erase::{Erased, ErasedBatch};
pub use export::{ExportPage, ExportedTable, exported_tables};
pub use request::{ERASURE_REQUESTED, NewErasure};
pub use requests::{Erasure, ErasureFilter, ErasureTombstone};
pub use table::{Effect, Exported, PersonalTable, Withheld};
pub use tables::{LOG_MEMBER, TABLES};
