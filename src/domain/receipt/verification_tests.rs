//! Tests: a receipt is verified with the key of the log alone, and any change of it is refused and named.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::json;
use time::macros::datetime;

use super::*;
use crate::{
    receipt::{
        batch::batch,
        document::{
            RevocationFacts,
            tests::{applied, facts, lapsed, pending, reason},
        },
    },
    transparency_log::{
        entry::Entry,
        frontier::Frontier,
        note::NoteSigner,
        proof::{assembled, inclusion_ranges},
        subtree::{KnownSubtrees, Subtree},
    },
};

const LOG: &str = "portcullis/audit/00000000000000000000000000000001";

fn signer() -> NoteSigner {
    NoteSigner::new(LOG, &[7; 32]).unwrap()
}

fn key() -> NoteVerifier {
    signer().verifier().clone()
}

fn entry(index: u64, event: &str, root: &Hash, receipts: usize) -> Entry {
    Entry {
        index,
        id: Uuid::from_u128(u128::from(index)),
        at: datetime!(2030-01-31 12:00:05 UTC),
        event: event.to_owned(),
        outcome: "success".to_owned(),
        actor: None,
        user: None,
        session: None,
        device: None,
        connection: None,
        api_key: None,
        request: None,
        detail: json!({RECEIPTS: receipts, RECEIPTS_ROOT: STANDARD.encode(root)}).to_string(),
        address: None,
        facts: None,
    }
}

fn receipt(revocation: i64) -> Receipt {
    let facts = RevocationFacts { revocation: protocol::id::RevocationId(revocation), ..facts() };
    Receipt::new(facts, vec![applied(1, 18, 61), lapsed(2, 2_900)])
}

/// The receipts as a log of `size` entries proves them: entry `index` commits to all of them.
fn logged(receipts: &[Receipt], event: &str, index: u64, size: u64, origin: &str) -> Vec<SignedReceipt> {
    let hashes: Vec<_> = receipts.iter().map(Receipt::hash).collect();
    let (root, places) = batch(&hashes);
    let (mut tree, mut known) = (Frontier::default(), KnownSubtrees::default());
    let entries: Vec<_> =
        (0..size)
            .map(|n| {
                if n == index {
                    entry(n, event, &root, receipts.len())
                } else {
                    entry(n, "other", &[0; 32], 0)
                }
            })
            .collect();
    for entry in &entries {
        tree.push(entry.hash(), |_, _| ());
        known.insert(Subtree { level: 0, index: entry.index }, entry.hash());
    }
    let checkpoint = Checkpoint { origin: origin.to_owned(), size, root: tree.root() }.signed(&signer());
    let proof = assembled(&inclusion_ranges(index, size).unwrap(), &known).unwrap();
    let entry: serde_json::Map<_, _> =
        serde_json::from_slice(&entries[usize::try_from(index).unwrap()].encoded()).unwrap();
    let one = |(receipt, batch): (&Receipt, _)| SignedReceipt {
        receipt: receipt.clone(),
        reason: Some(reason()),
        batch,
        entry: entry.clone(),
        proof: proof.clone(),
        checkpoint: checkpoint.clone(),
    };
    receipts.iter().zip(places).map(one).collect()
}

fn signed() -> Vec<SignedReceipt> {
    logged(&[receipt(10), receipt(11), receipt(12)], COMPLETED, 5, 11, LOG)
}

fn refusal(signed: &SignedReceipt) -> ReceiptError {
    verify(&signed.encoded(), &[key()]).expect_err("the receipt must be refused")
}

#[test]
fn a_receipt_is_verified_with_the_key_of_the_log_alone_in_any_formatting() {
    let signed = signed();
    for one in &signed {
        let verified = verify(&one.encoded(), &[key()]).unwrap();
        assert_eq!((&verified.receipt, verified.index, verified.checkpoint.size), (&one.receipt, 5, 11));
        assert!(verify(&serde_json::to_string_pretty(one).unwrap(), &[key()]).is_ok());
    }
    let alone = logged(&[receipt(10)], COMPLETED, 0, 1, &format!("{LOG}/0123"));
    let other = NoteSigner::new("other", &[8; 32]).unwrap().verifier().clone();
    assert!(verify(&alone[0].encoded(), &[other, key()]).is_ok());
}

