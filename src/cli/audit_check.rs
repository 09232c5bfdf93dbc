//! Verifying the audit log on the command line: for `portcullis audit verify`, and at the end of `portcullis restore`.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use service::{AcceptedLosses, AnchorPlace, AuditLog, VerifiedLog, VerifyError, VerifyOptions};

use super::{error::CliError, time_format::seconds};

/// Verifies the log with a progress bar, if standard error is a terminal.
///
/// # Errors
/// What is wrong with the log, or why it cannot be read.
pub(super) async fn verified(log: &AuditLog, options: &VerifyOptions) -> Result<VerifiedLog, VerifyError> {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} entries, {per_sec}, {eta} left") {
        bar.set_style(style);
    }
    let result = log
        .verify(options, &|done, all| {
            bar.set_length(all);
            bar.set_position(done);
        })
        .await;
    bar.finish_and_clear();
    result
}

/// Prints a log in which nothing is wrong.
pub(super) fn print(verified: &VerifiedLog) {
    println!("entries verified: {}", verified.size - verified.first);
    if verified.first > 0 {
        println!("entries before {} were dropped when they were old", verified.first);
    }
    println!("checkpoints that fit: {}", verified.checkpoints);
    match verified.anchored {
        Some(anchored) => println!("entries that the anchor covers: {anchored}"),
        None => println!("no anchor covers this log: entries at its end could be missing"),
    }
    println!("events that wait to enter the log: {}", verified.backlog);
    for lost in &verified.lost {
        println!(
            "LOST: {} entries between the backup and the anchor (entries {} to {}), by the restore at {}",
            lost.known - lost.kept,
            lost.kept,
            lost.known - 1,
            seconds(lost.at)
        );
    }
}

/// Verifies the log of a restored database, and says how many entries lie between the backup and the anchor.
///
/// # Errors
/// What is wrong with the log, or why it cannot be read.
pub(super) async fn after_restore(log: &AuditLog, anchor: Option<AnchorPlace>) -> Result<(), CliError> {
    let has_anchor = anchor.is_some();
    let options = VerifyOptions { anchor, accepted: AcceptedLosses::All, ..VerifyOptions::default() };
    match verified(log, &options).await {
        Ok(verified) => {
            println!("the audit log of the backup is whole");
            print(&verified);
            if has_anchor && verified.lost.is_empty() {
                println!("entries between the backup and the anchor: 0");
            }
            if !has_anchor {
                println!("AUDIT_ANCHOR is not set, so it is unknown how many entries came after the backup");
            }
            Ok(())
        }
        Err(VerifyError::NotAnchored) => {
            println!(
                "the anchor has no checkpoint of this audit log, so it is unknown how many entries came after the backup"
            );
            Ok(())
        }
        Err(error) => Err(CliError::Failure(format!(
            "the restore is finished, but the audit log is not verified: {error}"
        ))),
    }
}
