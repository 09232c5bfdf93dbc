//! Whether two notes have one checkpoint. The anchors use it: the first checkpoint of a size stays, and a second one must be the same.

use domain::transparency_log::checkpoint::Checkpoint;

use super::error::AuditLogError;

/// Requires that the note of an anchor has the checkpoint of this note. Another key may have signed it.
///
/// # Errors
/// `Diverged` if the anchor has another checkpoint of this size.
pub(super) fn require_same(known: &str, note: &str, size: u64) -> Result<(), AuditLogError> {
    let said = |note: &str| Checkpoint::claimed(note).ok();
    let same = known == note || (said(note).is_some() && said(note) == said(known));
    if same { Ok(()) } else { Err(AuditLogError::Diverged { size }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkpoint_counts_and_not_its_signature() {
        let root = "A".repeat(43) + "=";
        let note = |size: u64, signature: &str| format!("origin\n{size}\n{root}\n\n— origin {signature}\n");
        let same = |one: &str, two: &str| require_same(one, two, 3).is_ok();
        assert!(same(&note(3, "AAAA"), &note(3, "BBBB")));
        assert!(!same(&note(3, "AAAA"), &note(4, "AAAA")));
        assert!(!same("nonsense", &note(3, "AAAA")) && !same("nonsense", "another"));
    }
}
