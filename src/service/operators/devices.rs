//! Devices of users, for operators: list, show, end the trust in a device, forget it.
//!
//! `authority` decides what a caller may do. Reads are audited, because they show personal data.

use protocol::{
    audit::AuditEvent,
    close::Cause,
    id::{DeviceId, UserId},
};
use store::{Change, RevocationRequest, Store, Target};

use super::{
    account_changes::no_such_user,
    authority::{Authority, Mandate, Right},
};
use crate::{
    access::{
        listed_device::ListedDevice,
        listed_session::{ListedSession, SessionListing},
    },
    core::{
        caller::Caller,
        clock::Clock,
        cursor::{cursor_after, read_cursor},
        failure::Failure,
        page::{Page, PageRequest},
        request_meta::RequestMeta,
    },
    revocation::revoke::{RevocationResult, Revoker},
};

/// The most sessions that are counted for the devices of a user.
const COUNTED: u32 = 1_000;

/// Reads and changes the devices of users.
pub struct UserDevices {
    store: Store,
    clock: Clock,
    authority: Authority,
    listing: SessionListing,
    revoker: Revoker,
}

impl UserDevices {
    pub(super) fn new(
        store: Store,
        clock: Clock,
        authority: Authority,
        listing: SessionListing,
        revoker: Revoker,
    ) -> Self {
        Self { store, clock, authority, listing, revoker }
    }

    /// A page of the devices of a user. The device that was seen last comes first.
    ///
    /// # Errors
    /// The refusals of `authority`, `NotFound` if there is no such user, `BadRequest` for an invalid cursor, `Unavailable`.
    pub async fn list(
        &self,
        caller: &Caller,
        user: UserId,
        page: &PageRequest,
        meta: &RequestMeta,
    ) -> Result<Page<ListedDevice>, Failure> {
        let event = of_user(self.authority.event(caller, "devices.searched", meta), user);
        self.authority.read(caller, Right::Read, event).await?;
        self.store.user_by_id(user).await?.ok_or_else(no_such_user)?;
        let devices = self.store.devices_of(user, page.after(read_cursor)?, page.one_more()).await?;
        let devices = page.page(devices, |last| cursor_after(last.last_seen_at, last.id));
        let (sessions, now) = (self.sessions_of(user).await?, self.clock.now());
        Ok(devices.map(|device| ListedDevice::of(device, &sessions, now)))
    }

    /// One device of a user.
    ///
    /// # Errors
    /// The refusals of `authority`, `NotFound`, `Unavailable`.
    pub async fn show(
        &self,
        caller: &Caller,
        user: UserId,
        device: DeviceId,
        meta: &RequestMeta,
    ) -> Result<ListedDevice, Failure> {
        let event = of_user(self.authority.event(caller, "device.read", meta), user);
        self.authority.read(caller, Right::Read, AuditEvent { device: Some(device), ..event }).await?;
        let found = self.store.device_of(user, device).await?.ok_or_else(no_such_device)?;
        Ok(ListedDevice::of(found, &self.sessions_of(user).await?, self.clock.now()))
    }

    /// Ends the trust in a device: the next sign-in on it needs the second factor. Its sessions stay.
    ///
    /// # Errors
    /// The refusals of `authority`, `NotFound`, `Unavailable`.
    pub async fn distrust(
        &self,
        caller: &Caller,
        user: UserId,
        device: DeviceId,
        reason: String,
        meta: &RequestMeta,
    ) -> Result<ListedDevice, Failure> {
        let mandate = self.mandate_for(caller, "device.distrusted", user, device, meta).await?;
        let (acting, event) = (mandate.acting_session, mandate.event.clone().with("reason", reason));
        let now = self.clock.now();
        let changed =
            self.store.distrust_device_for(acting, (user, device), mandate.roles(), now, event).await;
        match changed {
            Ok(changed) => {
                let device = mandate.conclude(changed.ok_or_else(no_such_device)).await?;
                Ok(ListedDevice::of(device, &self.sessions_of(user).await?, now))
            }
            Err(error) => Err(mandate.failure(error).await),
        }
    }

    /// Forgets a device of a user, and ends the user's sessions on it. At the next sign-in, the device counts as new.
    ///
    /// # Errors
    /// The refusals of `authority`, `NotFound`, `Unavailable`.
    pub async fn forget(
        &self,
        caller: &Caller,
        user: UserId,
        device: DeviceId,
        reason: String,
        meta: &RequestMeta,
    ) -> Result<RevocationResult, Failure> {
        let mandate = self.mandate_for(caller, "device.forgotten", user, device, meta).await?;
        let order = RevocationRequest {
            acting_session: Some(mandate.acting_session),
            only_user: Some(user),
            only_roles: Some(mandate.roles()),
            reason,
            actor: Some(mandate.actor()),
            change: Some(Change::ForgetDevice),
            audit: mandate.event.clone(),
            ..RevocationRequest::new(Target::Device(device), Cause::DeviceRemoved, self.clock.now())
        };
        match self.revoker.revoke(order).await {
            Ok(revoked) if revoked.id.is_none() => mandate.conclude(Err(no_such_device())).await,
            Ok(revoked) => Ok(revoked),
            Err(failure) => Err(mandate.settle(failure).await),
        }
    }

    /// The permission to act on this device of this user.
    async fn mandate_for(
        &self,
        caller: &Caller,
        name: &str,
        user: UserId,
        device: DeviceId,
        meta: &RequestMeta,
    ) -> Result<Mandate, Failure> {
        let event = of_user(self.authority.event(caller, name, meta), user);
        let event = AuditEvent { device: Some(device), ..event };
        let mandate = self.authority.change(caller, Right::Operate, event).await?;
        let owner = self.store.user_by_id(user).await?.ok_or_else(no_such_user);
        mandate.act_on(&mandate.conclude(owner).await?).await?;
        let found = self.store.device_of(user, device).await?.ok_or_else(no_such_device);
        mandate.conclude(found).await?;
        Ok(mandate)
    }

    /// The sessions of a user that have neither been revoked nor reached their end.
    async fn sessions_of(&self, user: UserId) -> Result<Vec<ListedSession>, Failure> {
        let now = self.clock.now();
        let sessions = self.store.sessions_of(user, None, COUNTED).await?;
        let open = sessions.into_iter().filter(|session| session.expires_at > now);
        Ok(open.map(|session| self.listing.of(session)).collect())
    }
}

fn of_user(event: AuditEvent, user: UserId) -> AuditEvent {
    AuditEvent { user: Some(user), ..event }
}

fn no_such_device() -> Failure {
    Failure::not_found("The user has no such device.")
}
