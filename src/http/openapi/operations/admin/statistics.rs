//! Figures over time: `/api/v1/admin/statistics`.

use super::parts::{INVALID_PERIOD, INVALID_STEP, Operation, UNKNOWN_SERIES, get};
use crate::http::resources::admin::statistics::{StatisticsParameters, StatisticsView};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/api/v1/admin/statistics", "adminReadStatistics", "The values of some series over time.")
            .operator()
            .query::<StatisticsParameters>()
            .refuses(&[INVALID_PERIOD, INVALID_STEP, UNKNOWN_SERIES])
            .answers::<StatisticsView<'_>>(200, "The values, by series and label."),
    ]
}
