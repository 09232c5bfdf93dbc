//! Registers the users that have no account yet, and signs all users in, a few at a time.
//!
//! A password hash costs the server tens of milliseconds, so signing in many users takes long. Prepared sessions avoid this.

use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    failure::Failure,
    prepared,
    report::progress,
    rest::{Rest, Tokens},
    session::Session,
    target::{Login, Target},
};

/// The flags for users and their sessions.
#[derive(Args)]
pub(crate) struct AccountArgs {
    /// Use the sessions that `loadtest prepare` signed in, instead of signing in now.
    #[arg(long)]
    prepared: bool,
    /// Skips the prepared sessions of this many users, counted from the first, for example because an earlier run has ended
    /// these sessions.
    #[arg(long, default_value_t = 0, requires = "prepared")]
    skip_users: usize,
    /// The number of sessions of each user. Each one is signed in separately [default: 1, for `idle` and `prepare` 4].
    #[arg(long, conflicts_with = "prepared", value_parser = clap::value_parser!(u32).range(1..))]
    sessions_per_user: Option<u32>,
    /// Users register as `<prefix>-<number>@load.test`.
    #[arg(long, default_value = "load")]
    prefix: String,
    /// The password of all users.
    #[arg(long, default_value = "velvet-otter-92-quarry-lamp", env = "LOADTEST_PASSWORD")]
    password: String,
    /// The number of sign-ins at the same time.
    #[arg(long, default_value_t = 8)]
    sign_ins: usize,
}

impl AccountArgs {
    /// Whether to use the sessions that an earlier run signed in.
    pub(crate) fn prepared(&self) -> bool {
        self.prepared
    }

    /// The prepared sessions of the first `users` users (without the users that `--skip-users` skips), or new sessions; in the
    /// order of the users.
    pub(crate) async fn sessions(
        &self,
        target: &Target,
        users: usize,
        each: u32,
    ) -> Result<Vec<Session>, Failure> {
        if !self.prepared {
            return self.sign_in(target, users, each).await;
        }
        let mut sessions = prepared::load(target)?.sessions(target);
        sessions.retain(|session| (self.skip_users..users).contains(&session.user));
        Ok(sessions)
    }

    /// Signs in the sessions of `users` users, in the order of the users. `each` is the number of sessions of a user, unless
    /// `--sessions-per-user` gives another number.
    pub(crate) async fn sign_in(
        &self,
        target: &Target,
        users: usize,
        each: u32,
    ) -> Result<Vec<Session>, Failure> {
        let each = self.sessions_per_user.unwrap_or(each);
        let bar = progress("signing in", users * each as usize);
        let all = stream::iter(0..users)
            .map(|user| {
                let bar = &bar;
                async move {
                    let source = target.source(user);
                    let rest = Rest::new(target, source)?;
                    let mut sessions = Vec::new();
                    for _ in 0..each {
                        let tokens = self.sign_in_one(&rest, user).await?;
                        sessions.push(Session { user, source, tokens });
                        bar.inc(1);
                    }
                    Ok::<_, Failure>(sessions)
                }
            })
            .buffered(self.sign_ins.max(1));
        let sessions = all.try_concat().await?;
        bar.finish();
        Ok(sessions)
    }

    /// The login of the user with an address of the prefix and this name. All users have the same password.
    pub(crate) fn login(&self, name: &str) -> Login {
        Login::new(format!("{}-{name}@load.test", self.prefix), self.password.clone())
    }

    async fn sign_in_one(&self, rest: &Rest<'_>, user: usize) -> Result<Tokens, Failure> {
        let login = self.login(&user.to_string());
        if let Some(tokens) = rest.sign_in(&login).await? {
            return Ok(tokens);
        }
        rest.register(&login).await?;
        let tokens = rest.sign_in(&login).await?;
        tokens.ok_or_else(|| format!("{} was registered a moment ago and cannot sign in", login.email).into())
    }
}
