//! The receipt: a JSON document with one canonical form, whose hash the audit log contains.
//!
//! It names persons only by the numbers of their accounts, because receipts are given to others. The sums in it are derived
//! from the nodes, and [`Receipt::contradiction`] derives them again.

use protocol::{
    close::Cause,
    id::{DeviceId, RevocationId, SessionId, UserId},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;
use uuid::Uuid;

use super::encoded_hash;
use crate::transparency_log::{
    entry::canonical_object,
    hash::{Hash, leaf_hash},
};

/// The version of the document that this program writes and reads.
pub const VERSION: u32 = 1;

/// What was revoked. Exactly the fields that belong to `kind` are given, and `user` if the revocation was limited to the
/// sessions of one user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReceiptTarget)]
pub struct ReceiptTarget {
    /// `session`, `device`, `user`, `users`, `network`, `opened_since`, `subject` or `all`.
    pub kind: String,
    /// The session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// The user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The number of users that were named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<u32>,
    /// A network that contains the revoked one, and that is too large to be the address of a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// The number of bits in the prefix of the revoked network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<u8>,
    /// The moment since which the sessions were opened.
    #[serde(default, with = "optional_moment", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub opened_since: Option<OffsetDateTime>,
    /// The name that an external issuer gives the user, without addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// How far a node has carried the revocation out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReceiptState)]
pub enum NodeState {
    /// The node refuses what was revoked, and its sockets are closed.
    Applied,
    /// The lease of the node has lapsed: before that, the node had stopped to accept requests and frames.
    Lapsed,
    /// The node has not answered.
    Pending,
}

/// A node of the receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReceiptNode)]
pub struct ReceiptNode {
    /// Milliseconds until the node had applied the revocation, or until its lease lapsed: on the node that carried it out from
    /// the request, on other nodes from the commit. Null for a pending node.
    pub after_ms: Option<u64>,
    /// When the node had applied the revocation, or when its lease lapsed. Null for a pending node.
    #[serde(with = "optional_moment")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<OffsetDateTime>,
    /// The process of the server.
    pub node: Uuid,
    /// The sockets that the node closed. Null if they were not counted: by a lapsed or pending node, and by a node that had
    /// missed so many revocations that it judged its sessions instead.
    pub sockets_closed: Option<u32>,
    /// How far it is.
    pub state: NodeState,
}

/// The node that was the last to apply the revocation, or to lapse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReceiptSlowest)]
pub struct Slowest {
    /// Milliseconds, as in the entry of the node.
    pub after_ms: u64,
    /// The node.
    pub node: Uuid,
}

/// What a receipt says of a revocation, apart from the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationFacts {
    /// The id of the revocation.
    pub revocation: RevocationId,
    /// What was revoked.
    pub target: ReceiptTarget,
    /// The cause, for programs.
    pub cause: Cause,
    /// The hash of the reason.
    pub reason_hash: Hash,
    /// The user that requested the revocation; `None` for the server and the command line.
    pub actor: Option<UserId>,
    /// The time of the revocation.
    pub committed_at: OffsetDateTime,
    /// The session that was not ended.
    pub except_session: Option<SessionId>,
    /// The number of sessions that ended; `None` if there were too many to count.
    pub sessions: Option<u32>,
    /// The number of sessions that the role of the actor may not end.
    pub excluded: u32,
    /// Whether the target covers more sessions than one revocation ends.
    pub more: bool,
}

/// The receipt of a revocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Receipt)]
pub struct Receipt {
    /// The user that requested the revocation; null for the server and the command line.
    pub actor: Option<UserId>,
    /// The cause, for programs.
    pub cause: Cause,
    /// The time of the revocation.
    #[serde(with = "moment_text")]
    #[schema(value_type = String, format = DateTime)]
    pub committed_at: OffsetDateTime,
    /// The session that was not ended.
    pub except_session: Option<SessionId>,
    /// The number of sessions that the role of the actor may not end.
    pub excluded: u32,
    /// Whether every node has applied the revocation or has lapsed.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Whether the target covers more sessions than one revocation ends.
    pub more: bool,
    /// The nodes that had a lease when the revocation was committed, or have noted a result, in the order of their ids.
    pub nodes: Vec<ReceiptNode>,
    /// The salted hash of the reason, in base64. The reason stands beside the receipt, so that it can be erased.
    #[serde(with = "encoded_hash::one")]
    #[schema(value_type = String)]
    pub reason_hash: Hash,
    /// The id of the revocation.
    pub revocation: RevocationId,
    /// The number of sessions that ended; null if there were too many to count.
    pub sessions: Option<u32>,
    /// The node that was the last; null without a node.
    pub slowest: Option<Slowest>,
    /// The sum of the sockets that the nodes have counted.
    pub sockets_closed: u64,
    /// What was revoked.
    pub target: ReceiptTarget,
    /// The version of this document: 1.
    pub version: u32,
}

impl Receipt {
    /// The receipt of a revocation, with the sums over its nodes.
    #[must_use]
    pub fn new(facts: RevocationFacts, mut nodes: Vec<ReceiptNode>) -> Self {
        nodes.sort_unstable_by_key(|node| node.node);
        Self {
            version: VERSION,
            revocation: facts.revocation,
            target: facts.target,
            cause: facts.cause,
            reason_hash: facts.reason_hash,
            actor: facts.actor,
            committed_at: facts.committed_at,
            except_session: facts.except_session,
            sessions: facts.sessions,
            excluded: facts.excluded,
            more: facts.more,
            is_final: all_answered(&nodes),
            slowest: slowest(&nodes),
            sockets_closed: sockets_closed(&nodes),
            nodes,
        }
    }

    /// The nodes that have not answered.
    pub fn pending(&self) -> impl Iterator<Item = Uuid> + '_ {
        self.nodes.iter().filter(|node| node.state == NodeState::Pending).map(|node| node.node)
    }

    /// The canonical form: JSON with the members in alphabetical order and without white space.
    #[must_use]
    pub fn canonical(&self) -> String {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => canonical_object(&fields),
            // A structure with texts, numbers and lists is always an object of JSON.
            _ => String::new(),
        }
    }

    /// The hash of the canonical form, as a leaf of the tree of its batch.
    #[must_use]
    pub fn hash(&self) -> Hash {
        leaf_hash(self.canonical().as_bytes())
    }

    /// The first statement of the receipt that its other statements contradict.
    #[must_use]
    pub fn contradiction(&self) -> Option<&'static str> {
        let ordered = self.nodes.is_sorted_by(|one, next| one.node < next.node);
        let in_time = |node: &ReceiptNode| match (node.state, node.after_ms, node.at) {
            (NodeState::Pending, after, at) => after.is_none() && at.is_none(),
            (_, Some(after), Some(at)) => self.committed_at.checked_add(millis(after)) == Some(at),
            (_, _, _) => false,
        };
        let counted = |node: &ReceiptNode| node.state == NodeState::Applied || node.sockets_closed.is_none();
        if !ordered {
            Some("its nodes are not in order, or one is there twice")
        } else if !self.nodes.iter().all(in_time) {
            Some("the time of a node does not fit its milliseconds or its state")
        } else if !self.nodes.iter().all(counted) {
            Some("a node that has not applied the revocation has counted sockets")
        } else if self.is_final != all_answered(&self.nodes) {
            Some("`final` does not fit the states of the nodes")
        } else if self.sockets_closed != sockets_closed(&self.nodes) {
            Some("`sockets_closed` is not the sum over the nodes")
        } else if self.slowest != slowest(&self.nodes) {
            Some("`slowest` is not the slowest node")
        } else {
            None
        }
    }
}

