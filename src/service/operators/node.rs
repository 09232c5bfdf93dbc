//! What this node does now, for operators.

use std::sync::Arc;

use actors::{Realtime, runtime::Transport};

use super::authority::{Authority, Right};
use crate::core::{
    caller::Caller,
    failure::Failure,
    node_info::{NodeInfo, NodeStatistics},
    password_hasher::PasswordHasher,
    request_meta::RequestMeta,
};

/// What this node does now. Counts begin at its start.
#[derive(Clone, Debug)]
pub struct NodeFigures {
    /// Its sessions, channels and process.
    pub info: NodeInfo,
    /// The open sockets and streams of each transport, also those without a session.
    pub connections: [(Transport, usize); Transport::ALL.len()],
    /// The publications.
    pub publications: u64,
    /// The deliveries of publications to single subscribers.
    pub deliveries: u64,
    /// The passwords that wait for their hash.
    pub passwords_waiting: usize,
    /// Whether deliveries wait, because the node cannot read revocations.
    pub holds_deliveries: bool,
}

/// Measures this node.
pub struct OperatorNode {
    realtime: Realtime,
    node: Arc<NodeStatistics>,
    hasher: PasswordHasher,
    authority: Authority,
}

impl OperatorNode {
    pub(crate) fn new(
        realtime: Realtime,
        node: Arc<NodeStatistics>,
        hasher: PasswordHasher,
        authority: Authority,
    ) -> Self {
        Self { realtime, node, hasher, authority }
    }

    /// The figures now.
    ///
    /// # Errors
    /// The errors of `Authority::read`.
    pub async fn read(&self, caller: &Caller, meta: &RequestMeta) -> Result<NodeFigures, Failure> {
        let event = self.authority.event(caller, "node.read", meta);
        self.authority.read(caller, Right::Read, event).await?;
        let channels = self.realtime.channels().await;
        let traffic = self.realtime.traffic();
        Ok(NodeFigures {
            info: self.node.info(&channels, self.realtime.counts()),
            connections: Transport::ALL.map(|transport| (transport, traffic.connections(transport))),
            publications: traffic.publications(),
            deliveries: traffic.deliveries(),
            passwords_waiting: self.hasher.waiting(),
            holds_deliveries: self.realtime.holds_deliveries(),
        })
    }
}
