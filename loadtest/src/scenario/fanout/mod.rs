//! `fanout`: the cost and the latency of delivering a publication to all subscribers of a channel. Also whether a subscriber
//! that does not read affects the others.
//!
//! Every subscriber must receive every publication once and in order (`ledger`). Limits on latency and CPU time are checked
//! only if a flag gives them: they depend on the machine.

mod args;
mod ledger;
mod measurement;
mod publication;
mod second_round;
mod stalled;

use measurement::Measurement;
use publication::CHANNEL;
use stalled::Stalled;

use crate::{connections::spread, failure::Failure, report::Report};

pub(crate) use args::Args;

pub(crate) async fn run(args: Args) -> Result<Report, Failure> {
    let setup = args.setup.begin(args.users).await?;
    let plan: Vec<(usize, String)> = spread(setup.sessions.len(), 0, Some(args.count.max(2)))
        .into_iter()
        .map(|session| (session, CHANNEL.to_owned()))
        .collect();
    let connections = args.setup.open(&setup, &plan).await?;

    let before = setup.cpu()?;
    let mut measurement = Measurement::new(connections, &args);
    let mut stalled = (args.stalled > 0).then(|| Stalled::new(&measurement.connections));
    measurement.run(&args, stalled.as_mut()).await;
    let after = setup.cpu()?;

    measurement.report_deliveries(&args);
    if let (Some(before), Some(after)) = (before, after) {
        measurement.report_cpu(&args, after.saturating_sub(before));
    }
    measurement.check_complete(args.publications);
    if let Some(stalled) = stalled {
        second_round::run(&mut measurement, stalled, &args, setup.process.as_ref()).await?;
    }
    Ok(measurement.report)
}
