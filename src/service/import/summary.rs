//! What an import did, in numbers.

use std::collections::BTreeMap;

use domain::import::{
    columns::Kind,
    finding::{Effect, Finding, Reason},
};

/// The numbers of rows of one table, by what the import did with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Written. In a dry run, rows that an import would write.
    pub taken: u64,
    /// Written by an earlier import.
    pub present: u64,
    /// Not taken.
    pub refused: u64,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportSummary {
    /// The tables of the source that were read, with the counts of their rows.
    pub tables: BTreeMap<Kind, (&'static str, Count)>,
    /// How often there was a finding, by table, effect and reason.
    pub findings: BTreeMap<(&'static str, Effect, Reason), u64>,
    /// Columns that were not understood, as `table.column`.
    pub unknown_columns: Vec<String>,
    /// Tables that were not understood, and how many rows they have.
    pub unknown_tables: Vec<(String, u64)>,
    /// Tables that are left out on purpose, how many rows they have, and why they are left out.
    pub left_out: Vec<(String, u64, &'static str)>,
}

impl ImportSummary {
    pub(super) fn count(&mut self, kind: Kind) -> Option<&mut Count> {
        self.tables.get_mut(&kind).map(|(_, count)| count)
    }

    pub(super) fn add(&mut self, finding: &Finding) {
        *self.findings.entry((finding.table, finding.effect, finding.reason)).or_default() += 1;
        if finding.effect == Effect::Refused {
            let table = self.tables.values_mut().find(|(name, _)| *name == finding.table);
            if let Some((_, count)) = table {
                count.refused += 1;
            }
        }
    }
}
