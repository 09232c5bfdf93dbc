//! The random steps of the model: requests of clients, results of the database, and writes of other processes.

use proptest::prelude::*;

/// What happens to a journal call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Done,
    Unavailable,
    /// The statement was carried out, but its answer was lost.
    LostWritten,
    /// The statement was not carried out, and no answer arrives.
    LostNothing,
    /// No answer arrives, and the statement is carried out later.
    LostLate,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Publish,
    /// A large publication: two fit into an answer to a client, and five fit into one read from the database.
    PublishBulky,
    PublishKeyed(u8),
    /// A message that is not published if its version is outdated.
    PublishVersioned(u8),
    /// A message that the database refuses.
    PublishPoison,
    /// Another process publishes this many messages.
    Foreign(u8),
    Join(usize),
    Leave(usize),
    /// A history request: its limit, its start as a distance from the newest offset, and whether the order is reverse.
    History(u8, Option<u8>, bool),
    Remove,
    /// The answer to an earlier removal was lost. The database now carries this removal out.
    LateRemoval(usize),
    /// The database forgets the channel, if the channel keeps nothing.
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
