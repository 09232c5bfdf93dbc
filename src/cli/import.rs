//! `portcullis import`: imports accounts from the database of the older system.
//!
//! The counts go to standard output, the progress to the terminal, and the findings to the file of `--report`. An import that
//! was interrupted can be run again; the next run takes only the rows that are missing.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, IsTerminal as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use secrecy::SecretString;
use service::{
    Clock, Finding, Import as Importer, ImportError, ImportObserver, ImportOptions, ImportSummary,
};
use store::DatabaseSettings;

use super::{
    error::CliError,
    tool::{self, DatabaseArgs},
};
use crate::{config::Variables, secrets};

/// The largest size of the file with the URL, in bytes.
const MAX_URL_BYTES: u64 = 16 * 1024;

/// Imports the accounts of the older authentication system, with their devices, factors, passkeys and sign-in attempts.
#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(flatten)]
    database: DatabaseArgs,
    /// The URL of the database of the older system. It is only read.
    #[arg(
        long,
        env = "IMPORT_FROM",
        hide_env_values = true,
        value_name = "URL",
        required_unless_present = "from_file",
        conflicts_with = "from_file"
    )]
    from: Option<String>,
    /// A file with that URL. A password in it is then not in the list of processes.
    #[arg(long, env = "IMPORT_FROM_FILE", value_name = "FILE")]
    from_file: Option<PathBuf>,
    /// Changes nothing; reports what an import would do.
    #[arg(long)]
    dry_run: bool,
    /// A table, or a column as TABLE.COLUMN, that the import does not read. May be given several times. An import stops at a
    /// column that it does not understand and that is not named here.
    #[arg(long, value_name = "NAME")]
    leave_out: Vec<String>,
    /// Writes each row that is not taken, or is taken in another form, to this file, as JSON lines.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl Import {
    pub(super) fn run(self, variables: &Variables) -> Result<(), CliError> {
        let from = match (self.from, &self.from_file) {
            (Some(url), _) => SecretString::from(url),
            (None, Some(file)) => {
                SecretString::from(secrets::read_operators(file, MAX_URL_BYTES)?.text.trim_end())
            }
            (None, None) => return Err(CliError::Usage("--from: missing".to_owned())),
        };
        let source =
            DatabaseSettings::parse(&from).map_err(|error| CliError::Usage(format!("--from: {error}")))?;
        let keys = tool::data_encryption_keys(&self.database, variables)?;
        let mut observer = Observer {
            report: self.report.as_deref().map(Report::create).transpose()?,
            bar: ProgressBar::hidden(),
        };
        let options = ImportOptions { dry_run: self.dry_run, leave_out: self.leave_out };
        tool::as_owner(&self.database, variables, async move |store, _| {
            if !store.schema_is_current().await? {
                return Err(CliError::NotMigrated);
            }
            let import = Importer::new(store, Clock::default(), keys);
            let summary = import.run(&source, &options, &mut observer).await?;
            observer.end()?;
            print(&summary, options.dry_run);
            Ok(())
        })
    }
}

impl From<ImportError> for CliError {
    fn from(error: ImportError) -> Self {
        Self::Failure(error.to_string())
    }
}

/// The file of the findings.
struct Report(BufWriter<File>);

impl Report {
    fn create(path: &Path) -> Result<Self, CliError> {
        // The file says which accounts could not be taken, so a new file is readable only for its owner.
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
        let file = file.map_err(|error| CliError::Usage(format!("--report {}: {error}", path.display())))?;
        Ok(Self(BufWriter::new(file)))
    }
}

/// Shows the progress on the terminal, if there is one, and writes the findings.
struct Observer {
    report: Option<Report>,
    bar: ProgressBar,
}

impl Observer {
    fn end(&mut self) -> io::Result<()> {
        self.bar.finish_and_clear();
        self.report.as_mut().map_or(Ok(()), |report| report.0.flush())
    }
}

impl ImportObserver for Observer {
    fn begins(&mut self, rows: u64) {
        if io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} rows, {eta} left");
            self.bar =
                ProgressBar::new(rows).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        }
    }

    fn advances(&mut self, rows: u64) {
        self.bar.inc(rows);
    }

    fn found(&mut self, finding: &Finding) -> io::Result<()> {
        let Some(Report(file)) = &mut self.report else { return Ok(()) };
        serde_json::to_writer(&mut *file, finding)?;
        file.write_all(b"\n")
    }
}

fn print(summary: &ImportSummary, dry_run: bool) {
    if dry_run {
        println!("Dry run: nothing was changed.");
    }
    println!("{:24} {:>10} {:>14} {:>10}", "table", "taken", "already there", "refused");
    for (name, count) in summary.tables.values() {
        println!("{name:24} {:>10} {:>14} {:>10}", count.taken, count.present, count.refused);
    }
    for ((table, effect, reason), rows) in &summary.findings {
        println!("{effect} {reason}: {rows} in {table}");
    }
    if !summary.unknown_columns.is_empty() {
        println!("columns that are not understood: {}", summary.unknown_columns.join(", "));
    }
    for (name, rows) in &summary.unknown_tables {
        println!("table that is not understood: {name} ({rows} rows)");
    }
    for (name, rows, why) in &summary.left_out {
        println!("left out: {name} ({rows} rows), {why}");
    }
}
