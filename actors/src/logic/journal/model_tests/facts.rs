//! Tests of single cases that the random steps reach only sometimes, for example channels that are too large for one read, and
//! removals with an unknown outcome.

use super::{database::Db, step::Fate, *};
use crate::{
    history::Page,
    journal::{Removed, recent_window::RecentWindow},
};

/// A channel that is not read yet. It has twelve publications, and one read returns five.
fn large_unread_channel() -> World {
    let mut world = World::new();
    for _ in 0..SIZE {
        world.act(Step::PublishBulky);
    }
    world.finish();
    world.channel = DurableChannel::new(KEEP, RecoveryMode::Stream);
    world
}

fn pages(world: &mut World, reverse: bool) -> Vec<Vec<u64>> {
    let mut since = None;
    loop {
        world.history(10, since, reverse);
        world.step();
        world.finish();
        since = world.pages.last().expect("an answer").last().copied();
        if since.is_none() {
            return std::mem::take(&mut world.pages);
        }
        // No publication precedes offset 1, so the request would be refused.
        if reverse && since == Some(1) {
            return std::mem::take(&mut world.pages);
        }
    }
}

#[test]
fn an_open_is_bounded_in_bytes_and_reports_whether_older_publications_exist() {
    let mut world = large_unread_channel();
    world.join(0);
    world.step();
    let Some((_, Call::Open { newest, .. }, _)) = world.calls.front() else { panic!("expected an open") };
    let newest = *newest;
    let opened = world.db.open(newest);
    assert_eq!((opened.newest.len(), opened.whole), (5, false));
    world.finish();
    assert!(world.channel.bytes() <= newest.bytes);
}

#[test]
fn a_partly_opened_channel_can_be_paged_backwards_to_its_beginning() {
    let pages = pages(&mut large_unread_channel(), true);
    assert_eq!(pages.concat(), (1..=12).rev().collect::<Vec<_>>());
    assert!(pages.iter().all(|page| page.len() <= 2), "{pages:?}");
}

#[test]
fn a_partly_opened_channel_can_be_paged_forwards_from_its_beginning() {
    let pages = pages(&mut large_unread_channel(), false);
    assert_eq!(pages.concat(), (1..=12).collect::<Vec<_>>());
}

#[test]
fn a_partly_opened_channel_recovers_the_publications_that_fit_into_one_answer() {
    for (missed, recovered) in [(0, true), (1, true), (2, true), (3, false), (7, false), (12, false)] {
        let mut world = large_unread_channel();
        let offset = world.db.top() - missed;
        world.subscribers[0].position = Some(Position { offset, epoch: String::new() });
        world.join(0);
        world.step();
        world.finish();
        assert!(world.subscribers[0].member);
        assert_eq!(world.subscribers[0].recovered, Some(recovered), "{missed} publications missed");
    }
}

#[test]
fn a_written_batch_with_a_lost_answer_is_delivered_completely() {
    let mut world = World::new();
    world.join(0);
    world.step();
    world.finish();
    world.act(Step::PublishBulky);
    for _ in 0..5 {
        world.publish_bulky();
    }
    // The first batch is the first message. The second batch is the other five messages.
    world.act(Step::Answer(Fate::Done));
    world.act(Step::Answer(Fate::LostWritten));
    world.finish();
    assert!(world.subscribers[0].member, "the subscriber stays subscribed");
    assert_eq!(world.subscribers[0].position.as_ref().map(|position| position.offset), Some(6));
}

#[test]
fn a_removal_includes_publications_of_other_processes() {
    let mut world = World::new();
    world.act(Step::Publish);
    world.finish();
    world.act(Step::Foreign(3));
    world.act(Step::Remove);
    world.finish();
    assert_eq!((world.db.top(), world.db.gone), (4, 4));
}

#[test]
fn a_removal_waits_for_a_read_that_began_after_its_request() {
    let mut channel = DurableChannel::<u8>::new(KEEP, RecoveryMode::Stream);
    let mut numbers = 0..;
    let mut step = |channel: &mut DurableChannel<u8>| {
        let actions = channel.step(2_000, false, || numbers.next().unwrap());
        actions
            .into_iter()
            .find_map(|action| if let Action::Call(n, call) = action { Some((n, call)) } else { None })
    };
    let opened = |top| Ok(Opened { epoch: Db::epoch(), top, newest: Vec::new(), whole: true });
    channel.join(0, None);
    let (first, _) = step(&mut channel).unwrap();
    channel.remove(1);
    assert_eq!(step(&mut channel), None);
    // This read began before the removal was requested. So its result may lack publications that must be removed.
    channel.opened(first, opened(5));
    let (second, call) = step(&mut channel).unwrap();
    assert!(matches!(call, Call::Open { .. }));
    channel.opened(second, opened(6));
    let (third, call) = step(&mut channel).unwrap();
    assert_eq!(call, Call::Remove { upto: 6 });
    channel.removed(third, Ok(Removed { upto: 6, epoch: Db::epoch() }));
    assert_eq!(step(&mut channel), None);
}

