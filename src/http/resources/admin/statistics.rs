//! `/api/v1/admin/statistics`: figures over time.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use logic::tally::{Series, SeriesKind, quantile_us};
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{Services, StatisticsPoint, StatisticsSpan};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use crate::http::{
    extractors::{
        authenticated::Authenticated,
        body::{Query, Shape},
        client::Client,
    },
    problem::Problem,
    views::moment::moment,
};

/// The series, and the time.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatisticsParameters {
    /// Names of series, with commas between them.
    series: String,
    /// The beginning; the span has at most 1,000 periods. By default a day.
    #[serde(default, with = "time::serde::rfc3339::option")]
    from: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    to: Option<OffsetDateTime>,
    /// The length of a period, in seconds: a divisor of a day, in whole minutes, or from an hour on in whole hours.
    #[param(minimum = 60, maximum = 86400)]
    step: Option<u32>,
}

impl Shape for StatisticsParameters {
    const FIELDS: &'static str =
        "series (names, with commas between them), from and to (RFC 3339), step (seconds)";
}

/// The values of some series.
#[derive(Serialize, ToSchema)]
#[schema(as = Statistics)]
pub(crate) struct StatisticsView<'s> {
    #[schema(value_type = OffsetDateTime)]
    from: Option<String>,
    series: Vec<SeriesView<'s>>,
    /// The length of a period, in seconds.
    step: u32,
    #[schema(value_type = OffsetDateTime)]
    to: Option<String>,
}

/// The values of a series.
#[derive(Serialize, ToSchema)]
#[schema(as = StatisticsSeries)]
struct SeriesView<'s> {
    #[schema(pattern = "^(count|duration|gauge)$")]
    kind: &'static str,
    labels: Vec<LabelView<'s>>,
    name: &'static str,
}

/// The values of a label. A period without events has no point.
#[derive(Serialize, ToSchema)]
#[schema(as = StatisticsLabel)]
struct LabelView<'s> {
    label: &'s str,
    points: Vec<PointView>,
}

/// The values of a period, in the form of the kind of the series.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = StatisticsPoint)]
enum PointView {
    Count(CountView),
    Duration(DurationView),
    Gauge(GaugeView),
}

/// The number of events in a period.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StatisticsCount)]
struct CountView {
    #[schema(value_type = OffsetDateTime)]
    at: Option<String>,
    count: u64,
}

/// How long the events of a period took.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StatisticsDuration)]
struct DurationView {
    #[schema(value_type = OffsetDateTime)]
    at: Option<String>,
    count: u64,
    #[schema(required = true)]
    p50_ms: Option<f64>,
    #[schema(required = true)]
    p99_ms: Option<f64>,
}

/// The value of a gauge in a period.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StatisticsGauge)]
struct GaugeView {
    #[schema(value_type = OffsetDateTime)]
    at: Option<String>,
    /// The sum of the largest value of each node.
    highest: u64,
    /// The mean of the minutes of the period, summed over all nodes.
    mean: f64,
}

/// `GET /api/v1/admin/statistics`: the values of some series, by label. A label without events in a period has no point there.
pub(crate) async fn read(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<StatisticsParameters>,
) -> Result<HttpResponse, Problem> {
    let StatisticsParameters { series, from, to, step } = query.0;
    let series = named(&series)?;
    let span = StatisticsSpan { from, to, step };
    let answer = services.operators.statistics.read(&auth.caller, series, span, &client.0).await?;
    let series = answer.series.iter().map(|(series, points)| SeriesView::of(*series, points)).collect();
    let (from, to) = (moment(answer.from), moment(answer.to));
    Ok(HttpResponse::Ok().json(json!(StatisticsView { from, series, step: answer.step, to })))
}

/// The series with these names, each once.
fn named(text: &str) -> Result<Vec<Series>, Problem> {
    let unknown = || {
        let known: Vec<_> = Series::ALL.iter().map(|series| series.as_str()).collect();
        Problem::unprocessable("unknown_series", format!("The series are: {}.", known.join(", ")))
    };
    let mut series = text.split(',').map(Series::of).collect::<Option<Vec<_>>>().ok_or_else(unknown)?;
    series.sort_unstable();
    series.dedup();
    Ok(series)
}

impl<'s> SeriesView<'s> {
    fn of(series: Series, points: &'s [StatisticsPoint]) -> Self {
        let mut labels: BTreeMap<&str, Vec<PointView>> = BTreeMap::new();
        for point in points {
            labels.entry(&point.label).or_default().push(PointView::of(series, point));
        }
        Self {
            kind: match series.kind() {
                SeriesKind::Count => "count",
                SeriesKind::Duration => "duration",
                SeriesKind::Gauge => "gauge",
            },
            labels: labels.into_iter().map(|(label, points)| LabelView { label, points }).collect(),
            name: series.as_str(),
        }
    }
}

impl PointView {
    fn of(series: Series, point: &StatisticsPoint) -> Self {
        let (at, count) = (moment(point.at), point.value as u64);
        let millis = |share| quantile_us(&point.buckets, share).map(|micros| micros as f64 / 1_000.0);
        match series.kind() {
            SeriesKind::Count => Self::Count(CountView { at, count }),
            SeriesKind::Duration => {
                Self::Duration(DurationView { at, count, p50_ms: millis(0.5), p99_ms: millis(0.99) })
            }
            SeriesKind::Gauge => Self::Gauge(GaugeView { at, highest: point.highest, mean: point.value }),
        }
    }
}
