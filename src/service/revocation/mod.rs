//! The end of trust: revokes sessions, and denies users and tokens.
//!
//! Every revocation goes through [`revoke::Revoker`]. This module depends only on `core` and `access`.

pub(crate) mod denials;
pub(crate) mod erasure_requests;
pub(crate) mod in_flight_revocations;
pub(crate) mod progress_notes;
pub(crate) mod revoke;

use std::sync::Arc;

use denials::Denials;
use domain::account::erasure::ErasureRules;
use erasure_requests::ErasureRequests;
use in_flight_revocations::InFlightRevocations;
use progress_notes::ProgressNotes;
use revoke::Revoker;
use uuid::Uuid;

use crate::{
    access::{Access, feed_state::FeedState},
    core::Core,
};

/// The capability to end trust.
pub struct Revocation {
    /// Revokes sessions.
    pub revoker: Revoker,
    /// Denies users and tokens.
    pub denials: Denials,
    pub(crate) erasures: ErasureRequests,
    pub(crate) in_flight: Arc<InFlightRevocations>,
    pub(crate) notes: ProgressNotes,
    pub(crate) feed: Arc<FeedState>,
}

impl Revocation {
    /// `node` is the id of this process.
    pub(crate) fn new(core: &Core, access: &Access, node: Uuid, erasure: ErasureRules) -> Self {
        let Core { store, realtime, clock, .. } = core;
        let in_flight = Arc::new(InFlightRevocations::default());
        let (verifier, notes) = (access.verifier.clone(), ProgressNotes::default());
        let revoker = Revoker::new(core, verifier, Arc::clone(&in_flight), notes.clone(), node);
        let issuers = Arc::clone(&access.issuers);
        let denials = Denials::new(store.clone(), realtime.clone(), clock.clone(), issuers, revoker.clone());
        let erasures = ErasureRequests::new(store.clone(), clock.clone(), revoker.clone(), erasure);
        Self { revoker, denials, erasures, in_flight, notes, feed: Arc::clone(&access.feed) }
    }

    /// Whether this node has carried out every revocation that committed more than a second ago, so that it may answer from
    /// memory.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.feed.is_current()
    }
}
