//! Checkpoints (C2SP tlog-checkpoint): signed notes that state the size of a log and the hash of its tree.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    hash::Hash,
    note::{NoteError, NoteSigner, NoteVerifier, opened},
};

/// The head of a log at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log.
    pub origin: String,
    /// The number of entries.
    pub size: u64,
    /// The hash of the tree.
    pub root: Hash,
}

impl Checkpoint {
    /// The signed note of the checkpoint.
    #[must_use]
    pub fn signed(&self, signer: &NoteSigner) -> String {
        signer.sign(&format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root)))
    }

    /// Reads a signed checkpoint that one of the keys has signed. Further lines of its text are ignored.
    ///
    /// # Errors
    /// See [`NoteError`].
    pub fn open(note: &str, keys: &[NoteVerifier]) -> Result<Self, NoteError> {
        Self::parse(opened(note, keys)?).ok_or(NoteError::Malformed)
    }

    /// Reads the checkpoint in a note without verifying the signature. This is for notes of earlier keys: they are compared with
    /// the log.
    ///
    /// # Errors
    /// `Malformed` if this is no signed checkpoint.
    pub fn claimed(note: &str) -> Result<Self, NoteError> {
        let (text, _) = note.split_at(note.rfind("\n\n").ok_or(NoteError::Malformed)? + 1);
        Self::parse(text).ok_or(NoteError::Malformed)
    }

    /// Reads a checkpoint of this key, or of an unknown key. An earlier key may have signed it, so the log is compared with it.
    ///
    /// # Errors
    /// `Forged` if the note names this key and is not signed with it; `Malformed`.
    pub fn of_some_key(note: &str, key: &NoteVerifier) -> Result<Self, NoteError> {
        match Self::open(note, std::slice::from_ref(key)) {
            Err(NoteError::UnknownKey) => Self::claimed(note),
            read => read,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let number: u64 = size.parse().ok()?;
        // A number has one spelling: without a sign and without zeros in front.
        let canonical = !origin.is_empty() && number.to_string() == size;
        let root = STANDARD.decode(root).ok()?.try_into().ok()?;
        canonical.then(|| Self { origin: origin.to_owned(), size: number, root })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_read_as_it_was_signed_and_has_the_form_of_the_specification() {
        let signer = NoteSigner::new("example.com/log", &[1; 32]).unwrap();
        let checkpoint = Checkpoint { origin: "example.com/log".to_owned(), size: 20_852_163, root: [7; 32] };
        let note = checkpoint.signed(&signer);
        let lines: Vec<_> = note.lines().collect();
        assert_eq!(
            lines[..4],
            ["example.com/log", "20852163", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=", ""]
        );
        assert!(lines[4].starts_with("\u{2014} example.com/log "));
        assert_eq!(Checkpoint::open(&note, &[signer.verifier().clone()]), Ok(checkpoint));
    }

    #[test]
    fn what_a_note_says_is_read_without_its_key() {
        let signer = NoteSigner::new("log", &[1; 32]).unwrap();
        let checkpoint = Checkpoint { origin: "log".to_owned(), size: 5, root: [7; 32] };
        assert_eq!(Checkpoint::claimed(&checkpoint.signed(&signer)), Ok(checkpoint));
        for text in ["", "\n\n", "log\n5\n", "log\nx\nx\n\n"] {
            assert_eq!(Checkpoint::claimed(text), Err(NoteError::Malformed), "{text:?}");
        }
    }

    #[test]
    fn other_spellings_of_a_size_are_refused() {
        let signer = NoteSigner::new("log", &[1; 32]).unwrap();
        let root = STANDARD.encode([7; 32]);
        for size in ["01", "+1", "-1", "", "1 ", "x"] {
            let note = signer.sign(&format!("log\n{size}\n{root}\n"));
            assert_eq!(
                Checkpoint::open(&note, &[signer.verifier().clone()]),
                Err(NoteError::Malformed),
                "{size}"
            );
        }
    }
}
