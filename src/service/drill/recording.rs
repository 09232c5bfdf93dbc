//! What a drill leaves behind: metrics, statistics, a line in the log and one audit event. The row of the drill is written by the
//! drill itself.

use actors::Realtime;
use domain::drill::{Door, DoorVerdict, DrillOutcome, DrillReport, DrillStarter, RevokedBy};
use logic::tally::Series;
use protocol::audit::{AuditEvent, Outcome};
use serde_json::{Value, json};

use crate::core::{audit::AuditTrail, clock::Clock, failure::Failure};

/// Records drills. Clones are cheap.
#[derive(Clone)]
pub(crate) struct Recording {
    realtime: Realtime,
    clock: Clock,
    audit: AuditTrail,
}

impl Recording {
    pub(crate) fn new(realtime: Realtime, clock: Clock, audit: AuditTrail) -> Self {
        Self { realtime, clock, audit }
    }

    /// Records a drill. `event` has the name and the actor.
    ///
    /// # Errors
    /// `Unavailable` if the event cannot be recorded.
    pub(crate) async fn record(
        &self,
        report: &DrillReport,
        started_by: DrillStarter,
        event: AuditEvent,
    ) -> Result<(), Failure> {
        self.measure(report);
        log(report, started_by);
        self.audit.record(described(report, started_by, event)).await
    }

    fn measure(&self, report: &DrillReport) {
        for door in &report.doors {
            let (name, by) = (door.door.as_str(), door.revoked_by.as_str());
            let verdict = door.verdict.as_str();
            metrics::counter!("drill_doors_total", "door" => name, "revoked_by" => by, "verdict" => verdict)
                .increment(1);
            let Some(time) = door.counted() else { continue };
            metrics::histogram!("drill_door_seconds", "door" => name, "revoked_by" => by)
                .record(time.as_secs_f64());
            self.realtime.tally().observe(Series::Drills, &door.revoked_by.label(door.door), time);
        }
        metrics::counter!("drills_total", "outcome" => report.outcome.as_str()).increment(1);
        if report.outcome == DrillOutcome::Passed {
            note_success(&self.clock);
        }
    }
}

/// Makes the metrics known before the first drill, so that `increase` sees the first event, and a node that never succeeds is
/// noticed. `interval` is that of the schedule.
pub(crate) fn announce(clock: &Clock, interval: Option<std::time::Duration>) {
    for (door, by) in Door::ALL.into_iter().flat_map(|door| RevokedBy::ALL.map(|by| (door, by))) {
        for verdict in DoorVerdict::ALL {
            let (door, by, verdict) = (door.as_str(), by.as_str(), verdict.as_str());
            metrics::counter!("drill_doors_total", "door" => door, "revoked_by" => by, "verdict" => verdict)
                .increment(0);
        }
    }
    for outcome in DrillOutcome::ALL {
        metrics::counter!("drills_total", "outcome" => outcome.as_str()).increment(0);
    }
    metrics::gauge!("drill_interval_seconds").set(interval.unwrap_or_default().as_secs_f64());
    note_success(clock);
}

fn note_success(clock: &Clock) {
    metrics::gauge!("drill_last_success_seconds").set(clock.now().unix_timestamp() as f64);
}

fn log(report: &DrillReport, started_by: DrillStarter) {
    let DrillReport { drill, note, outcome, .. } = report;
    let (outcome, started_by) = (outcome.as_str(), started_by.as_str());
    let note = note.as_deref().unwrap_or_default();
    let bad = report.doors.iter().filter(|door| door.verdict != DoorVerdict::InTime);
    let doors: Vec<_> = bad.map(|door| door.revoked_by.label(door.door)).collect();
    let doors = doors.join(", ");
    if report.outcome == DrillOutcome::Passed {
        tracing::info!(%drill, outcome, started_by, note, "a drill of the revocations");
    } else {
        tracing::error!(%drill, outcome, started_by, note, doors, "a drill of the revocations did not pass");
    }
}

/// The event, with the observed times.
fn described(report: &DrillReport, started_by: DrillStarter, event: AuditEvent) -> AuditEvent {
    let doors: Vec<Value> = report
        .doors
        .iter()
        .map(|door| {
            json!({
                "door": door.door,
                "revoked_by": door.revoked_by,
                "after_ms": door.after_ms,
                "verdict": door.verdict,
            })
        })
        .collect();
    // The event succeeds if the drill could be carried out; its result is in the detail.
    let failed = report.outcome == DrillOutcome::Failed;
    let event = AuditEvent { outcome: if failed { Outcome::Failure } else { Outcome::Success }, ..event };
    let event = event
        .with("drill", report.drill.to_string())
        .with("node", report.node.to_string())
        .with("started_by", started_by.as_str())
        .with("result", report.outcome.as_str())
        .with("doors", doors);
    match &report.note {
        Some(note) => event.with("note", note.as_str()),
        None => event,
    }
}
