//! Requests that run during the revocations, so that the server records when sessions were last seen.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{sync::oneshot, time::interval};

use crate::{
    failure::Failure,
    report::{Latencies, Report},
    rest::Rest,
    session::Session,
    target::Target,
};

/// Sends requests for profiles with these sessions in turn, until the sender of `stop` is dropped. Every answer must be 200.
pub(super) async fn run(
    target: &Target,
    sessions: &[&Session],
    per_second: u32,
    mut stop: oneshot::Receiver<()>,
) -> Result<Answers, Failure> {
    let rest = Rest::new(target, None)?;
    let mut answers = Answers { times: Latencies::new(), refused: 0, example: None };
    if per_second == 0 || sessions.is_empty() {
        return Ok(answers);
    }
    let (mut ticks, mut turns) = (interval(Duration::from_secs(1) / per_second), sessions.iter().cycle());
    let mut under_way = FuturesUnordered::new();
    let rest = &rest;
    loop {
        tokio::select! {
            _ = &mut stop => break,
            Some(answer) = under_way.next(), if !under_way.is_empty() => answers.note(answer),
            _ = ticks.tick() => if let Some(session) = turns.next() {
                under_way.push(async move {
                    let start = Instant::now();
                    (rest.profile_status_once(&session.tokens).await, start.elapsed())
                });
            },
        }
    }
    while let Some(answer) = under_way.next().await {
        answers.note(answer);
    }
    Ok(answers)
}

/// The answers to all requests.
pub(super) struct Answers {
    times: Latencies,
    refused: usize,
    example: Option<String>,
}

impl Answers {
    fn note(&mut self, (answer, time): (Result<u16, Failure>, Duration)) {
        self.times.record(time);
        if matches!(answer, Ok(200)) {
            return;
        }
        self.refused += 1;
        self.example = Some(match answer {
            Ok(status) => format!("status {status}"),
            Err(error) => error.to_string(),
        });
    }

    pub(super) fn conclude(self, report: &mut Report) {
        report.latencies("rest_meanwhile", &self.times);
        report.check(self.refused == 0, || {
            format!("{} requests were not answered with 200; the last one: {:?}", self.refused, self.example)
        });
    }
}
