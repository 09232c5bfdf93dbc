//! Statistics over time, for operators.

use logic::tally::Series;
use store::{StatisticsPoint, StatisticsQuery, Store};
use time::{Duration, OffsetDateTime};

use super::{
    authority::{Authority, Right},
    slow_queries::SlowQueries,
};
use crate::core::{caller::Caller, clock::Clock, failure::Failure, request_meta::RequestMeta};

/// The most periods of an answer.
const POINTS: i64 = 1_000;
/// The time of an answer, if the request has no time.
const DEFAULT_SPAN: Duration = Duration::hours(1);
/// The length of a period, if the request has none.
const DEFAULT_STEP: u32 = 60;
/// The longest period: a day.
const LONGEST_STEP: u32 = 86_400;
const HOUR: u32 = 3_600;

/// The time of the requested statistics.
#[derive(Clone, Copy, Debug, Default)]
pub struct StatisticsSpan {
    /// The beginning; an hour before the end if it is not given.
    pub from: Option<OffsetDateTime>,
    /// The end; now if it is not given.
    pub to: Option<OffsetDateTime>,
    /// The length of a period in seconds; a minute if it is not given.
    pub step: Option<u32>,
}

/// The values of some series.
#[derive(Clone, Debug)]
pub struct StatisticsAnswer {
    /// The beginning of the first period.
    pub from: OffsetDateTime,
    /// The end.
    pub to: OffsetDateTime,
    /// The length of a period in seconds.
    pub step: u32,
    /// The values of each series, in the order of time and label.
    pub series: Vec<(Series, Vec<StatisticsPoint>)>,
}

/// Reads statistics.
pub struct OperatorStatistics {
    store: Store,
    clock: Clock,
    authority: Authority,
    slow: SlowQueries,
}

impl OperatorStatistics {
    pub(crate) fn new(store: Store, clock: Clock, authority: Authority, slow: SlowQueries) -> Self {
        Self { store, clock, authority, slow }
    }

    /// The values of these series.
    ///
    /// # Errors
    /// The errors of `Authority::read`; `BadRequest` for an empty or too long time, or an invalid step; `Unavailable`.
    pub async fn read(
        &self,
        caller: &Caller,
        series: Vec<Series>,
        span: StatisticsSpan,
        meta: &RequestMeta,
    ) -> Result<StatisticsAnswer, Failure> {
        let names: Vec<_> = series.iter().map(|series| series.as_str()).collect();
        let event = self.authority.event(caller, "statistics.read", meta).with("series", names);
        self.authority.read(caller, Right::Read, event).await?;
        let (from, to, step) = self.span(span)?;
        let mut answer = StatisticsAnswer { from, to, step, series: Vec::new() };
        for series in series {
            let (store, query) = (self.store.clone(), StatisticsQuery { series, from, to, step });
            let points = self.slow.run(async move { store.statistics(query).await }).await?;
            answer.series.push((series, points));
        }
        Ok(answer)
    }

    /// The span, from the beginning of a period on: the given beginning may be moved back.
    fn span(&self, span: StatisticsSpan) -> Result<(OffsetDateTime, OffsetDateTime, u32), Failure> {
        let step = span.step.unwrap_or(DEFAULT_STEP);
        let multiple_of = if step >= HOUR { HOUR } else { DEFAULT_STEP };
        if step == 0
            || step > LONGEST_STEP
            || !step.is_multiple_of(multiple_of)
            || !LONGEST_STEP.is_multiple_of(step)
        {
            let detail = "`step` is a number of seconds that divides a day: whole minutes, or from an hour on whole hours.";
            return Err(Failure::bad_request("invalid_step", detail));
        }
        let to = span.to.unwrap_or_else(|| self.clock.now());
        let invalid = || {
            let detail = "The time must not be empty, and have at most 1,000 periods.";
            Failure::bad_request("invalid_period", detail)
        };
        let from = span.from.or_else(|| to.checked_sub(DEFAULT_SPAN)).ok_or_else(invalid)?;
        let length = i64::from(step);
        let start = from.unix_timestamp().div_euclid(length) * length;
        let from = OffsetDateTime::from_unix_timestamp(start).map_err(|_| invalid())?;
        if from >= to || (to - from).whole_seconds() > POINTS * length {
            return Err(invalid());
        }
        Ok((from, to, step))
    }
}
