//! [`ImportOptions`]: what the operator decides about an import.

/// What the operator decides about an import.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Whether the import only reads, and reports what it would do.
    pub dry_run: bool,
    /// Tables of the source that are not read, and columns as `table.column`.
    pub leave_out: Vec<String>,
}
