//! What this program reads of a receipt of a revocation.

use serde::Deserialize;

/// A receipt with its proofs, which are not read.
#[derive(Debug, Deserialize)]
pub(crate) struct SignedReceipt {
    pub(crate) receipt: Receipt,
}

/// A receipt.
#[derive(Debug, Deserialize)]
pub(crate) struct Receipt {
    /// Whether every node has answered.
    #[serde(rename = "final")]
    pub(crate) is_final: bool,
    /// The id of the revocation.
    pub(crate) revocation: i64,
    /// The sockets that all nodes closed.
    pub(crate) sockets_closed: usize,
    pub(crate) nodes: Vec<Node>,
}

/// A node of a receipt.
#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    /// `None` if the node has not counted them.
    pub(crate) sockets_closed: Option<usize>,
}
