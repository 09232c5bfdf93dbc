//! Single cases that the random model reaches only sometimes: channels that are too large for one read, and removals with an
//! unknown outcome.

use super::{database::Db, step::Fate, *};
use crate::{
    history::Page,
    journal::{Removed, recent_window::RecentWindow},
};

/// A channel that was not read yet. It has twelve publications, and one read returns five of them.
fn cut() -> World {
    let mut world = World::new();
    for _ in 0..SIZE {
        world.act(Step::PublishBulky);
    }
    world.rest();
    world.channel = DurableChannel::new(KEEP, RecoveryMode::Stream);
    world
}

fn pages(world: &mut World, reverse: bool) -> Vec<Vec<u64>> {
    let mut since = None;
    loop {
        world.history(10, since, reverse);
        world.step();
        world.rest();
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
fn an_open_is_bounded_in_bytes_and_reports_that_older_publications_exist() {
    let mut world = cut();
    world.join(0);
    world.step();
    let Some((_, Call::Open { newest, .. }, _)) = world.calls.front() else { panic!("it is read") };
    let newest = *newest;
    let opened = world.db.open(newest);
    assert_eq!((opened.newest.len(), opened.whole), (5, false));
    world.rest();
    assert!(world.channel.bytes() <= newest.bytes);
}

#[test]
fn a_partly_opened_channel_can_be_paged_backwards_to_its_beginning() {
    let pages = pages(&mut cut(), true);
    assert_eq!(pages.concat(), (1..=12).rev().collect::<Vec<_>>());
    assert!(pages.iter().all(|page| page.len() <= 2), "{pages:?}");
}

#[test]
fn a_partly_opened_channel_can_be_paged_from_its_beginning() {
    let pages = pages(&mut cut(), false);
    assert_eq!(pages.concat(), (1..=12).collect::<Vec<_>>());
}

#[test]
fn a_partly_opened_channel_recovers_as_many_publications_as_one_answer_can_carry() {
    for (missed, recovered) in [(0, true), (1, true), (2, true), (3, false), (7, false), (12, false)] {
        let mut world = cut();
        let offset = world.db.top() - missed;
        world.subscribers[0].position = Some(Position { offset, epoch: String::new() });
        world.join(0);
        world.step();
        world.rest();
        assert!(world.subscribers[0].member);
        assert_eq!(world.subscribers[0].recovered, Some(recovered), "{missed} missed");
    }
}

#[test]
fn a_whole_batch_with_a_lost_answer_is_delivered() {
    let mut world = World::new();
    world.join(0);
    world.step();
    world.rest();
    world.act(Step::PublishBulky);
    for _ in 0..5 {
        world.publish_bulky();
    }
    // The first message is a batch of its own. The other five are the second batch.
    world.act(Step::Answer(Fate::Done));
    world.act(Step::Answer(Fate::LostWritten));
    world.rest();
    assert!(world.subscribers[0].member, "every subscriber stays subscribed");
    assert_eq!(world.subscribers[0].position.as_ref().map(|position| position.offset), Some(6));
}

#[test]
fn a_removal_includes_publications_of_other_processes() {
    let mut world = World::new();
    world.act(Step::Publish);
    world.rest();
    world.act(Step::Foreign(3));
    world.act(Step::Remove);
    world.rest();
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
    // This read began before the removal was requested, so it may lack publications that the removal must take.
    channel.opened(first, opened(5));
    let (second, call) = step(&mut channel).unwrap();
    assert!(matches!(call, Call::Open { .. }));
    channel.opened(second, opened(6));
    let (third, call) = step(&mut channel).unwrap();
    assert_eq!(call, Call::Remove { upto: 6 });
    channel.removed(third, Ok(Removed { upto: 6, epoch: Db::epoch() }));
    assert_eq!(step(&mut channel), None);
}

/// If each step looked at every join, so many steps would take far longer than the limit.
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
    let told = channel.step(2_000, false, || 4);
    assert!(told.iter().zip(0..).all(|(action, at)| matches!(action, Action::Tell(who, _) if *who == at)));
    assert_eq!(told.len(), 16_000);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[test]
fn a_late_removal_keeps_later_publications() {
    let mut world = World::new();
    for _ in 0..2 {
        world.act(Step::Publish);
    }
    world.rest();
    world.act(Step::Remove);
    world.act(Step::Answer(Fate::Done));
    world.act(Step::Answer(Fate::LostLate));
    world.act(Step::Publish);
    world.rest();
    world.act(Step::LateRemoval(0));
    assert_eq!((world.db.top(), world.db.gone), (3, 2));
}

#[test]
fn after_a_removal_below_the_window_kept_publications_are_still_read_from_the_journal() {
    let mut hot = RecentWindow::opened(Opened {
        epoch: Db::epoch(),
        top: 9,
        newest: (8..=9).map(|offset| Arc::new(World::new().message("", None).at(offset))).collect(),
        whole: false,
    });
    let all = Page { limit: 9, since: None, reverse: false };
    hot.remove(3);
    assert_eq!(hot.page(all, PageBound::CLIENT), None, "memory does not know 4 to 7");
    hot.remove(7);
    assert_eq!(hot.page(all, PageBound::CLIENT).map(|found| found.len()), Some(2));
}

#[test]
fn an_invalid_history_request_is_refused_even_while_a_gap_is_closed() {
    let mut world = World::new();
    world.join(0);
    world.step();
    world.rest();
    world.act(Step::Foreign(1));
    world.act(Step::Publish);
    world.act(Step::Answer(Fate::Done));
    assert!(
        matches!(world.calls.front(), Some((_, Call::Read(_), _))),
        "publications of other processes are read"
    );
    world.history(1, Some(0), true);
    world.step();
    assert!(!world.asked.iter().any(|requester| matches!(requester, ChannelUser::Historian(_))));
}
