//! [`SocketContext`]: what all handshakes and connections of this node share.
//!
//! The composition root makes one context for the whole process.

use std::{net::IpAddr, sync::Arc, time::Instant};

use actors::{
    Realtime,
    runtime::{LiveSettings, Outbox},
};
use arc_swap::Guard;
use dashmap::DashMap;
use domain::client::{address, origin::Origins};
use logic::{client::Identity, tally::Series};
use protocol::{
    Payload,
    audit::{AuditEvent, Outcome},
    channel_name::ChannelName,
    close::{CloseMessage, CloseReason},
    id::{ConnectionId, DeviceId, Subject},
};
use service::Services;

use super::{
    admission::{
        connection_limits::Permits,
        durable_quota::{DurableLimits, DurableQuota},
        publish_limit::PublishLimiter,
    },
    settings::SocketSettings,
};

/// Services, limits and settings for all connections.
pub struct SocketContext {
    pub(crate) services: Services,
    pub(crate) realtime: Realtime,
    pub(crate) permits: Arc<Permits>,
    publish_limiter: PublishLimiter,
    durable_quota: DurableQuota,
    pub(crate) settings: SocketSettings,
    pub(crate) origins: Origins,
    /// Connections without a session. A shutdown must reach them, too.
    unregistered: DashMap<ConnectionId, Outbox>,
}

impl SocketContext {
    /// A context without connections.
    #[must_use]
    pub fn new(
        services: Services,
        realtime: Realtime,
        settings: SocketSettings,
        origins: Origins,
    ) -> Arc<Self> {
        let permits = Arc::new(Permits::new(realtime.live().clone()));
        Arc::new(Self {
            publish_limiter: PublishLimiter::new(),
            durable_quota: DurableQuota::new(),
            services,
            realtime,
            permits,
            settings,
            origins,
            unregistered: DashMap::new(),
        })
    }

    /// Counts a publication of this user towards the rate limit and, in a durable channel, towards the quota. Returns false if
    /// one of them is exceeded.
    pub(crate) fn may_publish(&self, user: &Subject, channel: &ChannelName, data: &Payload) -> bool {
        let (now, live) = (Instant::now(), self.live());
        let durable = live.namespaces().options(channel).is_ok_and(|options| options.durable);
        let limits = &live.limits;
        let quota = || {
            let (bytes, channels) = (limits.durable_bytes_user, limits.durable_channels_user);
            let limits = DurableLimits { bytes, channels };
            self.durable_quota.allow(&limits, user, channel, data.as_bytes().len(), now)
        };
        let exceeded = if !self.publish_limiter.allow(&limits.publication_user, user, now) {
            Some(limits.publication_user.name)
        } else if durable {
            quota().err()
        } else {
            None
        };
        if let Some(limit) = exceeded {
            self.realtime.tally().count(Series::Limits, limit, 1);
        }
        exceeded.is_none()
    }

    /// The settings that a reload replaces, as they are now.
    pub(crate) fn live(&self) -> Guard<Arc<LiveSettings>> {
        self.realtime.live().load()
    }

    /// The number of open sockets.
    #[must_use]
    pub fn open_sockets(&self) -> usize {
        self.permits.open()
    }

    /// Closes every connection that belongs to no session. The other connections are closed with their sessions.
    pub fn close_unregistered(&self) {
        for outbox in &self.unregistered {
            outbox.close(CloseReason::Shutdown);
        }
    }

    /// Adds a connection without a session.
    pub(crate) fn add_unregistered(&self, connection: ConnectionId, outbox: Outbox) {
        self.unregistered.insert(connection, outbox);
    }

    /// Removes a connection that has a session now, or has ended.
    pub(crate) fn remove_unregistered(&self, connection: ConnectionId) {
        self.unregistered.remove(&connection);
    }

    /// Whether this address is that of a trusted proxy.
    pub(crate) fn is_trusted_proxy(&self, address: IpAddr) -> bool {
        let address = address::canonical(address);
        self.live().trusted_proxies.iter().any(|network| network.contains(&address))
    }

    /// Whether this node is current, so that sessions can be trusted.
    pub(crate) fn accepting(&self) -> bool {
        self.services.revocation.is_current()
    }

    /// Records in the audit trail that a socket was opened or closed.
    pub(crate) fn audit(
        &self,
        event: &str,
        connection: ConnectionId,
        address: IpAddr,
        identity: &Identity,
        device: Option<DeviceId>,
        reason: Option<&CloseMessage>,
    ) {
        let mut event = AuditEvent::new(event, Outcome::Success, self.now_ms());
        event.actor = identity.account;
        event.user = identity.account;
        event.session = Some(identity.session);
        event.device = device;
        event.connection = Some(connection);
        event.address = Some(address);
        if let Some(reason) = reason {
            event = event.with("code", reason.code()).with("reason", reason.text().to_owned());
        }
        if identity.account.is_none() {
            event.subject = Some(identity.subject.to_string());
        }
        self.realtime.note(event);
    }

    /// The current time in seconds since the epoch.
    pub(crate) fn unix_seconds(&self) -> i64 {
        self.services.clock.now().unix_timestamp()
    }

    /// The current time in milliseconds since the epoch.
    pub(crate) fn now_ms(&self) -> i64 {
        let millis = self.services.clock.now().unix_timestamp_nanos() / 1_000_000;
        i64::try_from(millis).unwrap_or(i64::MAX)
    }
}