#[test]
fn a_receipt_of_another_key_is_refused() {
    let other = NoteSigner::new(LOG, &[8; 32]).unwrap().verifier().clone();
    for keys in [vec![], vec![other]] {
        let refused = verify(&signed()[0].encoded(), &keys);
        assert_eq!(refused, Err(ReceiptError::Checkpoint(NoteError::UnknownKey)));
    }
}

#[test]
fn a_checkpoint_of_another_log_is_refused_also_if_the_key_has_signed_it() {
    for origin in ["another", &format!("{LOG}x")] {
        let signed = logged(&[receipt(10)], COMPLETED, 2, 4, origin);
        assert_eq!(refusal(&signed[0]), ReceiptError::OtherLog(origin.to_owned()));
    }
}

#[test]
fn a_receipt_that_is_not_final_is_refused_also_with_valid_proofs() {
    let waiting = Receipt::new(facts(), vec![applied(1, 5, 1), pending(2)]);
    let signed = logged(&[waiting], COMPLETED, 3, 4, LOG);
    assert_eq!(refusal(&signed[0]), ReceiptError::NotFinal(Uuid::from_u128(2)));
}

#[test]
fn the_entry_of_another_event_is_refused() {
    let signed = logged(&[receipt(10)], "session.revoked", 3, 4, LOG);
    assert_eq!(refusal(&signed[0]), ReceiptError::OtherEvent("session.revoked".to_owned()));
}

#[test]
fn the_entry_of_another_revocation_is_refused() {
    let (mut one, other) = (signed().remove(0), logged(&[receipt(99)], COMPLETED, 7, 11, LOG).remove(0));
    one.entry = other.entry.clone();
    assert_eq!(refusal(&one), ReceiptError::NotCommitted(7));
    (one.batch, one.proof, one.checkpoint) = (other.batch, other.proof, other.checkpoint);
    assert_eq!(refusal(&one), ReceiptError::NotCommitted(7));
    let mut swapped = signed();
    let place = swapped[1].batch.clone();
    swapped[0].batch = place;
    assert_eq!(refusal(&swapped[0]), ReceiptError::NotCommitted(5));
}

#[test]
fn another_reason_is_refused_and_an_erased_reason_is_not_needed() {
    let mut one = signed().remove(0);
    assert_eq!(verify(&one.encoded(), &[key()]).unwrap().reason.as_deref(), Some("left the company"));
    one.reason = None;
    assert_eq!(verify(&one.encoded(), &[key()]).unwrap().reason, None);
    one.reason = Some(crate::receipt::reason::Reason { text: "another".to_owned(), ..reason() });
    assert_eq!(refusal(&one), ReceiptError::Reason);
}

#[test]
fn an_unknown_version_and_other_texts_are_named() {
    let text = signed()[0].encoded();
    let later = text.replace("\"version\":1", "\"version\":2,\"further\":true");
    assert_eq!(verify(&later, &[key()]), Err(ReceiptError::Version(2)));
    let twice = text.replace("\"revocation\":", "\"revocation\":9,\"revocation\":");
    for other in ["", "{}", "[]", &text[1..], &format!("{text}x"), &twice] {
        assert!(matches!(verify(other, &[key()]), Err(ReceiptError::Malformed(_))), "{other}");
    }
}

/// All places of values that are neither lists nor objects.
fn leaves(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| leaves(value, &format!("{place}/{name}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| leaves(value, &format!("{place}/{at}"), found));
        }
        _ => found.push(place.to_owned()),
    }
}

/// Another value: a text with another character, the next number, the opposite.
fn edit(value: &mut Value, at: prop::sample::Index) {
    *value = match value {
        Value::String(text) if text.is_empty() => "0".into(),
        Value::String(text) => {
            let at = at.index(text.chars().count());
            let other = |c| if c == '0' { '1' } else { '0' };
            let edited: String =
                text.chars().enumerate().map(|(n, c)| if n == at { other(c) } else { c }).collect();
            edited.into()
        }
        Value::Number(number) => (number.as_i64().unwrap() + 1).into(),
        Value::Bool(known) => (!*known).into(),
        _ => 1.into(),
    };
}

fn flip(bytes: &mut [u8], at: prop::sample::Index, bit: u8) {
    bytes[at.index(bytes.len())] ^= 1 << bit;
}

