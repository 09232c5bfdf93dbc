//! The options of a namespace: which users may send which commands to its channels, and what the channels keep.
//!
//! The options come from the built-in table or from the file of channels. The rules in `admission` and the channel shards read
//! the options.

use std::time::Duration;

use protocol::Payload;

use super::{data_kind::DataKind, party::Party};

/// One entry in a list of rights: a group of users that may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Right {
    /// All users, including anonymous users.
    Anonymous = 1,
    /// All users with a name.
    User = 2,
    /// The subscribers of the channel.
    Subscriber = 4,
    /// Operators and administrators.
    Operator = 8,
    /// Administrators.
    Admin = 16,
    /// The users that are listed after the `#` of the channel's name.
    Owner = 32,
}

impl Right {
    /// Every right.
    pub const ALL: [Self; 6] =
        [Self::Anonymous, Self::User, Self::Subscriber, Self::Operator, Self::Admin, Self::Owner];

    /// The name of the right in the file of channels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::User => "user",
            Self::Subscriber => "subscriber",
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

/// A set of rights: the groups of users that may do one thing, for example publish. With the empty set, only the server may do
/// it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights(u8);

/// The properties of a user that decide the user's rights in one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) party: Party,
    pub(super) owner: bool,
    pub(super) subscriber: bool,
}

impl Rights {
    /// The set of `rights`.
    #[must_use]
    pub fn of(rights: &[Right]) -> Self {
        Self(rights.iter().fold(0, |set, right| set | *right as u8))
    }

    /// Whether this right is in the set.
    #[must_use]
    pub fn has(self, right: Right) -> bool {
        self.0 & right as u8 != 0
    }

    pub(super) fn cover(self, standing: Standing) -> bool {
        Right::ALL.into_iter().filter(|right| self.has(*right)).any(|right| match right {
            Right::Anonymous => true,
            Right::User => standing.party >= Party::User,
            Right::Operator => standing.party >= Party::Operator,
            Right::Admin => standing.party >= Party::Admin,
            Right::Subscriber => standing.subscriber,
            Right::Owner => standing.owner,
        })
    }
}

/// Whether a subscription gets a feature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offer {
    /// Never.
    #[default]
    Off,
    /// If the client requests it.
    Allowed,
    /// Always.
    Forced,
}

impl Offer {
    pub(super) fn grants(self, requested: bool) -> bool {
        self == Self::Forced || (self == Self::Allowed && requested)
    }
}

/// The publications that a client receives when it subscribes again after an interruption.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecoveryMode {
    /// All publications that the client missed.
    #[default]
    Stream,
    /// Only the newest publication, unless the client already has it.
    Cache,
}

/// The options of a namespace. `Default` gives no rights to clients and keeps no history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The users that may subscribe. All other users need a subscription token, or must be subscribed by the server.
    pub subscribe: Rights,
    /// The users that may publish.
    pub publish: Rights,
    /// The users that may read presence.
    pub presence: Rights,
    /// The users that may read the history.
    pub history: Rights,
    /// Whether presence is available.
    pub presence_enabled: bool,
    /// Whether joins and leaves are announced. A subscriber receives them if it requests this.
    pub join_leave: bool,
    /// Whether subscribers receive joins and leaves even if they do not request them.
    pub force_join_leave: bool,
    /// How many publications are kept; 0 for none.
    pub history_size: usize,
    /// How long publications are kept; zero if no publications are kept.
    pub history_ttl: Duration,
    /// How long a durable channel without kept publications is remembered after its last publication.
    pub history_meta_ttl: Duration,
    /// Whether subscriptions have a position, so that a gap is detected.
    pub positioning: Offer,
    /// Whether returning clients recover the publications that they missed.
    pub recovery: Offer,
    /// Which publications a recovery returns.
    pub recovery_mode: RecoveryMode,
    /// Whether clients that request deltas receive them.
    pub delta: bool,
    /// Whether the history is in the database.
    pub durable: bool,
    /// The largest number of subscribers of one channel; 0 for no limit.
    pub max_subscribers: usize,
    /// The largest size of one publication's data, in bytes.
    pub max_publication_bytes: usize,
    /// Which data may be published.
    pub data: DataKind,
}

/// The default of the largest size of a publication's data, in bytes. A frame holds 64 KiB, including everything around the
/// data. This bound is lower, so a publication that is slightly too large gets error 107. Only a publication that does not fit
/// into a frame closes the connection (3501).
pub const MAX_PUBLICATION_BYTES: usize = 60 * 1024;

