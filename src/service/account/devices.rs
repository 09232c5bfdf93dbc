//! A user's own devices: seeing them, naming them, trusting them, forgetting one.

use protocol::{audit::Outcome, close::Cause, id::DeviceId};

use crate::{Caller, Failure, Meta, Revoked, Services};
use domain::client::device::{TRUST_TTL, Trust};
use store::{Change, Device, DeviceChange, RevocationRequest, Target};

/// The longest label, in characters.
const LABEL_CHARS: usize = 100;

/// A device with what this node knows of it.
#[derive(Clone, Debug)]
pub struct DeviceListed {
    /// The device; its trust is what is left of it now.
    pub device: Device,
    /// Working sessions on it.
    pub sessions: usize,
    /// Their open sockets on this node.
    pub open_connections: usize,
}

/// What a user wants a device to be.
#[derive(Clone, Debug, Default)]
pub struct DeviceWish {
    /// What it is called; `Some(None)` for nothing of its own.
    pub label: Option<Option<String>>,
    /// Whether it is trusted.
    pub trusted: Option<bool>,
}

impl Services {
    /// The caller's devices, the last seen first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn own_devices(&self, caller: &Caller) -> Result<Vec<DeviceListed>, Failure> {
        let devices = self.store.devices_of(caller.user).await?;
        let sessions = self.own_sessions(caller).await?;
        let listed = devices.into_iter().map(|device| {
            let on_it = sessions.iter().filter(|listed| listed.session.device == device.id);
            let (sessions, open_connections) =
                on_it.fold((0, 0), |(count, open), listed| (count + 1, open + listed.open_connections));
            DeviceListed { device: self.as_of_now(device), sessions, open_connections }
        });
        Ok(listed.collect())
    }

    /// Names or trusts one of the caller's devices, or takes trust back. To trust one takes a recent proof of presence.
    ///
    /// # Errors
    /// `NotFound` if the caller has no such device, `Forbidden` without a recent proof, `BadRequest` for a label that
    /// cannot be, `Invalid` if the caller's session ended meanwhile, `Unavailable`.
    pub async fn change_device(
        &self,
        caller: &Caller,
        id: DeviceId,
        wish: DeviceWish,
        meta: &Meta,
    ) -> Result<DeviceListed, Failure> {
        let label = wish.label.map(|label| label.as_deref().map(checked).transpose()).transpose()?;
        let acting_session = match wish.trusted {
            Some(true) => {
                self.require_privilege(caller).await?;
                caller.privileged_acting_session()
            }
            Some(false) | None => caller.acting_session(),
        };
        let now = self.clock.now();
        let trust = wish.trusted.map(|trusted| match trusted {
            true => (Trust::Trusted, Some(now + TRUST_TTL)),
            false => (Trust::New, None),
        });
        let mut event = self.event_of(caller, "device.changed", Outcome::Success, meta);
        event.device = Some(id);
        if let Some((trust, _)) = trust {
            event = event.with("trust", trust.as_str());
        }
        let change = DeviceChange { label, trust };
        let changed = self.store.change_device(acting_session, id, change, now, event).await?;
        let changed = changed.ok_or_else(no_such_device)?;
        let listed = self.own_devices(caller).await?.into_iter().find(|listed| listed.device.id == id);
        Ok(listed.unwrap_or(DeviceListed { device: changed, sessions: 0, open_connections: 0 }))
    }

    /// Forgets one of the caller's devices and ends their sessions on it. If it comes back, it is new.
    ///
    /// # Errors
    /// `NotFound` if the caller has no such device, `Invalid` if the caller's session ended meanwhile, `Unavailable`.
    pub async fn forget_device(
        &self,
        caller: &Caller,
        id: DeviceId,
        meta: &Meta,
    ) -> Result<Revoked, Failure> {
        self.store.device_of(caller.user, id).await?.ok_or_else(no_such_device)?;
        let mut event = self.event_of(caller, "device.forgotten", Outcome::Success, meta);
        event.device = Some(id);
        event.session = None;
        self.revoke(RevocationRequest {
            acting_session: Some(caller.acting_session()),
            only_user: Some(caller.user),
            reason: "forgotten by its user".to_owned(),
            actor: Some(caller.user),
            change: Some(Change::ForgetDevice),
            audit: event.with("by_session", caller.session.to_string()),
            ..RevocationRequest::new(Target::Device(id), Cause::DeviceRemoved, self.clock.now())
        })
        .await
    }

    /// The device with what is left of its trust.
    fn as_of_now(&self, device: Device) -> Device {
        let trust = device.trust.at(device.trusted_until, self.clock.now());
        let trusted_until = device.trusted_until.filter(|_| trust != Trust::New);
        Device { trust, trusted_until, ..device }
    }
}

fn no_such_device() -> Failure {
    Failure::not_found("You have no such device.")
}

/// A label without surrounding space.
fn checked(label: &str) -> Result<String, Failure> {
    let trimmed = label.trim();
    let fits = (1..=LABEL_CHARS).contains(&trimmed.chars().count());
    if !fits || trimmed.chars().any(char::is_control) {
        return Err(Failure::bad_request(
            "invalid_label",
            "A label has 1 to 100 characters and no control characters.",
        ));
    }
    Ok(trimmed.to_owned())
}
