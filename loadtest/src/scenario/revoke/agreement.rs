//! Compares the statements of several witnesses about one revocation: the answer to the request, the receipt, the metrics of
//! the server, and the sockets of this program. All must count the same sockets.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{
    failure::Failure,
    metrics::Metrics,
    receipt::Receipt,
    report::Report,
    rest::{Rest, RevocationAnswer, Tokens},
};

/// The longest time until the server hands the receipt out: a pass of two jobs, and the end of the lease of a lost node.
const RECEIPT_WITHIN: Duration = Duration::from_secs(60);
const ASK_EVERY: Duration = Duration::from_millis(500);
/// The label of revocations by operators.
const CAUSE: &str = "cause=\"revoked\"";

/// What the metrics of the server count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    revocations: usize,
    sockets: usize,
}

impl Counts {
    pub(super) fn of(metrics: &Metrics) -> Self {
        Self {
            revocations: metrics.count("revocation_seconds_count", CAUSE),
            sockets: metrics.count("revoked_socket_seconds_count", CAUSE),
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            revocations: self.revocations.saturating_sub(before.revocations),
            sockets: self.sockets.saturating_sub(before.sockets),
        }
    }
}

/// Waits until the server hands the receipt of a revocation out.
pub(super) async fn receipt(rest: &Rest<'_>, operator: &Tokens, id: i64) -> Result<Receipt, Failure> {
    let deadline = Instant::now() + RECEIPT_WITHIN;
    loop {
        match rest.receipt(operator, id).await? {
            Ok(signed) => return Ok(signed.receipt),
            Err(pending) if Instant::now() > deadline => {
                return Err(format!("no receipt within {RECEIPT_WITHIN:?}: {pending}").into());
            }
            Err(_) => sleep(ASK_EVERY).await,
        }
    }
}

/// Adds a line for each witness, and a check that they agree.
pub(super) fn compare(
    report: &mut Report,
    answer: &RevocationAnswer,
    receipt: &Receipt,
    observed: usize,
    (before, after): (Counts, Counts),
) {
    let counted = after.since(before);
    report.count("sockets_in_the_answer", answer.sockets_closed);
    report.count("sockets_in_the_receipt", receipt.sockets_closed);
    report.count("sockets_observed", observed);
    report.count("sockets_in_the_histogram", counted.sockets);
    report.count("revocations_in_the_histogram", counted.revocations);
    let sockets = [answer.sockets_closed, receipt.sockets_closed, observed, counted.sockets];
    report.check(sockets.iter().all(|count| *count == observed), || {
        format!(
            "the counts of closed sockets differ: answer {}, receipt {}, observed {}, histogram {}",
            sockets[0], sockets[1], sockets[2], sockets[3]
        )
    });
    report.check(counted.revocations == 1, || {
        format!("the histogram counts {} revocations instead of 1", counted.revocations)
    });
    report.check(receipt.is_final && answer.revocation_id == Some(receipt.revocation), || {
        format!("the receipt is not the final one of revocation {:?}: {receipt:?}", answer.revocation_id)
    });
    let of_nodes: Option<usize> = receipt.nodes.iter().map(|node| node.sockets_closed).sum();
    report.check(of_nodes == Some(receipt.sockets_closed), || {
        format!("the receipt counts {} sockets, its nodes {of_nodes:?}", receipt.sockets_closed)
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receipt::Node;

    fn report_of(answer: usize, receipt: usize, observed: usize, histogram: usize) -> Report {
        let mut report = Report::default();
        let answer =
            RevocationAnswer { revocation_id: Some(7), sessions: None, sockets_closed: answer, pending: 0 };
        let receipt = Receipt {
            is_final: true,
            revocation: 7,
            sockets_closed: receipt,
            nodes: vec![Node { sockets_closed: Some(receipt) }],
        };
        let before = Counts { revocations: 3, sockets: 100 };
        let after = Counts { revocations: 4, sockets: 100 + histogram };
        compare(&mut report, &answer, &receipt, observed, (before, after));
        report
    }

    #[test]
    fn one_witness_that_counts_another_number_is_noticed() {
        assert!(report_of(5, 5, 5, 5).broken().is_empty());
        for report in
            [report_of(4, 5, 5, 5), report_of(5, 6, 5, 5), report_of(5, 5, 4, 5), report_of(5, 5, 5, 0)]
        {
            assert_eq!(report.broken().len(), 1, "{:?}", report.broken());
        }
    }
}