/// The greatest value of `max_publication_bytes`. Data of this size must fit into an outbox even as an escaped JSON string, the
/// form for subscriptions with deltas.
const MAX_MAX_PUBLICATION_BYTES: usize = 256 * 1024;
const MAX_HISTORY_SIZE: usize = 100_000;
/// Thirty days, as in Centrifugo.
const HISTORY_META_TTL: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const MAX_HISTORY_TTL: Duration = Duration::from_secs(3_660 * 24 * 60 * 60);

impl Default for Options {
    fn default() -> Self {
        Self {
            subscribe: Rights::default(),
            publish: Rights::default(),
            presence: Rights::default(),
            history: Rights::default(),
            presence_enabled: false,
            join_leave: false,
            force_join_leave: false,
            history_size: 0,
            history_ttl: Duration::ZERO,
            history_meta_ttl: HISTORY_META_TTL,
            positioning: Offer::Off,
            recovery: Offer::Off,
            recovery_mode: RecoveryMode::Stream,
            delta: false,
            durable: false,
            max_subscribers: 0,
            max_publication_bytes: MAX_PUBLICATION_BYTES,
            data: DataKind::Json,
        }
    }
}

impl Options {
    /// Whether this data may be published in a channel of the namespace.
    #[must_use]
    pub fn admits(&self, data: &Payload) -> bool {
        data.as_bytes().len() <= self.max_publication_bytes && self.data.admits(data)
    }

    /// Whether publications are kept.
    #[must_use]
    pub fn keeps_history(&self) -> bool {
        self.history_size > 0 && !self.history_ttl.is_zero()
    }

    /// The contradictions and invalid values in the options. Each text begins with the name of an option.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let history = self.keeps_history();
        let incomplete = (self.history_size > 0) == self.history_ttl.is_zero();
        let rules = [
            (incomplete, "history_size: set `history_size` and `history_ttl` together, or neither"),
            (self.recovery != Offer::Off && !history, "recovery: needs a history"),
            (self.positioning != Offer::Off && !history, "positioning: needs a history"),
            (self.durable && !history, "durable: needs a history"),
            (
                self.history != Rights::default() && !history,
                "history: needs a history that is kept (`history_size`, `history_ttl`)",
            ),
            (
                self.presence != Rights::default() && !self.presence_enabled,
                "presence: `presence_enabled` is not true",
            ),
            (self.force_join_leave && !self.join_leave, "force_join_leave: `join_leave` is not true"),
            (self.subscribe.has(Right::Subscriber), "subscribe: must not contain `subscriber`"),
            (
                !(1..=MAX_MAX_PUBLICATION_BYTES).contains(&self.max_publication_bytes),
                "max_publication_bytes: must be 1 to 262144",
            ),
            (self.history_size > MAX_HISTORY_SIZE, "history_size: must be at most 100000"),
            (self.history_ttl > MAX_HISTORY_TTL, "history_ttl: must be at most 3660d"),
            (
                self.history_meta_ttl.is_zero() || self.history_meta_ttl > MAX_HISTORY_TTL,
                "history_meta_ttl: must be 1s to 3660d",
            ),
        ];
        rules.into_iter().filter(|(broken, _)| *broken).map(|(_, text)| text.to_owned()).collect()
    }

    /// `chat`: subscribers publish, publications are kept and recovered, and subscribers see presence, joins and leaves.
    pub(super) fn chat() -> Self {
        let subscribers = Rights::of(&[Right::Subscriber]);
        Self {
            subscribe: Rights::of(&[Right::User]),
            publish: subscribers,
            presence: subscribers,
            history: subscribers,
            presence_enabled: true,
            join_leave: true,
            force_join_leave: true,
            history_size: 1_000,
            history_ttl: Duration::from_secs(7 * 24 * 60 * 60),
            recovery: Offer::Forced,
            positioning: Offer::Allowed,
            delta: true,
            durable: true,
            ..Self::default()
        }
    }

    /// `user`: the server publishes to the users that are listed after the `#`.
    pub(super) fn personal() -> Self {
        Self {
            subscribe: Rights::of(&[Right::Owner]),
            history: Rights::of(&[Right::Subscriber]),
            history_size: 100,
            history_ttl: Duration::from_secs(24 * 60 * 60),
            recovery: Offer::Allowed,
            positioning: Offer::Allowed,
            ..Self::default()
        }
    }

    /// `ephemeral`: subscribers publish, and no publication is kept.
    pub(super) fn ephemeral() -> Self {
        Self {
            subscribe: Rights::of(&[Right::User]),
            publish: Rights::of(&[Right::Subscriber]),
            ..Self::default()
        }
    }
}
