//! `hostile`: many accounts behind one proxy address try to keep all other clients out.
//!
//! Each hostile account tries step-ups with wrong passwords, opens as many streams as the server admits, and leaves request
//! bodies unfinished. All of this comes from one client address behind the proxy. Meanwhile the owners of other accounts sign
//! in, use REST and open WebSockets from other addresses behind the same proxy, and an operator lists sessions. The load
//! generator acts as the proxy, so the server must trust the loopback address of this machine (`TRUSTED_PROXIES`).

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args as ClapArgs;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::LocalSet,
    time::{sleep, timeout_at},
};

use crate::{
    failure::Failure,
    report::{Latencies, Report},
    rest::{Rest, Tokens},
    stream::Stream,
    target::{Login, Target, TargetArgs},
};

/// The client address of every hostile account.
const HOSTILE: &str = "192.0.2.1";
const PASSWORD: &str = "correct horse battery staple 9";
/// Number of sessions of a hostile account.
const SESSIONS: usize = 3;
/// Number of streams that a hostile account tries to open.
const STREAMS: usize = 64;
/// Number of unfinished bodies that a hostile account keeps open.
const BODIES: usize = 2;
/// Time between two rounds of the owners.
const ROUND: Duration = Duration::from_millis(250);

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,
    /// The number of hostile accounts.
    #[arg(long, default_value_t = 36)]
    accounts: usize,
    /// The number of owners. They sign in one after the other.
    #[arg(long, default_value_t = 30)]
    owners: usize,
    /// The length of the attack, in seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// The prefix that distinguishes the accounts of this run.
    #[arg(long, default_value = "hostile")]
    prefix: String,
}

/// The times of the answers to owners and the operator.
struct Times {
    sign_in: Latencies,
    rest: Latencies,
    handshake: Latencies,
    operator: Latencies,
}

pub(crate) async fn run(args: Args) -> Result<Report, Failure> {
    let target = Arc::new(args.target.resolve().await?);
    let owners = accounts(&target, &args, "owner", args.owners).await?;
    let hostile = accounts(&target, &args, "hostile", args.accounts).await?;
    let sessions = sign_in_all(&target, &hostile).await?;
    let operator = Rest::behind_proxy(&target, "203.0.113.250")?;
    let admin = operator.sign_in(&target.admin).await?.ok_or("the administrator cannot sign in")?;

    let end = Instant::now() + Duration::from_secs(args.seconds);
    let local = LocalSet::new();
    let (guesses, streams) = (Rc::new(Cell::new(0_usize)), Rc::new(Cell::new(0_usize)));
    for tokens in sessions {
        attack(&local, &target, tokens, end, &guesses, &streams);
    }
    let failures = Rc::new(RefCell::new(Vec::new()));
    let times = local.run_until(watch(&target, &owners, (&operator, &admin), end, &failures)).await?;
    local.await;

    let mut report = Report::default();
    report.count("hostile_accounts", args.accounts);
    report.count("wrong_step_ups", guesses.get());
    report.count("hostile_streams_opened", streams.get());
    for (name, times) in [
        ("owner_sign_in", &times.sign_in),
        ("owner_rest", &times.rest),
        ("owner_handshake", &times.handshake),
        ("operator", &times.operator),
    ] {
        report.latencies(name, times);
    }
    for failed in &*failures.borrow() {
        report.check(false, || failed.clone());
    }
    let slow = times.sign_in.quantile(0.99);
    report.check(slow < Duration::from_secs(2), || format!("p99 of the owners' sign-ins is {slow:?}"));
    Ok(report)
}

/// Registers accounts, each from an address of its own.
async fn accounts(
    target: &Target,
    args: &Args,
    kind: &str,
    count: usize,
) -> Result<Vec<(Login, String)>, Failure> {
    let mut made = Vec::new();
    for number in 0..count {
        let login = Login::new(format!("{}-{kind}-{number}@example.org", args.prefix), PASSWORD.to_owned());
        let network = if kind == "owner" { "203.0" } else { "198.51" };
        let address = format!("{network}.{}.{}", number / 200 + 1, number % 200 + 1);
        let rest = Rest::behind_proxy(target, &address)?;
        if rest.sign_in(&login).await?.is_none() {
            rest.register(&login).await?;
        }
        made.push((login, address));
    }
    Ok(made)
}

async fn sign_in_all(target: &Target, hostile: &[(Login, String)]) -> Result<Vec<Vec<Tokens>>, Failure> {
    let mut all = Vec::new();
    for (login, address) in hostile {
        let rest = Rest::behind_proxy(target, address)?;
        let mut sessions = Vec::new();
        for _ in 0..SESSIONS {
            sessions.push(rest.sign_in(login).await?.ok_or("a hostile account cannot sign in")?);
        }
        all.push(sessions);
    }
    Ok(all)
}

