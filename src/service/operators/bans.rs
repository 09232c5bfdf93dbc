//! Bans of addresses and networks: their list, new bans, and their end.

use std::net::IpAddr;

use domain::client::address::{ban_key, limit_key, network_key};
use ipnet::IpNet;
use store::{Ban, BanFilter, Store};
use time::OffsetDateTime;

use super::{
    authority::{Authority, Right},
    read_filters::with_filters,
};
use crate::core::{
    bans::Bans,
    caller::Caller,
    clock::Clock,
    cursor::{cursor_after, read_cursor},
    failure::Failure,
    page::{Page, PageRequest},
    request_meta::RequestMeta,
};

/// Lists, makes and lifts bans.
pub struct OperatorBans {
    store: Store,
    clock: Clock,
    bans: Bans,
    authority: Authority,
}

impl OperatorBans {
    pub(crate) fn new(store: Store, clock: Clock, bans: Bans, authority: Authority) -> Self {
        Self { store, clock, bans, authority }
    }

    /// A page of the bans in force, newest first; with `address` only those that refuse this address.
    ///
    /// # Errors
    /// The errors of `Authority::read`; `BadRequest` for an invalid cursor; `Unavailable`.
    pub async fn list(
        &self,
        caller: &Caller,
        address: Option<IpAddr>,
        page: &PageRequest,
        meta: &RequestMeta,
    ) -> Result<Page<Ban>, Failure> {
        let event = self.authority.event(caller, "bans.searched", meta);
        let event = with_filters(event, &[(address.is_some(), "address")]);
        self.authority.read(caller, Right::Read, event).await?;
        let keys = address.map(|address| {
            (0..64).filter_map(|bits| network_key(address, bits)).chain([limit_key(address)]).collect()
        });
        let filter = BanFilter { keys, before: page.after(read_cursor)?, limit: page.one_more() };
        let bans = self.store.list_bans(filter, self.clock.now()).await?;
        Ok(page.page(bans, |last| cursor_after(last.created_at, &last.key)))
    }

    /// Bans a network until this time. A ban of this network that ends later stays.
    ///
    /// # Errors
    /// The errors of `Authority::change`. `BadRequest` for an end in the past, and for a network that contains the caller's own
    /// address. `Unavailable`.
    pub async fn create(
        &self,
        caller: &Caller,
        network: IpNet,
        until: OffsetDateTime,
        reason: String,
        meta: &RequestMeta,
    ) -> Result<Ban, Failure> {
        let event = self.authority.event(caller, "address.banned", meta).with("key", ban_key(network));
        let mandate = self.authority.change(caller, Right::Operate, event).await?;
        let wrong = if until <= self.clock.now() {
            Some(("invalid_period", "`until` must be in the future."))
        } else if is_banned_by(network, meta.address) {
            Some(("own_address", "Your own address belongs to this network. The ban would lock you out."))
        } else {
            None
        };
        if let Some((code, detail)) = wrong {
            return mandate.conclude(Err(Failure::bad_request(code, detail))).await;
        }
        let (acting, event) = (mandate.acting_session, mandate.event.clone());
        match self.bans.ban_network(network, until, reason, acting, event).await {
            Ok(ban) => Ok(ban),
            Err(error) => Err(mandate.failure(error).await),
        }
    }

    /// Lifts the ban of exactly this network.
    ///
    /// # Errors
    /// The errors of `Authority::change`; `NotFound` if the network is not banned; `Unavailable`.
    pub async fn lift(
        &self,
        caller: &Caller,
        network: IpNet,
        reason: &str,
        meta: &RequestMeta,
    ) -> Result<(), Failure> {
        let event = self.authority.event(caller, "address.unbanned", meta).with("reason", reason);
        let event = event.with("key", ban_key(network));
        let mandate = self.authority.change(caller, Right::Operate, event).await?;
        let (acting, event) = (mandate.acting_session, mandate.event.clone());
        match self.bans.lift_network(network, acting, event).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                let failure = Failure::not_found("This address or network is not banned.");
                mandate.conclude(Err(failure)).await
            }
            Err(error) => Err(mandate.failure(error).await),
        }
    }
}

/// Whether the ban of this network would refuse this address. A ban of a part of an IPv6 /64 refuses the whole /64.
fn is_banned_by(network: IpNet, address: IpAddr) -> bool {
    network.contains(&address.to_canonical()) || limit_key(address) == ban_key(network)
}
