//! The sweep: what time has ended is revoked like everything else, and what nobody needs any more is forgotten.
//!
//! Runs on the database's runtime. Nothing waits for it: an expired session is refused whether it was swept or not; the
//! sweep closes its sockets and writes its end down.

use std::{sync::Weak, time::Duration};

use portcullis_actors::{
    audit::{AuditEvent, Outcome},
    close::Cause,
};
use tokio::sync::watch;

use super::{Failure, Parts, Services};
use crate::store::{Order, Target};

/// How often.
const EVERY: Duration = Duration::from_secs(30);
/// Signs of life are written late; an idle session is given this much longer before its end is written down.
const GRACE: Duration = Duration::from_secs(15);

/// Sweeps until told to stop, or until the services are gone.
pub(super) async fn run(parts: Weak<Parts>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let Some(services) = parts.upgrade().map(Services) else {
            return;
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            swept = services.sweep() => {
                if let Err(error) = swept {
                    tracing::debug!(%error, "the sweep was cut short");
                }
            }
        }
    }
}

impl Services {
    /// One sweep.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached; the next sweep does what was left.
    pub async fn sweep(&self) -> Result<(), Failure> {
        let now = self.clock.now();
        let open = self.realtime.sessions_with_sockets();
        // Only those with a connection count as open; the list may name some that are just closing.
        let open: Vec<_> =
            open.into_iter().filter(|session| self.realtime.open_connections(*session) > 0).collect();
        self.store.touch_open(open.clone(), now).await?;
        let idle = self.settings.sessions.idle + GRACE;
        for session in self.store.expired_sessions(now, idle, open).await? {
            let order = Order {
                reason: "expired".to_owned(),
                audit: AuditEvent::new("session.expired", Outcome::Success, self.clock.now_ms()),
                ..Order::new(Target::Session(session), Cause::SessionExpired, now)
            };
            self.revoke(order).await?;
        }
        self.store.delete_expired_tickets(now).await?;
        self.realtime.purge();
        self.verifier.purge();
        Ok(())
    }
}
