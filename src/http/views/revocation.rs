//! Revocations: the result of a revocation, and revocations in the lists of operators.

use protocol::{
    close::Cause,
    id::{DeviceId, RevocationId, SessionId, UserId},
};
use serde::Serialize;
use service::{ListedRevocation, NodeProgress, RevocationProgress, RevocationResult};
use utoipa::ToSchema;
use uuid::Uuid;

use super::moment::moment;

/// The answer of every route that revokes.
#[derive(Serialize, ToSchema)]
#[schema(as = Revoked)]
pub(crate) struct RevocationView {
    /// How many sockets are not closed yet.
    pending: usize,
    /// The number of the revocation; null if there was nothing to end.
    revocation_id: Option<RevocationId>,
    /// How many sessions ended; null if there were too many to count.
    sessions: Option<usize>,
    /// How many sockets are closed.
    sockets_closed: usize,
}

impl RevocationView {
    /// The view of this result.
    pub(crate) fn of(revoked: &RevocationResult) -> Self {
        Self {
            pending: revoked.pending,
            revocation_id: revoked.id,
            sessions: revoked.sessions,
            sockets_closed: revoked.sockets_closed,
        }
    }
}

/// The answer to an operator.
#[derive(Serialize, ToSchema)]
#[schema(as = OperatorRevoked)]
pub(crate) struct OperatorRevocationView {
    /// How many sessions the operator's role may not end.
    excluded: u32,
    /// Whether the same request would end further sessions.
    more: bool,
    #[serde(flatten)]
    revoked: RevocationView,
}

impl OperatorRevocationView {
    /// The view of this result.
    pub(crate) fn of(revoked: &RevocationResult) -> Self {
        let left = &revoked.left;
        Self { excluded: left.excluded, more: left.more, revoked: RevocationView::of(revoked) }
    }
}

/// A revocation in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = ListedRevocation)]
pub(crate) struct ListedRevocationView<'r> {
    /// The user that requested the revocation; null for the server itself.
    actor: Option<UserId>,
    cause: Cause,
    #[schema(value_type = String, format = DateTime)]
    created_at: Option<String>,
    device: Option<DeviceId>,
    /// The session that was not ended.
    except_session: Option<SessionId>,
    /// The number of sessions that the operator's role may not end.
    excluded: u32,
    id: RevocationId,
    /// Whether the target covered more sessions than one revocation ends.
    more: bool,
    network: Option<&'r str>,
    #[schema(value_type = Option<String>, format = DateTime)]
    opened_since: Option<String>,
    reason: &'r str,
    /// The kind of target.
    scope: &'r str,
    session: Option<SessionId>,
    /// The number of sessions that ended.
    sessions: u32,
    subject: Option<&'r str>,
    user: Option<UserId>,
    /// The number of users that were named, if the target was a list of users.
    users: Option<u32>,
}

impl<'r> ListedRevocationView<'r> {
    /// The view of this revocation.
    pub(crate) fn of(listed: &'r ListedRevocation) -> Self {
        Self {
            actor: listed.actor,
            cause: listed.cause,
            created_at: moment(listed.at),
            device: listed.device,
            except_session: listed.except,
            excluded: listed.excluded,
            id: listed.id,
            more: listed.more,
            network: listed.network.as_deref(),
            opened_since: listed.opened_since.and_then(moment),
            reason: &listed.reason,
            scope: &listed.scope,
            session: listed.session,
            sessions: listed.sessions,
            subject: listed.subject.as_deref(),
            user: listed.user,
            users: listed.users,
        }
    }
}

/// A revocation, and how far each node has carried it out.
#[derive(Serialize, ToSchema)]
#[schema(as = RevocationProgress)]
pub(crate) struct ProgressView<'r> {
    /// Null if the progress of this revocation is not stored.
    nodes: Option<Vec<NodeView<'r>>>,
    pending: Option<u64>,
    /// `pending` until every node has carried the revocation out, then `complete`. Null if the revocation gets no receipt, because
    /// it was made before the server wrote receipts.
    receipt: Option<&'static str>,
    #[serde(flatten)]
    revocation: ListedRevocationView<'r>,
    sockets_closed: Option<u64>,
}

/// How far a node has carried a revocation out.
#[derive(Serialize, ToSchema)]
#[schema(as = NodeProgress)]
struct NodeView<'r> {
    /// Milliseconds from the request until the sockets were closed; on other nodes, from the time of the revocation.
    after_ms: Option<u64>,
    node: Uuid,
    /// The number of sockets that did not close in time.
    pending: u32,
    sockets_closed: u32,
    /// `closing`, `closed`, or `incomplete` if sockets did not close in time.
    state: &'r str,
}

impl<'r> ProgressView<'r> {
    /// The view of this progress.
    pub(crate) fn of(found: &'r RevocationProgress) -> Self {
        let reported = found.revocation.reported;
        let sum =
            |of: fn(&NodeProgress) -> u32| found.nodes.iter().map(|node| u64::from(of(node))).sum::<u64>();
        Self {
            nodes: reported.then(|| found.nodes.iter().map(NodeView::of).collect()),
            pending: reported.then(|| sum(|node| node.pending)),
            receipt: found.receipt.map(|written| if written { "complete" } else { "pending" }),
            revocation: ListedRevocationView::of(&found.revocation),
            sockets_closed: reported.then(|| sum(|node| node.sockets_closed)),
        }
    }
}

impl<'r> NodeView<'r> {
    fn of(node: &'r NodeProgress) -> Self {
        Self {
            after_ms: node.after_ms,
            node: node.node,
            pending: node.pending,
            sockets_closed: node.sockets_closed,
            state: &node.state,
        }
    }
}
