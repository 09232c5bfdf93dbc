//! `prepare`: signs users in for later runs. The server can be restarted before those runs: sessions and tokens stay
//! valid, and the memory that hashing used is free again.

use clap::Args as ClapArgs;

use crate::{
    accounts::AccountArgs, failure::Failure, prepared::Prepared, process::Process, report::Report,
    target::TargetArgs,
};

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    accounts: AccountArgs,
    /// The number of users. With four sessions each, 150 users can have 9,000 connections: 15 per session, 60 per user.
    #[arg(long, default_value_t = 150)]
    users: usize,
}

pub(crate) async fn run(args: Args) -> Result<Report, Failure> {
    if args.accounts.prepared() {
        return Err("`prepare` makes the sessions for `--prepared`, and does not accept this flag".into());
    }
    let target = args.target.resolve().await?;
    let process = target.pid.map(Process::new).transpose()?;
    let sessions = args.accounts.sign_in(&target, args.users, 4).await?;
    let count = sessions.len();
    Prepared::new(process.as_ref(), sessions)?.save(&target.prepared)?;
    let mut report = Report::default();
    report.count("sessions", count);
    report.count("users", args.users);
    report.note(format!("the sessions are in {}", target.prepared.display()));
    Ok(report)
}
