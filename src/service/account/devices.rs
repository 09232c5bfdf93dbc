//! A user's own devices: lists, labels, trusts and forgets them.

use domain::{
    client::device::{TRUST_TTL, Trust},
    shown_name::shown_name,
};
use protocol::{audit::Outcome, close::Cause, id::DeviceId};
use store::{Change, Device, DeviceChange, RevocationRequest, Store, Target};

use super::sessions::Sessions;
use crate::{
    access::{listed_device::ListedDevice, listed_session::ListedSession},
    core::{
        audit::AuditTrail,
        caller::Caller,
        clock::Clock,
        cursor::{cursor_after, read_cursor},
        failure::Failure,
        page::{Page, PageRequest},
        privilege::PrivilegeCheck,
        request_meta::RequestMeta,
    },
    revocation::revoke::{RevocationResult, Revoker},
};

/// A user's change of a device. A field that is `None` is not changed.
#[derive(Clone, Debug, Default)]
pub struct DeviceUpdate {
    /// The label; `Some(None)` removes it.
    pub label: Option<Option<String>>,
    /// Whether the user trusts the device.
    pub trusted: Option<bool>,
}

/// A user's own devices.
pub struct Devices(Parts);

/// The parts of [`Devices`].
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    pub(crate) privilege: PrivilegeCheck,
    pub(crate) sessions: Sessions,
    pub(crate) revoker: Revoker,
}

impl Devices {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// A page of the caller's devices. The device that was seen last comes first.
    ///
    /// # Errors
    /// `BadRequest` for an invalid cursor, `Unavailable`.
    pub async fn list(&self, caller: &Caller, page: &PageRequest) -> Result<Page<ListedDevice>, Failure> {
        let (after, limit) = (page.after(read_cursor)?, page.one_more());
        let devices = self.0.store.devices_of(caller.user, after, limit).await?;
        let devices = page.page(devices, |last| cursor_after(last.last_seen_at, last.id));
        let sessions = self.0.sessions.working(caller).await?;
        Ok(devices.map(|device| self.listed(device, &sessions)))
    }

    fn listed(&self, device: Device, sessions: &[ListedSession]) -> ListedDevice {
        ListedDevice::of(device, sessions, self.0.clock.now())
    }

    /// Changes the label or the trust of one of the caller's devices. Trusting a device requires privilege.
    ///
    /// # Errors
    /// `NotFound` if the caller has no such device. `StepUpRequired` or `Forbidden` without privilege. `BadRequest` for an
    /// invalid label. `Invalid` if the caller's session has ended meanwhile. `Unavailable`.
    pub async fn update(
        &self,
        caller: &Caller,
        id: DeviceId,
        update: DeviceUpdate,
        meta: &RequestMeta,
    ) -> Result<ListedDevice, Failure> {
        let Parts { store, clock, audit, privilege, .. } = &self.0;
        let label = update.label.map(|label| label.as_deref().map(checked_label).transpose()).transpose()?;
        let acting_session = match update.trusted {
            Some(true) => {
                privilege.require(caller).await?;
                caller.privileged_acting_session()
            }
            Some(false) | None => caller.acting_session(),
        };
        if let (None, Some(label)) = (update.trusted, &label) {
            let device = store.device_of(caller.user, id).await?.ok_or_else(no_such_device)?;
            if device.label == *label {
                return Ok(self.listed(device, &self.0.sessions.working(caller).await?));
            }
        }
        let now = clock.now();
        let trust = update.trusted.map(|trusted| match trusted {
            true => (Trust::Trusted, Some(now + TRUST_TTL)),
            false => (Trust::New, None),
        });
        let mut event = audit.caller_event(caller, "device.changed", Outcome::Success, meta);
        event.device = Some(id);
        if let Some((trust, _)) = trust {
            event = event.with("trust", trust.as_str());
        }
        let change = DeviceChange { label, trust };
        let changed = match store.change_device(acting_session, id, change, now, event).await {
            Ok(changed) => changed.ok_or_else(no_such_device)?,
            Err(error) => return Err(privilege.failure(caller.user, error).await),
        };
        Ok(self.listed(changed, &self.0.sessions.working(caller).await?))
    }

    /// Forgets one of the caller's devices and ends the caller's sessions on it. At the next sign-in, the device counts as new.
    ///
    /// # Errors
    /// `NotFound` if the caller has no such device, `Invalid` if the caller's session has ended meanwhile, `Unavailable`.
    pub async fn forget(
        &self,
        caller: &Caller,
        id: DeviceId,
        meta: &RequestMeta,
    ) -> Result<RevocationResult, Failure> {
        let Parts { store, clock, audit, revoker, .. } = &self.0;
        store.device_of(caller.user, id).await?.ok_or_else(no_such_device)?;
        let mut event = audit.caller_event(caller, "device.forgotten", Outcome::Success, meta);
        event.device = Some(id);
        event.session = None;
        revoker
            .revoke(RevocationRequest {
                acting_session: Some(caller.acting_session()),
                only_user: Some(caller.user),
                reason: "forgotten by its user".to_owned(),
                actor: Some(caller.user),
                change: Some(Change::ForgetDevice),
                audit: event.with("by_session", caller.session.to_string()),
                ..RevocationRequest::new(Target::Device(id), Cause::DeviceRemoved, clock.now())
            })
            .await
    }
}

fn no_such_device() -> Failure {
    Failure::not_found("You have no such device.")
}

/// The label, trimmed, if it is valid.
fn checked_label(label: &str) -> Result<String, Failure> {
    shown_name(label).ok_or_else(|| {
        let detail = "A label has 1 to 100 characters, and no invisible characters.";
        Failure::bad_request("invalid_label", detail)
    })
}
