//! Tests of deltas: a delta turns the source into the target, has the format that clients read, and has a bounded size.

use proptest::{collection::vec, prelude::*};

use super::*;

fn delta(source: &str, target: &str) -> String {
    String::from_utf8(fossil(source.as_bytes(), target.as_bytes())).unwrap()
}

#[test]
fn the_format_is_the_one_that_fossil_documents() {
    assert_eq!(delta("", ""), "0\n0;");
    // The checksum of 'abcd' is the word 0x61626364: six digits in base 64.
    assert_eq!(delta("", "abcd"), "4\n4:abcd1XObD_;");
    let kept = "0123456789abcdef";
    assert_eq!(delta(kept, kept), "G\nG@0,12xn;");
    assert_eq!(delta(kept, &format!("{kept}!")), "H\nG@0,1:!X12xn;");
}

#[test]
fn a_delta_for_one_changed_field_of_a_large_text_is_short() {
    let text = |n: u32| {
        format!("{{\"left\":\"{}\",\"n\":{n},\"right\":\"{}\"}}", "ab".repeat(200), "cd".repeat(200))
    };
    let delta = delta(&text(1), &text(2));
    assert!(delta.len() < 48, "{} bytes: {delta}", delta.len());
}

#[test]
fn a_moved_part_is_copied() {
    let (a, b) = ("the first of two paragraphs, ", "and here is the second one. ");
    let delta = delta(&format!("{a}{b}"), &format!("{b}{a}"));
    assert!(delta.len() < 40, "{delta}");
}

#[test]
fn no_character_is_split() {
    // The last characters of the two texts differ only in their second byte.
    let (source, target) = ("0123456789abcdefä", "0123456789abcdefå");
    assert_eq!(
        delta(source, target),
        "I\nG@0,2:å".to_owned() + delta(source, target).split_once('å').unwrap().1
    );
}

#[test]
fn texts_of_many_equal_blocks_have_short_deltas() {
    let (source, target) = (vec![b'a'; 1 << 20], vec![b'a'; 1 << 20]);
    assert!(fossil(&source, &target).len() < 32);
    let shifted: Vec<u8> = [b"b".as_slice(), &target].concat();
    assert_eq!(apply(&source, &fossil(&source, &shifted)), Some(shifted));
}

#[test]
fn bytes_that_are_not_a_delta_of_this_source_are_refused() {
    for wrong in
        ["", "4", "4\n", "4\n4:abcd", "4\n4:abcd0;", "4\n5@0,0;", "~~~~~~~~~~\n0;", "1\n1@0,0;", "0\n0;x"]
    {
        assert_eq!(apply(b"", wrong.as_bytes()), None, "{wrong:?}");
    }
}

/// A source and a target that have much in common, like two publications of one channel.
fn source_and_target() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let pieces = vec(vec(any::<u8>(), 0..60), 0..12);
    (pieces, vec((any::<prop::sample::Index>(), vec(any::<u8>(), 0..5)), 0..12)).prop_map(
        |(pieces, edits)| {
            let mut target = Vec::new();
            for (index, inserted) in edits {
                target.extend(inserted);
                if !pieces.is_empty() {
                    target.extend(index.get(&pieces));
                }
            }
            (pieces.concat(), target)
        },
    )
}

proptest! {
    #[test]
    fn a_delta_turns_the_source_into_the_target((source, target) in source_and_target()) {
        prop_assert_eq!(apply(&source, &fossil(&source, &target)), Some(target));
    }

    #[test]
    fn a_delta_is_never_much_longer_than_the_target(source in vec(0_u8..3, 0..400), target in vec(0_u8..3, 0..400)) {
        let delta = fossil(&source, &target);
        prop_assert!(delta.len() <= target.len() + 24);
        prop_assert_eq!(apply(&source, &delta), Some(target));
    }

    #[test]
    fn a_delta_between_texts_is_text(source in "[aä€😀]{0,200}", target in "[aä€😀]{0,200}") {
        let delta = fossil(source.as_bytes(), target.as_bytes());
        prop_assert!(std::str::from_utf8(&delta).is_ok());
        prop_assert_eq!(apply(source.as_bytes(), &delta), Some(target.into_bytes()));
    }

    #[test]
    fn applying_arbitrary_bytes_does_not_panic(source in vec(any::<u8>(), 0..40), delta in vec(any::<u8>(), 0..60)) {
        let _ = apply(&source, &delta);
    }
}
