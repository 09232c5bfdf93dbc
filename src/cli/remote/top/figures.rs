//! [`Figures`]: what `top` has read, and the rates between two looks.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::super::{http_client::Request, signed_in::SignedIn};
use crate::cli::error::CliError;

/// Nodes write their statistics so often.
const STATISTICS_EVERY: Duration = Duration::from_secs(10);
/// What is read: the last hour in minutes.
const STATISTICS: &str = "/api/v1/admin/statistics?series=sign_ins,refreshes,limits,revocations,sessions_revoked,sessions,connections,connected_users";
/// A node that did not answer for so long is left out.
const FORGOTTEN: Duration = Duration::from_secs(120);

/// Everything that was read.
pub(super) struct Figures {
    pub(super) server: String,
    /// The nodes that have answered, by their ids.
    pub(super) nodes: BTreeMap<String, Node>,
    pub(super) statistics: Value,
    /// Why the newest look failed, if it did.
    pub(super) problem: Option<String>,
    statistics_at: Option<Instant>,
}

/// A node, as it has answered last.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) answer: Value,
    pub(super) seen: Instant,
    /// Per second, between its last two answers.
    pub(super) deliveries: Option<f64>,
    pub(super) publications: Option<f64>,
}

/// What was counted for a label in a minute.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Minute {
    pub(super) label: String,
    /// In the last whole minute.
    pub(super) last: Value,
    /// The counts of the last hour, the oldest first.
    pub(super) hour: Vec<u64>,
}

impl Figures {
    pub(super) fn new(server: String) -> Self {
        Self { server, nodes: BTreeMap::new(), statistics: Value::Null, problem: None, statistics_at: None }
    }

    /// Looks at the node that answers, and at the statistics if there may be new ones.
    pub(super) async fn read(&mut self, server: &SignedIn) -> Result<(), CliError> {
        let node = server.call(&Request::get("/api/v1/admin/node")).await?;
        self.add(node, Instant::now());
        if self.statistics_at.is_none_or(|at| at.elapsed() >= STATISTICS_EVERY) {
            self.statistics = server.call(&Request::get(STATISTICS)).await?;
            self.statistics_at = Some(Instant::now());
        }
        self.problem = None;
        Ok(())
    }

    /// Remembers why a look failed.
    pub(super) fn note(&mut self, problem: String) {
        self.problem = Some(problem);
    }

    fn add(&mut self, answer: Value, now: Instant) {
        self.nodes.retain(|_, node| now.saturating_duration_since(node.seen) < FORGOTTEN);
        let Some(id) = answer["id"].as_str().map(str::to_owned) else { return };
        let before = self.nodes.get(&id);
        let rate = |name: &str| {
            let before = before?;
            let passed = now.saturating_duration_since(before.seen).as_secs_f64();
            let more = answer[name].as_u64()?.checked_sub(before.answer[name].as_u64()?)?;
            (passed > 0.0).then(|| more as f64 / passed)
        };
        let (deliveries, publications) = (rate("deliveries"), rate("publications"));
        self.nodes.insert(id, Node { answer, seen: now, deliveries, publications });
    }

    /// The labels of a series of counts, with the last whole minute before `now`.
    pub(super) fn minutes(&self, series: &str, now: OffsetDateTime) -> Vec<Minute> {
        let minute = now.unix_timestamp().div_euclid(60) - 1;
        let of = |point: &Value| {
            let at = OffsetDateTime::parse(point["at"].as_str()?, &Rfc3339).ok()?;
            Some(at.unix_timestamp().div_euclid(60))
        };
        let labels = self.series(series).and_then(|series| series["labels"].as_array()).into_iter().flatten();
        let read = |label: &Value| {
            let points = label["points"].as_array()?;
            let mut hour = vec![0; 60];
            for point in points {
                let place = usize::try_from(of(point)? - (minute - 59)).ok();
                if let Some(count) = place.and_then(|place| hour.get_mut(place)) {
                    *count = point["count"].as_u64().unwrap_or(0);
                }
            }
            let last = points.iter().find(|point| of(point) == Some(minute)).cloned().unwrap_or_default();
            Some(Minute { label: label["label"].as_str()?.to_owned(), last, hour })
        };
        labels.filter_map(read).collect()
    }

    /// The newest point of a gauge.
    pub(super) fn gauge(&self, series: &str) -> Option<&Value> {
        self.series(series)?["labels"].as_array()?.first()?["points"].as_array()?.last()
    }

    fn series(&self, name: &str) -> Option<&Value> {
        self.statistics["series"].as_array()?.iter().find(|series| series["name"] == name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(id: &str, deliveries: u64) -> Value {
        json!({"id": id, "deliveries": deliveries, "publications": deliveries / 10})
    }

    #[test]
    fn rates_are_of_one_node_between_its_answers() {
        let (mut figures, start) = (Figures::new(String::new()), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        figures.add(node("a", 1_000), start);
        figures.add(node("b", 9_000), after(1));
        figures.add(node("a", 1_400), after(2));
        let rates = |id: &str| (figures.nodes[id].deliveries, figures.nodes[id].publications);
        assert_eq!(rates("a"), (Some(200.0), Some(20.0)));
        assert_eq!(rates("b"), (None, None));
        // A node that has started again counts from 0.
        figures.add(node("a", 3), after(4));
        assert_eq!(figures.nodes["a"].deliveries, None);
        figures.add(node("a", 3), after(150));
        assert_eq!(figures.nodes.keys().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn the_last_whole_minute_is_found() {
        let mut figures = Figures::new(String::new());
        figures.statistics = json!({"series": [{"name": "sign_ins", "labels": [{"label": "success", "points": [
            {"at": "2026-11-29T19:01:00Z", "count": 7}, {"at": "2026-11-29T20:00:00Z", "count": 5}, {"at": "2026-11-29T20:01:00Z", "count": 1},
        ]}]}]});
        let now = OffsetDateTime::parse("2026-11-29T20:01:30Z", &Rfc3339).expect("a time");
        let minutes = figures.minutes("sign_ins", now);
        assert_eq!(
            (minutes[0].last["count"].as_u64(), minutes[0].hour[0], minutes[0].hour[59]),
            (Some(5), 7, 5)
        );
        assert_eq!(minutes[0].hour.iter().sum::<u64>(), 12);
        assert!(figures.minutes("limits", now).is_empty());
    }
}
