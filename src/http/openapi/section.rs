//! [`Section`]: operations about one subject.

use super::operation::Operation;

/// Operations about one subject.
pub(super) struct Section {
    /// The name of the subject.
    pub(super) tag: &'static str,
    /// The description: what a reader must know about all operations of the section.
    pub(super) about: &'static str,
    /// The operations.
    pub(super) operations: Vec<Operation>,
}
