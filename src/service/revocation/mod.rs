//! The end of trust: revokes sessions, and denies users and tokens.
//!
//! Everything that ends a session goes through [`revoke::Revoker`]. Depends on `core` and `access`.

pub(crate) mod denials;
pub(crate) mod in_flight_revocations;
pub(crate) mod revoke;

use std::sync::Arc;

use denials::Denials;
use in_flight_revocations::InFlightRevocations;
use revoke::Revoker;

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
    pub(crate) in_flight: Arc<InFlightRevocations>,
    pub(crate) feed: Arc<FeedState>,
}

impl Revocation {
    pub(crate) fn new(core: &Core, access: &Access) -> Self {
        let Core { store, realtime, clock, privilege, .. } = core;
        let in_flight = Arc::new(InFlightRevocations::default());
        let revoker = Revoker::new(
            store.clone(),
            realtime.clone(),
            access.verifier.clone(),
            privilege.clone(),
            Arc::clone(&in_flight),
        );
        let issuers = Arc::clone(&access.issuers);
        let denials = Denials::new(store.clone(), realtime.clone(), clock.clone(), issuers, revoker.clone());
        Self { revoker, denials, in_flight, feed: Arc::clone(&access.feed) }
    }

    /// Whether this node knows every revocation that committed more than a second ago, so that it may answer from memory.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.feed.is_current()
    }
}
