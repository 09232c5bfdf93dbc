//! What an import reports while it runs.

use std::io;

use domain::import::finding::Finding;

/// Shows the progress of an import, and keeps its findings.
pub trait ImportObserver {
    /// The import begins. It will read this many rows of accounts and attempts.
    fn begins(&mut self, rows: u64);

    /// This many more rows are done.
    fn advances(&mut self, rows: u64);

    /// A row was not taken, or was taken with changes.
    ///
    /// # Errors
    /// The finding could not be kept. The import stops.
    fn found(&mut self, finding: &Finding) -> io::Result<()>;
}
