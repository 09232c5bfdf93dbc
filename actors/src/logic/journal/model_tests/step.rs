//! The random steps of the model: requests of clients, results of the database, and writes of other processes.

use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Done,
    Unavailable,
    /// The statement was carried out, and its answer was lost.
    LostWritten,
    /// The statement was not carried out, and its answer was lost.
    LostNothing,
    /// The answer was lost, and the statement is carried out later.
    LostLate,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Publish,
    /// A publication so large that a few of them exceed a page, or one read.
    PublishBulky,
    PublishKeyed(u8),
    /// A publication that is left out if its version is outdated.
    PublishVersioned(u8),
    /// A message that the database refuses.
    PublishPoison,
    /// Another process publishes this many messages.
    Foreign(u8),
    Join(usize),
    Leave(usize),
    /// A history request: limit, start as a distance below the top, and whether the order is reverse.
    History(u8, Option<u8>, bool),
    Remove,
    /// One removal with an unknown outcome is carried out.
    LateRemoval(usize),
    /// The database forgets a channel that keeps nothing.
    Forget,
    Answer(Fate),
    Tick,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let fate = prop_oneof![
        12 => Just(Fate::Done),
        1 => Just(Fate::Unavailable),
        1 => Just(Fate::LostWritten),
        1 => Just(Fate::LostNothing),
        1 => Just(Fate::LostLate),
    ];
    prop_oneof![
        6 => Just(Step::Publish),
        3 => Just(Step::PublishBulky),
        1 => (0_u8..3).prop_map(Step::PublishKeyed),
        2 => (1_u8..8).prop_map(Step::PublishVersioned),
        1 => Just(Step::PublishPoison),
        1 => (1_u8..4).prop_map(Step::Foreign),
        4 => (0_usize..4).prop_map(Step::Join),
        3 => (0_usize..4).prop_map(Step::Leave),
        3 => (0_u8..15, prop::option::of(0_u8..15), any::<bool>())
            .prop_map(|(limit, since, reverse)| Step::History(limit, since, reverse)),
        1 => Just(Step::Remove),
        1 => (0_usize..2).prop_map(Step::LateRemoval),
        2 => Just(Step::Forget),
        10 => fate.prop_map(Step::Answer),
        1 => Just(Step::Tick),
    ]
}
