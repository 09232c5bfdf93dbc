//! The metrics of the server: name, kind, labels, and one sentence each.
//!
//! `telemetry` describes them to the recorder, so that `/metrics` has a HELP line for each. The page
//! `docs/operation/monitoring.md` has the same rows; a test compares them. `tests/tidy` finds metrics that the code records and
//! the page does not have.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It only grows, from 0 at the start of the process.
    Counter,
    /// It grows and shrinks.
    Gauge,
    /// It counts observations in buckets.
    Histogram,
}

/// A metric.
struct Metric {
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, help }
}

const fn histogram(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram, labels, help }
}

/// Upper bounds in seconds. They are close together around the promises of the server: 50 ms for a revocation, 100 ms for a
/// request.
const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Upper bounds of the number of publications in a commit.
const SIZES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

const METRICS: &[Metric] = &[
    counter("acme_orders_total", &["outcome"], "orders of a certificate by ACME: `issued` or `failed`"),
    counter("actor_deaths_total", &["actor"], "actors that panicked and were started again"),
    counter(
        "audit_append_failures_total",
        &[],
        "attempts to write audit events to the database that failed; the events are kept",
    ),
    gauge(
        "audit_backlog_events",
        &[],
        "audit events that wait to enter the audit log, counted up to 100,000",
    ),
    gauge("audit_backlog_seconds", &[], "age of the oldest audit event that waits to enter the audit log"),
    gauge(
        "audit_checkpoint_age_seconds",
        &[],
        "age of the last checkpoint of the audit log; 0 if it covers all entries",
    ),
    counter("audit_checkpoints_total", &[], "checkpoints of the audit log that this node has signed"),
    counter(
        "audit_events_lost_total",
        &[],
        "audit events that could be written to neither the database nor the spill file",
    ),
    counter(
        "audit_events_set_aside_total",
        &[],
        "audit events that the database refuses; they are in a file of their own",
    ),
    counter("audit_events_written_total", &[], "audit events in the database"),
    gauge(
        "audit_log_conflict",
        &["witness"],
        "1 if the audit log does not continue its last checkpoint (`checkpoint`) or what the anchor has (`anchor`)",
    ),
    counter(
        "channel_events_lost_total",
        &[],
        "events of channels that other systems did not get, because too many waited or the database was away",
    ),
    counter(
        "client_certificates_refused_total",
        &[],
        "handshakes that failed because of the client's certificate",
    ),
    gauge("connections", &["transport"], "open sockets and streams of this node"),
    counter(
        "connections_closed_total",
        &["code"],
        "sockets and streams that ended, by close code; `other` is a code that an application chose, `none` an end without one",
    ),
    gauge(
        "connections_held",
        &[],
        "connections whose deliveries wait because the node cannot read revocations",
    ),
    counter(
        "connections_refused_total",
        &[],
        "plain connections that were closed at once, because their address has too many",
    ),
    counter(
        "connections_shed_total",
        &[],
        "idle plain connections that were closed to make room for new ones",
    ),
    counter(
        "connections_without_personal_channel_total",
        &["issuer"],
        "connections of an issuer's user whose name does not fit into the name of a personal channel",
    ),
    histogram(
        "database_connection_wait_seconds",
        &[],
        "the time that work waited for a connection to the database",
    ),
    gauge("database_connections", &["state"], "connections to the database: `used` or `idle`"),
    gauge("database_requests_waiting", &[], "work that waits for a connection to the database"),
    gauge(
        "database_role_powerful",
        &[],
        "whether the database role of the server can change the audit log (1), which only development and `DATABASE_SINGLE_ROLE` permit, or not (0)",
    ),
    counter("deliveries_total", &[], "deliveries of publications to single subscribers"),
    gauge("denials_without_end", &[], "blocked users whose block has no end"),
    histogram(
        "drill_door_seconds",
        &["door", "revoked_by"],
        "the time from the request of a drill's revocation until a client saw the door shut; a door that stayed open counts with 5 s",
    ),
    counter(
        "drill_doors_total",
        &["door", "revoked_by", "verdict"],
        "doors of drills: `in_time`, `late` (above 50 ms on `this_node`, or 1 s from an `other_node`), `open` after 5 s, `unclear`",
    ),
    gauge("drill_interval_seconds", &[], "how often this node drills by itself; 0 if it does not (`DRILL`)"),
    gauge(
        "drill_last_success_seconds",
        &[],
        "the time of the last drill in which every door was shut in time, or of the start, in seconds since 1970",
    ),
    counter(
        "drills_total",
        &["outcome"],
        "drills: `passed`, `late`, `open`, or `failed` (it could not be finished, or a verdict is unclear)",
    ),
    counter("erasures_total", &[], "accounts that were erased"),
    gauge(
        "event_dead_letters",
        &[],
        "events for other systems that were given up, at most 100,000 per receiver",
    ),
    counter(
        "event_deliveries_total",
        &["outcome"],
        "attempts to deliver events to other systems: `delivered`, `failed`; and events that were given up: `dead`",
    ),
    histogram(
        "event_loop_lag_seconds",
        &["thread"],
        "how late a thread does its work: `worker`, `sessions`, `services`, `audit`, `channels`, `database`; measured every five seconds",
    ),
    gauge("event_oldest_pending_seconds", &[], "how long the oldest event has waited for its receiver"),
    counter(
        "external_tokens_refused_total",
        &["issuer", "reason"],
        "tokens of other issuers that were refused",
    ),
    counter("handshakes_refused_total", &["code"], "handshakes of sockets that were refused"),
    histogram("http_request_duration_seconds", &["method", "route"], "the time from a request to its answer"),
    counter("http_requests_total", &["method", "route", "status"], "answered requests"),
    counter("job_failures_total", &["job"], "runs of a background job that failed"),
    gauge(
        "job_last_success_seconds",
        &["job"],
        "the time of the last success of a job, in seconds since 1970",
    ),
    counter("job_panics_total", &["job"], "runs of a background job that panicked"),
    counter("job_runs_total", &["job"], "runs of a background job"),
    histogram("journal_append_seconds", &[], "the time of a commit of durable publications"),
    histogram("journal_batch_size", &[], "the number of publications in a commit"),
    counter("journal_commits_total", &[], "commits of durable publications"),
    counter("journal_failures_total", &["call"], "calls of the journal that failed"),
    counter(
        "lane_measurements_refused_total",
        &["lane"],
        "measurements of a lane that it did not accept, because it is full or its actor starts again",
    ),
    histogram(
        "lane_wait_seconds",
        &["lane"],
        "the time that a message waits for its actor; measured every five seconds",
    ),
    counter("last_seen_dropped_total", &[], "last-seen values that were not kept because too many waited"),
    gauge("mail_oldest_waiting_seconds", &[], "how long the oldest mail has waited for the mail server"),
    counter(
        "mails_total",
        &["outcome"],
        "attempts to send a mail: `sent`, `retried` (it is tried again) or `failed` (the mail server refuses it); and `expired`, mails that were not sent in time",
    ),
    gauge("mails_waiting", &[], "mails that wait for the mail server, counted up to 100,000"),
    counter("passkeys_refused_total", &[], "uses of passkeys that were refused"),
    histogram("password_hash_seconds", &[], "the time of a password hash"),
    histogram("password_hash_wait_seconds", &[], "the time that a password waited for its hash"),
    counter("password_hashes_refused_total", &[], "passwords that found no place in the queue"),
    gauge("password_hashes_running", &[], "password hashes that run now"),
    gauge("password_hashes_waiting", &[], "passwords that wait for their hash now"),
    counter(
        "publications_total",
        &[],
        "publications that were delivered to the subscribers of their channel",
    ),
    gauge(
        "queued_bytes",
        &[],
        "bytes that wait in the queues of all connections; measured every five seconds",
    ),
    counter("rate_limited_total", &["limit"], "requests and commands beyond a limit"),
    counter("receipts_total", &[], "receipts of revocations that this node has written"),
    gauge(
        "receipts_waiting",
        &[],
        "revocations older than 30 seconds that a node has neither carried out nor lapsed for, as this node last saw",
    ),
    counter("refreshes_total", &["outcome"], "uses of refresh tokens"),
    gauge(
        "revocation_feed_age_seconds",
        &[],
        "the time since the last look at the revocations; above 1, the node asks the database for each credential",
    ),
    counter(
        "revocation_notes_lost_total",
        &[],
        "counts of closed sockets that are missing in receipts, because too many waited to be written",
    ),
    histogram(
        "revocation_seconds",
        &["cause"],
        "the time from the request of a revocation until its sockets on this node are closed",
    ),
    histogram(
        "revoked_socket_seconds",
        &["cause"],
        "for each socket that a revocation closed: the time from the cut until nothing more can reach its peer",
    ),
    counter("rows_deleted_total", &["table"], "rows that were deleted after their retention"),
    counter("second_factors_locked_total", &[], "accounts whose second factor was locked after wrong codes"),
    gauge("sessions_connected", &[], "sessions that have sockets or streams on this node"),
    counter("sessions_revoked_total", &["cause"], "sessions that revocations of this node ended"),
    counter(
        "settings_reloads_total",
        &["outcome"],
        "reloads of the settings: `ok`, or `refused` because of a wrong value",
    ),
    counter("sign_ins_assessed_total", &["outcome"], "sign-ins by their risk"),
    counter(
        "sign_ins_total",
        &["outcome"],
        "sign-ins: `success`, `refused`, `challenged` (a second factor is needed)",
    ),
    counter("sockets_denied_total", &[], "sockets that were closed by a denial"),
    counter("sockets_revoked_total", &["cause"], "sockets that were closed by a revocation"),
    counter(
        "stale_seconds_total",
        &[],
        "the time in which the node could not read revocations, in whole seconds; each period is rounded up",
    ),
    counter(
        "subscriptions_left_out_total",
        &[],
        "server-side subscriptions that a connection did not get because it has too many",
    ),
    gauge("tls_certificate_seconds_left", &[], "the time until the certificate ends; negative afterwards"),
    counter(
        "token_checks_total",
        &["credential", "result"],
        "checks of an `access_token` or a `ticket`: `valid`, or the code of the refusal",
    ),
];