/// Starts everything that one hostile account does.
fn attack(
    local: &LocalSet,
    target: &Arc<Target>,
    sessions: Vec<Tokens>,
    end: Instant,
    guesses: &Rc<Cell<usize>>,
    streams: &Rc<Cell<usize>>,
) {
    for _ in 0..BODIES {
        let target = Arc::clone(target);
        local.spawn_local(async move {
            while Instant::now() < end {
                let _ = timeout_at(end.into(), unfinished_body(&target)).await;
                sleep(Duration::from_millis(50)).await;
            }
        });
    }
    for number in 0..STREAMS {
        let (target, streams) = (Arc::clone(target), Rc::clone(streams));
        let token = sessions[number % sessions.len()].access_token.clone();
        local.spawn_local(async move {
            let _ = timeout_at(end.into(), hold_stream(&target, &token, &streams)).await;
        });
    }
    for tokens in sessions {
        let (target, guesses) = (Arc::clone(target), Rc::clone(guesses));
        local.spawn_local(async move {
            let Ok(rest) = Rest::behind_proxy(&target, HOSTILE) else { return };
            while Instant::now() < end {
                let guess = format!("wrong password {}", guesses.get());
                let _ = timeout_at(end.into(), rest.try_step_up(&tokens, &guess)).await;
                guesses.set(guesses.get() + 1);
            }
        });
    }
}

/// Sends a request with an unfinished body, and waits until the server ends the connection.
async fn unfinished_body(target: &Target) -> Result<(), Failure> {
    let mut stream = Stream::connect(target, None).await?;
    let head = format!(
        "POST /api/v1/auth/jwt/login HTTP/1.1\r\nHost: {}\r\nX-Forwarded-For: {HOSTILE}\r\n\
         Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{",
        target.authority
    );
    stream.write_all(head.as_bytes()).await?;
    stream.flush().await?;
    let mut answer = [0; 512];
    while stream.read(&mut answer).await? > 0 {}
    Ok(())
}

/// Opens a stream and reads it until the server ends it.
async fn hold_stream(target: &Target, token: &str, streams: &Cell<usize>) -> Result<(), Failure> {
    let mut stream = Stream::connect(target, None).await?;
    let body = r#"{"id":1,"connect":{}}"#;
    let request = format!(
        "POST /connection/http_stream HTTP/1.1\r\nHost: {}\r\nX-Forwarded-For: {HOSTILE}\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        target.authority,
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut answer = [0; 1024];
    let size = stream.read(&mut answer).await?;
    if answer[..size].starts_with(b"HTTP/1.1 200") {
        streams.set(streams.get() + 1);
    }
    while stream.read(&mut answer).await? > 0 {}
    Ok(())
}

/// Lets the owners and the operator work until the end. An unexpected answer is added to `failures`.
async fn watch(
    target: &Target,
    owners: &[(Login, String)],
    (operator, admin): (&Rest<'_>, &Tokens),
    end: Instant,
    failures: &RefCell<Vec<String>>,
) -> Result<Times, Failure> {
    let new = Latencies::new;
    let mut times = Times { sign_in: new(), rest: new(), handshake: new(), operator: new() };
    let failed = |what: &str, got: String| failures.borrow_mut().push(format!("{what}: {got}"));
    for (login, address) in owners.iter().cycle() {
        if Instant::now() >= end {
            break;
        }
        let rest = Rest::behind_proxy(target, address)?;
        let start = Instant::now();
        let tokens = match rest.try_tokens(login).await {
            Ok(Ok(tokens)) => tokens,
            Ok(Err(status)) => {
                failed("an owner's sign-in", status.to_string());
                continue;
            }
            Err(error) => {
                failed("an owner's sign-in", error.to_string());
                continue;
            }
        };
        times.sign_in.record(start.elapsed());
        let start = Instant::now();
        match rest.profile_status(&tokens).await {
            Ok(200) => times.rest.record(start.elapsed()),
            other => failed("an owner's profile", format!("{other:?}")),
        }
        let start = Instant::now();
        match handshake(target, address, &tokens.access_token).await {
            Ok(101) => times.handshake.record(start.elapsed()),
            other => failed("an owner's handshake", format!("{other:?}")),
        }
        let start = Instant::now();
        match operator.sessions_status(admin).await {
            Ok(200) => times.operator.record(start.elapsed()),
            other => failed("the operator", format!("{other:?}")),
        }
        sleep(ROUND).await;
    }
    Ok(times)
}

/// The status of a WebSocket handshake of a client with this address.
async fn handshake(target: &Target, address: &str, token: &str) -> Result<u16, Failure> {
    let mut stream = Stream::connect(target, None).await?;
    let request = format!(
        "GET /connection/websocket HTTP/1.1\r\nHost: {}\r\nX-Forwarded-For: {address}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Authorization: Bearer {token}\r\n\r\n",
        target.authority
    );
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut answer = [0; 64];
    let size = stream.read(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer[..size]);
    Ok(text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0))
}
