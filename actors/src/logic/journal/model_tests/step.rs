//! What can happen to a durable channel in the model.

use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Done,
    Unavailable,
    /// The answer is lost: it was written.
    LostWritten,
    /// It was not.
    LostNothing,
    /// It is carried out later.
    LostLate,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Publish,
    /// So much that a few of them are more than a page, or than is read at once.
    PublishBulky,
    PublishKeyed(u8),
    /// Unless something as new was published.
    PublishVersioned(u8),
    /// The database does not take it.
    PublishPoison,
    Foreign(u8),
    Join(usize),
    Leave(usize),
    /// Since so many offsets below the top.
    History(u8, Option<u8>, bool),
    Remove,
    /// One removal with an unknown outcome is carried out.
    LateRemoval(usize),
    /// Of a channel in which nothing is kept, the database forgets everything.
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