/// The text of a value, in which the object at this place has its first member twice, with another value at first. `None` if there is no
/// object with members.
fn with_repeated_member(value: &Value, place: &str) -> Option<String> {
    let (name, _) = value.pointer(place)?.as_object()?.iter().next()?;
    let mut marked = value.clone();
    let object = marked.pointer_mut(place)?.as_object_mut()?;
    object.insert("\u{1}".to_owned(), json!("another"));
    let text = marked.to_string();
    let repeated = text.replace("\"\\u0001\":", &format!("{}:", json!(name)));
    assert_ne!(repeated, text);
    Some(repeated)
}

/// All places of objects.
fn objects(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.push(place.to_owned());
            fields.iter().for_each(|(name, value)| objects(value, &format!("{place}/{name}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| objects(value, &format!("{place}/{at}"), found));
        }
        _ => {}
    }
}

#[test]
fn a_member_that_is_there_twice_is_refused_wherever_it_is() {
    let value = serde_json::to_value(&signed()[0]).unwrap();
    let mut places = Vec::new();
    objects(&value, "", &mut places);
    for needed in [
        "",
        "/entry",
        "/entry/detail",
        "/receipt",
        "/receipt/target",
        "/receipt/nodes/0",
        "/reason",
        "/batch",
    ] {
        assert!(places.iter().any(|place| place == needed), "{needed}: {places:?}");
    }
    for place in places {
        let twice = with_repeated_member(&value, &place).unwrap();
        let refused = verify(&twice, &[key()]);
        assert!(
            matches!(&refused, Err(ReceiptError::Malformed(why)) if why.contains("is there twice")),
            "{place}: {refused:?}"
        );
    }
}

proptest! {
    #[test]
    fn a_receipt_with_any_edited_value_is_refused(
        number in 0_usize..3, place: prop::sample::Index, at: prop::sample::Index,
    ) {
        let mut value = serde_json::to_value(&signed()[number]).unwrap();
        let mut places = Vec::new();
        leaves(&value, "", &mut places);
        let place = &places[place.index(places.len())];
        edit(value.pointer_mut(place).unwrap(), at);
        prop_assert!(verify(&value.to_string(), &[key()]).is_err(), "{}", place);
    }

    #[test]
    fn a_receipt_with_any_flipped_bit_of_a_proof_is_refused_and_the_proof_is_named(
        hash: prop::sample::Index, at: prop::sample::Index, bit in 0_u8..8, of_batch: bool,
    ) {
        let mut one = signed().remove(0);
        let proof = if of_batch { &mut one.batch.proof } else { &mut one.proof };
        let hash = hash.index(proof.len());
        flip(&mut proof[hash], at, bit);
        let expected = if of_batch {
            ReceiptError::NotCommitted(5)
        } else {
            ReceiptError::NotIncluded { index: 5, size: 11 }
        };
        prop_assert_eq!(refusal(&one), expected);
    }

    #[test]
    fn a_receipt_with_a_proof_of_another_length_is_refused(of_batch: bool, longer: bool) {
        let mut one = signed().remove(0);
        let proof = if of_batch { &mut one.batch.proof } else { &mut one.proof };
        proof.resize(if longer { proof.len() + 1 } else { proof.len() - 1 }, [0; 32]);
        prop_assert!(verify(&one.encoded(), &[key()]).is_err());
    }

    #[test]
    fn a_receipt_with_any_flipped_bit_of_its_signature_is_refused_and_the_checkpoint_is_named(
        at: prop::sample::Index, bit in 0_u8..8,
    ) {
        let mut one = signed().remove(0);
        let (text, signature) = one.checkpoint.trim_end().rsplit_once(' ').unwrap();
        let mut bytes = STANDARD.decode(signature).unwrap();
        flip(&mut bytes, at, bit);
        one.checkpoint = format!("{text} {}\n", STANDARD.encode(bytes));
        prop_assert!(matches!(refusal(&one), ReceiptError::Checkpoint(_)));
    }

    #[test]
    fn a_receipt_with_any_flipped_bit_of_its_checkpoint_is_refused_and_the_checkpoint_is_named(
        at: prop::sample::Index, bit in 0_u8..8,
    ) {
        let mut one = signed().remove(0);
        let mut bytes = one.checkpoint.clone().into_bytes();
        flip(&mut bytes, at, bit);
        // What is not UTF-8 cannot be in the document at all.
        if let Ok(checkpoint) = String::from_utf8(bytes) {
            one.checkpoint = checkpoint;
            prop_assert!(matches!(refusal(&one), ReceiptError::Checkpoint(_)));
        }
    }

    #[test]
    fn no_text_panics(text: String) {
        prop_assert!(verify(&text, &[key()]).is_err());
    }
}
