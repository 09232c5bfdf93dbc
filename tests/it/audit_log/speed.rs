//! How long a large log takes. Run by hand: `cargo test --release --test it -- --ignored audit_log::speed --nocapture`.

use std::time::{Duration, Instant};

use service::VerifyOptions;

use super::{add_events, logging};

/// The number of entries, unless the variable `AUDIT_LOG_ENTRIES` gives another one.
const ENTRIES: u32 = 1_000_000;
/// The promise for a release build on two cores.
const PROMISED: Duration = Duration::from_secs(10);

#[tokio::test]
#[ignore = "takes minutes; the time counts in a release build"]
async fn a_million_entries_are_verified_within_ten_seconds() {
    let entries =
        std::env::var("AUDIT_LOG_ENTRIES").ok().and_then(|number| number.parse().ok()).unwrap_or(ENTRIES);
    let app = logging();
    for _ in 0..10 {
        add_events(&app, entries / 10).await;
    }
    let began = Instant::now();
    app.sequence().await;
    println!("sequenced {entries} events in {:?}", began.elapsed());
    app.advance(Duration::from_secs(61));
    app.sequence().await;
    let began = Instant::now();
    let verified = app.verify_log(&VerifyOptions::default()).await.expect("the log is whole");
    let took = began.elapsed();
    println!("verified {} entries and {} checkpoints in {took:?}", verified.size, verified.checkpoints);
    assert_eq!(verified.size, u64::from(entries));
    assert!(took < PROMISED, "{took:?}");
}