/// Gives the histograms of a recorder their buckets.
///
/// # Errors
/// If a list of buckets is empty.
pub(crate) fn with_buckets(builder: PrometheusBuilder) -> Result<PrometheusBuilder, BuildError> {
    let builder = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?;
    builder.set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &SIZES)
}

/// Describes the metrics to the recorder of the process.
pub(crate) fn describe() {
    for metric in METRICS {
        match metric.kind {
            Kind::Counter => {
                metrics::describe_counter!(metric.name, metric.help);
                // Without this, the counter would appear with its first event, and `increase` would not see that event.
                if metric.labels.is_empty() {
                    metrics::counter!(metric.name).increment(0);
                }
            }
            Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
            Kind::Histogram => metrics::describe_histogram!(metric.name, metric.help),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The row of the page.
    fn row(metric: &Metric) -> String {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        format!("| `{}` | {kind} | {} | {} |", metric.name, labels.join(", "), metric.help)
    }

    #[test]
    fn the_page_has_the_rows_of_the_table() {
        let page = include_str!("../docs/operation/monitoring.md");
        let shown: Vec<&str> = page.lines().skip_while(|line| *line != "|---|---|---|---|").skip(1).collect();
        let rows: Vec<String> = METRICS.iter().map(row).collect();
        assert_eq!(
            shown.join("\n"),
            rows.join("\n"),
            "the table of metrics differs from src/metric_table.rs"
        );
    }

    #[test]
    fn the_names_are_sorted_and_have_the_endings_of_their_kinds() {
        assert!(METRICS.is_sorted_by(|one, two| one.name < two.name));
        for metric in METRICS {
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
            let has_buckets = metric.name.ends_with("_seconds") || metric.name.ends_with("_size");
            assert!(has_buckets || metric.kind != Kind::Histogram, "{} has no buckets", metric.name);
        }
    }
}
