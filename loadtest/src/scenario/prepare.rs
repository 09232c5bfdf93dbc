//! `prepare`: signs in for later runs. Between it and them the server can be restarted: sessions and tokens survive that,
//! and what hashing leaves in the server's memory does not.

use clap::Args as ClapArgs;

use crate::{
    Failure, accounts::AccountArgs, prepared::Prepared, process::Process, report::Report, target::TargetArgs,
};

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    accounts: AccountArgs,
    /// Users; with four sessions each, they can hold 9,000 connections: fifteen a session, sixty a user.
    #[arg(long, default_value_t = 150)]
    users: usize,
}

pub(crate) async fn run(args: Args) -> Result<Report, Failure> {
    if args.accounts.prepared() {
        return Err("`prepare` is what makes `--prepared` sessions".into());
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
