//! `timing`: whether the time of a sign-in reveals its result or the reason of a rejection, and whether the time of a request for a
//! new password reveals whether there is an account.
//!
//! Sends sign-ins one after another. Each round has one sign-in of every kind, in random order, so that other load on the
//! machine affects all kinds alike. The medians are compared with the median of the first kind (a wrong password for a known
//! account); that of the requests for an unknown account with that for a known one. The server must allow so many requests: start it
//! with `LIMIT_LOGIN_ACCOUNT`, `LIMIT_LOGIN_DEVICE_ACCOUNT`, `LIMIT_STUFFING`, `LIMIT_MAIL_REQUEST_ADDRESS` and
//! `LIMIT_MAIL_REQUEST_ACCOUNT` at `100000/60`.

use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant, SystemTime},
};

use clap::Args as ClapArgs;

use crate::{
    accounts::AccountArgs,
    failure::Failure,
    report::{Report, progress},
    rest::Rest,
    target::{Login, TargetArgs},
};

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    accounts: AccountArgs,
    /// The number of sign-ins of each kind.
    #[arg(long, default_value_t = 200)]
    rounds: usize,
    /// The number of accounts of each kind, which are used in turn.
    #[arg(long = "pool", default_value_t = 10)]
    pool: usize,
    /// Fail if a median differs from that of the first kind by more than this many per cent.
    #[arg(long)]
    within: Option<f64>,
    /// The `portcullis` program, which suspends accounts [default: in the directory of this program].
    #[arg(long)]
    portcullis: Option<PathBuf>,
}

/// A kind of sign-in: an account that is known, unknown or suspended, with the right or a wrong password.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    KnownWrong,
    Unknown,
    SuspendedRight,
    SuspendedWrong,
    /// The only sign-in that succeeds. It opens a session.
    KnownRight,
    /// A request for a new password.
    ForgotKnown,
    /// A request for a new password of an account that does not exist.
    ForgotUnknown,
}

const KINDS: [(Kind, &str); 7] = [
    (Kind::KnownWrong, "known_wrong_ms"),
    (Kind::Unknown, "unknown_ms"),
    (Kind::SuspendedRight, "suspended_right_ms"),
    (Kind::SuspendedWrong, "suspended_wrong_ms"),
    (Kind::KnownRight, "known_right_ms"),
    (Kind::ForgotKnown, "forgot_known_ms"),
    (Kind::ForgotUnknown, "forgot_unknown_ms"),
];

/// The first kind that is no sign-in.
const FIRST_REQUEST: usize = 5;

pub(crate) async fn run(args: Args) -> Result<Report, Failure> {
    let target = args.target.resolve().await?;
    let rest = Rest::new(&target, None)?;
    prepare(&args, &rest).await?;
    let mut random = Random::new();
    let mut times: [Vec<Duration>; KINDS.len()] = Default::default();
    let bar = progress("signing in", args.rounds * KINDS.len());
    for round in 0..args.rounds {
        for kind in random.order::<{ KINDS.len() }>() {
            times[kind].push(try_one(&args, &rest, KINDS[kind].0, round).await?);
            bar.inc(1);
        }
    }
    bar.finish();
    Ok(judge(&args, &mut times))
}

/// Registers the accounts, and suspends those of the suspended kinds.
async fn prepare(args: &Args, rest: &Rest<'_>) -> Result<(), Failure> {
    for number in 0..args.pool {
        for name in ["timing-known", "timing-suspended"] {
            let login = args.accounts.login(&format!("{name}-{number}"));
            // The account may exist already. Then the server refuses the registration, which does no harm.
            let _ = rest.register(&login).await;
            if name == "timing-suspended" {
                suspend(args, &login)?;
            }
        }
    }
    Ok(())
}

fn suspend(args: &Args, login: &Login) -> Result<(), Failure> {
    let beside = std::env::current_exe()?.with_file_name("portcullis");
    let program = args.portcullis.clone().unwrap_or(beside);
    let data_dir = args.target.data_dir();
    let mut command = Command::new(&program);
    command.args(["user", "--data-dir"]).arg(data_dir).args(["set-status", &login.email, "suspended"]);
    let output = command.output().map_err(|error| format!("{}: {error}", program.display()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{} cannot be suspended: {}", login.email, String::from_utf8_lossy(&output.stderr)).into())
}

/// Tries one sign-in and returns its time.
async fn try_one(args: &Args, rest: &Rest<'_>, kind: Kind, round: usize) -> Result<Duration, Failure> {
    let number = round % args.pool.max(1);
    let name = match kind {
        Kind::KnownWrong | Kind::KnownRight | Kind::ForgotKnown => format!("timing-known-{number}"),
        Kind::Unknown | Kind::ForgotUnknown => format!("timing-unknown-{number}"),
        Kind::SuspendedRight | Kind::SuspendedWrong => format!("timing-suspended-{number}"),
    };
    let mut login = args.accounts.login(&name);
    if matches!(kind, Kind::KnownWrong | Kind::SuspendedWrong) {
        login.password = format!("not-{}", login.password);
    }
    let expected = match kind {
        Kind::KnownRight => 200,
        Kind::ForgotKnown | Kind::ForgotUnknown => 202,
        _ => 401,
    };
    let began = Instant::now();
    let status = match expected {
        202 => rest.forgot(&login.email).await?,
        _ => rest.try_sign_in(&login).await?.status,
    };
    if status == expected {
        return Ok(began.elapsed());
    }
    Err(format!("{name} was answered with {status}: are all limits raised?").into())
}

fn judge(args: &Args, times: &mut [Vec<Duration>]) -> Report {
    let mut report = Report::default();
    let quantile = |times: &[Duration], quantile: f64| {
        times.get((times.len() as f64 * quantile) as usize).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    times.iter_mut().for_each(|times| times.sort_unstable());
    let (first_sign_in, first_request) = (quantile(&times[0], 0.5), quantile(&times[FIRST_REQUEST], 0.5));
    for (place, ((_, name), times)) in KINDS.iter().zip(times.iter()).enumerate() {
        let first = if place < FIRST_REQUEST { first_sign_in } else { first_request };
        let median = quantile(times, 0.5);
        let difference = (median - first) / first * 100.0;
        report.note(format!(
            "{name}: {} requests, p25 {:.3} ms, median {median:.3} ms, {difference:+.2} % against the first",
            times.len(),
            quantile(times, 0.25)
        ));
        report.figure(name, median);
        if let Some(within) = args.within {
            report.check(difference.abs() <= within, || {
                format!("the median of `{name}` differs by {difference:+.2} %, above {within} %")
            });
        }
    }
    report
}

/// A random number generator for shuffling (xorshift).
struct Random(u64);

impl Random {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(now.as_nanos() as u64 | 1)
    }

    /// The numbers below `N` in random order.
    fn order<const N: usize>(&mut self) -> [usize; N] {
        let mut order = std::array::from_fn(|number| number);
        for last in (1..N).rev() {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            order.swap(last, (self.0 % (last as u64 + 1)) as usize);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_contains_every_kind_once_in_random_order() {
        let mut random = Random::new();
        let mut orders = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let order = random.order::<5>();
            let mut sorted = order;
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4]);
            orders.insert(order);
        }
        assert!(orders.len() > 20, "{}", orders.len());
    }
}