/// If each step visited every join, the steps of this test would take far longer than the limit.
#[test]
fn joins_that_wait_for_a_read_do_not_slow_down_other_steps() {
    let mut channel = DurableChannel::<u32>::new(KEEP, RecoveryMode::Stream);
    let began = std::time::Instant::now();
    channel.publish(0, World::new().message("first", None));
    channel.step(2_000, false, || 1);
    let placed = vec![crate::journal::Placement::New(10)];
    channel.appended(1, Ok(crate::journal::Appended { epoch: Db::epoch(), top: 10, placed }));
    let behind = Position { offset: 2, epoch: Db::epoch().as_ref().to_owned() };
    for requester in 0..16_000 {
        channel.join(requester, Some(behind.clone()));
    }
    assert!(matches!(channel.step(2_000, false, || 2)[..], [.., Action::Call(2, Call::Open { .. })]));
    for _ in 0..200_000 {
        assert!(channel.step(2_000, false, || 3).is_empty());
    }
    channel.join(16_000, None);
    assert!(matches!(channel.step(2_000, false, || 3)[..], [Action::Tell(16_000, Outcome::Joined(..))]));
    channel.opened(2, Ok(Opened { epoch: Db::epoch(), top: 10, newest: Vec::new(), whole: true }));
    let answers = channel.step(2_000, false, || 4);
    assert!(
        answers
            .iter()
            .zip(0..)
            .all(|(action, at)| matches!(action, Action::Tell(requester, _) if *requester == at))
    );
    assert_eq!(answers.len(), 16_000);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[test]
fn a_late_removal_does_not_remove_later_publications() {
    let mut world = World::new();
    for _ in 0..2 {
        world.act(Step::Publish);
    }
    world.finish();
    world.act(Step::Remove);
    world.act(Step::Answer(Fate::Done));
    world.act(Step::Answer(Fate::LostLate));
    world.act(Step::Publish);
    world.finish();
    world.act(Step::LateRemoval(0));
    assert_eq!((world.db.top(), world.db.gone), (3, 2));
}

#[test]
fn a_removal_that_ends_before_the_window_does_not_make_the_window_complete() {
    let mut window = RecentWindow::opened(Opened {
        epoch: Db::epoch(),
        top: 9,
        newest: (8..=9).map(|offset| Arc::new(World::new().message("", None).at(offset))).collect(),
        whole: false,
    });
    let all = Page { limit: 9, since: None, reverse: false };
    window.remove(3);
    assert_eq!(window.page(all, PageBound::CLIENT), None, "the window does not have 4 to 7");
    window.remove(7);
    assert_eq!(window.page(all, PageBound::CLIENT).map(|found| found.len()), Some(2));
}

#[test]
fn an_invalid_history_request_is_refused_even_while_a_gap_is_closed() {
    let mut world = World::new();
    world.join(0);
    world.step();
    world.finish();
    world.act(Step::Foreign(1));
    world.act(Step::Publish);
    world.act(Step::Answer(Fate::Done));
    assert!(
        matches!(world.calls.front(), Some((_, Call::Read(_), _))),
        "the publications of other processes must be read"
    );
    world.history(1, Some(0), true);
    world.step();
    assert!(!world.unanswered.iter().any(|requester| matches!(requester, ChannelUser::Historian(_))));
}

#[test]
fn a_channel_that_was_changed_in_the_journal_is_read_again_before_it_answers() {
    let mut channel = DurableChannel::<u8>::new(KEEP, RecoveryMode::Stream);
    let mut numbers = 0..;
    let mut step = |channel: &mut DurableChannel<u8>| {
        let actions = channel.step(2_000, false, || numbers.next().unwrap());
        let opens = |action| match action {
            Action::Call(number, Call::Open { .. }) => Some(number),
            Action::Tell(..) => None,
            other => panic!("{other:?}"),
        };
        actions.into_iter().find_map(opens)
    };
    let opened = || Ok(Opened { epoch: Db::epoch(), top: 5, newest: Vec::new(), whole: true });
    channel.join(0, None);
    let first = step(&mut channel).unwrap();
    channel.reread();
    // This read may have begun before the change.
    channel.opened(first, opened());
    let second = step(&mut channel).unwrap();
    channel.opened(second, opened());
    assert_eq!(step(&mut channel), None);
    channel.reread();
    channel.reread();
    assert_eq!(step(&mut channel), None);
    channel.join(1, None);
    let third = step(&mut channel).unwrap();
    channel.opened(third, opened());
    channel.join(2, None);
    assert_eq!(step(&mut channel), None);
}
