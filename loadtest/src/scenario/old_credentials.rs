//! The check after a revocation: no old credential is accepted anywhere.

use futures_util::{StreamExt as _, stream};

use crate::{
    connections::handshake_status,
    failure::Failure,
    report::{Report, progress},
    rest::Rest,
    session::Session,
    target::Target,
};

/// The number of sessions with old credentials that are tried at the same time.
const TRIES_AT_ONCE: usize = 8;

/// Tries the old credentials of the first `users` users with REST, a handshake and a refresh. All must be rejected with 401.
pub(crate) async fn try_old_credentials(
    target: &Target,
    sessions: &[Session],
    users: usize,
    report: &mut Report,
) -> Result<(), Failure> {
    let revoked: Vec<&Session> = sessions.iter().filter(|session| session.user < users).collect();
    let bar = progress("old tokens", revoked.len());
    let mut tries = stream::iter(revoked)
        .map(|session| async move {
            let rest = Rest::new(target, session.source)?;
            let rest_status = rest.profile_status(&session.tokens).await?;
            let handshake = handshake_status(target, session).await?;
            let refresh = rest.refresh_status(&session.tokens).await?;
            Ok::<_, Failure>((session.user, [rest_status, handshake, refresh]))
        })
        .buffer_unordered(TRIES_AT_ONCE);
    while let Some(answer) = tries.next().await {
        let (user, statuses) = answer?;
        report.check(statuses == [401; 3], || {
            format!(
                "the old credentials of user {user} got REST {}, handshake {}, refresh {}",
                statuses[0], statuses[1], statuses[2]
            )
        });
        bar.inc(1);
    }
    bar.finish();
    Ok(())
}
