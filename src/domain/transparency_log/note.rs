//! Signed notes (C2SP signed-note): a text with signatures of Ed25519 below it, readable by people and by programs.
//!
//! Checkpoints and other signed documents of the log are notes. A verifier key names its key and contains it:
//! `<name>+<key id>+<key in base64>`.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use crate::crypto::key::{hex, unhex};

/// The algorithm Ed25519 in key ids and verifier keys.
const ED25519_TYPE: u8 = 1;
/// The beginning of a line with a signature: a dash (U+2014) and a space.
const SIGNATURE: &str = "\u{2014} ";

/// Why a note is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The text is no signed note.
    #[error("this is no signed note")]
    Malformed,
    /// No known key has signed the note.
    #[error("none of the known keys has signed the note")]
    UnknownKey,
    /// A known key is named, but has not made the signature.
    #[error("the signature is not that of the named key")]
    Forged,
}

/// Verifies notes of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteVerifier {
    name: String,
    key: [u8; 32],
}

impl NoteVerifier {
    /// Reads a verifier key. `None` if it is malformed, or if its id does not fit.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.trim().split_once('+')?;
        let (id, key) = rest.split_once('+')?;
        let key = STANDARD.decode(key).ok()?;
        let (&ED25519_TYPE, key) = key.split_first()? else { return None };
        let verifier = Self { name: name.to_owned(), key: key.try_into().ok()? };
        (is_key_name(name) && unhex(id)? == verifier.id()).then_some(verifier)
    }

    /// The verifier key as text.
    #[must_use]
    pub fn text(&self) -> String {
        let key = STANDARD.encode([&[ED25519_TYPE][..], &self.key].concat());
        format!("{}+{}+{key}", self.name, hex(&self.id()))
    }

    /// Whether checkpoints of this origin belong to the log of this key. The generations of a log have its name as the beginning
    /// of their origins.
    #[must_use]
    pub fn is_of_log(&self, origin: &str) -> bool {
        let rest = origin.strip_prefix(&self.name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn id(&self) -> [u8; 4] {
        let digest = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', ED25519_TYPE])
            .chain_update(self.key)
            .finalize();
        std::array::from_fn(|at| digest[at])
    }
}

/// Signs notes.
pub struct NoteSigner {
    pair: Ed25519KeyPair,
    verifier: NoteVerifier,
}

impl NoteSigner {
    /// The signer with this name, and with the key of this seed. `None` if the name cannot be the name of a key.
    #[must_use]
    pub fn new(name: &str, seed: &[u8; 32]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let key = pair.public_key().as_ref().try_into().ok()?;
        is_key_name(name).then(|| Self { pair, verifier: NoteVerifier { name: name.to_owned(), key } })
    }

    /// The verifier of the notes of this signer.
    #[must_use]
    pub fn verifier(&self) -> &NoteVerifier {
        &self.verifier
    }

    /// The signed note of a text, which must end with a newline.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        let signature = self.pair.sign(text.as_bytes());
        let signature = STANDARD.encode([&self.verifier.id()[..], signature.as_ref()].concat());
        format!("{text}\n{SIGNATURE}{} {signature}\n", self.verifier.name)
    }
}

/// The text of a note that one of the keys has signed. Signatures of other keys are ignored.
///
/// # Errors
/// See [`NoteError`].
pub fn opened<'a>(note: &'a str, keys: &[NoteVerifier]) -> Result<&'a str, NoteError> {
    let blank = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
    let (text, signatures) = (&note[..=blank], &note[blank + 2..]);
    if signatures.is_empty() || !signatures.ends_with('\n') {
        return Err(NoteError::Malformed);
    }
    let mut verified = false;
    for line in signatures.lines() {
        let (name, signature) =
            line.strip_prefix(SIGNATURE).and_then(|line| line.split_once(' ')).ok_or(NoteError::Malformed)?;
        let signature = STANDARD.decode(signature).map_err(|_| NoteError::Malformed)?;
        let (id, signature) = signature.split_first_chunk::<4>().ok_or(NoteError::Malformed)?;
        let Some(known) = keys.iter().find(|key| key.name == name && key.id() == *id) else { continue };
        let key = UnparsedPublicKey::new(&ED25519, known.key);
        key.verify(text.as_bytes(), signature).map_err(|_| NoteError::Forged)?;
        verified = true;
    }
    if verified { Ok(text) } else { Err(NoteError::UnknownKey) }
}

/// The name of a key is not empty and contains neither white space nor `+`.
fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example in the documentation of golang.org/x/mod/sumdb/note, which defines the format.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                        then you don't know what your problem is.\n";
    const SIGNED: &str = "If you think cryptography is the answer to your problem,\n\
                          then you don't know what your problem is.\n\n\
                          \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_example_of_the_format_is_signed_and_verified() {
        let seed = STANDARD.decode(SEED).unwrap()[1..].try_into().unwrap();
        let signer = NoteSigner::new("PeterNeumann", &seed).unwrap();
        assert_eq!(signer.verifier().text(), KEY);
        assert_eq!(signer.sign(TEXT), SIGNED);
        assert_eq!(opened(SIGNED, &[NoteVerifier::parse(KEY).unwrap()]), Ok(TEXT));
    }

    #[test]
    fn a_note_of_an_unknown_key_and_a_note_with_another_text_are_refused() {
        let (ours, theirs) =
            (NoteSigner::new("log", &[1; 32]).unwrap(), NoteSigner::new("log", &[2; 32]).unwrap());
        let note = theirs.sign("text\n");
        assert_eq!(opened(&note, &[ours.verifier().clone()]), Err(NoteError::UnknownKey));
        let keys = [ours.verifier().clone(), theirs.verifier().clone()];
        assert_eq!(opened(&note, &keys), Ok("text\n"));
        assert_eq!(opened(&note.replace("text", "test"), &keys), Err(NoteError::Forged));
        assert_eq!(opened("text\n", &keys), Err(NoteError::Malformed));
        assert_eq!(opened(&note[..note.len() - 1], &keys), Err(NoteError::Malformed));
    }

    #[test]
    fn a_key_whose_id_does_not_fit_is_refused() {
        assert_eq!(NoteVerifier::parse(&KEY.replace("c74f20a3", "c74f20a4")), None);
        assert_eq!(NoteVerifier::parse(&KEY.replace("PeterNeumann", "Peter")), None);
        assert!(NoteSigner::new("a name", &[1; 32]).is_none());
    }

    proptest! {
        #[test]
        fn any_signed_text_is_returned_as_it_was(text in "([^\n]*\n){1,4}", seed: [u8; 32]) {
            let signer = NoteSigner::new("log", &seed).unwrap();
            let note = signer.sign(&text);
            prop_assert_eq!(opened(&note, &[signer.verifier().clone()]), Ok(text.as_str()));
        }

        #[test]
        fn no_input_panics(text: String) {
            let _ = (opened(&text, &[]), NoteVerifier::parse(&text));
        }
    }
}
