//! Tests: when a node is current, and for how long.

use super::*;

const FRESH: Duration = CURRENT_FOR;

#[test]
fn a_node_is_not_current_before_its_first_look() {
    let feed = FeedState::new(FRESH);
    assert!(!feed.is_current());
    feed.looked(Instant::now());
    assert!(feed.is_current());
}

#[test]
fn a_node_is_not_current_after_a_look_that_began_too_long_ago() {
    let feed = FeedState { origin: Instant::now() - FRESH * 2, ..FeedState::new(FRESH) };
    feed.looked(feed.origin + FRESH / 2);
    assert!(!feed.is_current());
    feed.looked(Instant::now());
    assert!(feed.is_current());
}

#[test]
fn current_for_begins_again_after_a_gap_between_looks() {
    let feed = FeedState { origin: Instant::now() - FRESH * 10, ..FeedState::new(FRESH) };
    assert_eq!(feed.current_for(), Duration::ZERO);
    feed.looked(feed.origin + FRESH * 5);
    assert_eq!(feed.current_for(), Duration::ZERO, "the look is too old");
    feed.looked(Instant::now() - FRESH / 2);
    let first = feed.current_for();
    assert!(first >= FRESH / 2 && first < FRESH);
    feed.looked(Instant::now());
    assert!(feed.current_for() >= first, "a look without a gap continues the count");
}

#[test]
fn the_remaining_time_counts_from_the_beginning_of_the_last_look() {
    let feed = FeedState::new(FRESH);
    assert!(
        feed.remaining() > Duration::ZERO,
        "a node that has just started is given time for its first look"
    );
    let feed = FeedState { origin: Instant::now() - FRESH * 2, ..FeedState::new(FRESH) };
    assert_eq!(feed.remaining(), Duration::ZERO);
    feed.looked(Instant::now() - FRESH / 2);
    assert!(feed.remaining() > Duration::ZERO && feed.remaining() <= FRESH / 2);
}