/// A moment after the revocation.
#[must_use]
pub fn after(committed_at: OffsetDateTime, after_ms: u64) -> OffsetDateTime {
    committed_at.saturating_add(millis(after_ms))
}

fn millis(after_ms: u64) -> Duration {
    Duration::milliseconds(i64::try_from(after_ms).unwrap_or(i64::MAX))
}

fn all_answered(nodes: &[ReceiptNode]) -> bool {
    nodes.iter().all(|node| node.state != NodeState::Pending)
}

fn sockets_closed(nodes: &[ReceiptNode]) -> u64 {
    nodes.iter().filter_map(|node| node.sockets_closed).map(u64::from).sum()
}

/// The slowest node; of several, the one with the smallest id.
fn slowest(nodes: &[ReceiptNode]) -> Option<Slowest> {
    let timed = nodes.iter().filter_map(|node| Some(Slowest { after_ms: node.after_ms?, node: node.node }));
    timed.max_by_key(|slowest| (slowest.after_ms, std::cmp::Reverse(slowest.node)))
}

/// A moment as text, in the one form that the audit log uses.
mod moment_text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    use time::{OffsetDateTime, format_description::well_known::Rfc3339};

    use crate::transparency_log::entry::moment;

    pub(super) fn serialize<S: Serializer>(at: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&moment(*at))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<OffsetDateTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        read(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no time of a receipt")))
    }

    pub(super) fn read(text: &str) -> Option<OffsetDateTime> {
        // Another spelling of the same moment would have another hash.
        OffsetDateTime::parse(text, &Rfc3339).ok().filter(|at| moment(*at) == text)
    }
}

/// A moment that may be missing.
mod optional_moment {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    use time::OffsetDateTime;

    use super::moment_text;

    pub(super) fn serialize<S: Serializer>(
        at: &Option<OffsetDateTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => moment_text::serialize(at, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<OffsetDateTime>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let read = moment_text::read(&text);
        read.map(Some).ok_or_else(|| D::Error::custom(format!("`{text}` is no time of a receipt")))
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
pub(crate) mod tests;
