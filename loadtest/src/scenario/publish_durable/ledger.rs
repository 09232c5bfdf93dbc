//! Checks the deliveries of durable channels to each subscriber. Each publication of the channel arrives once, the offsets have
//! no gap, and the publications of each publisher arrive in order.

use crate::{messages::Publication, report::Report};

pub(super) struct Ledger {
    /// The channel of each connection. The publishers are the first connections. Each publishes to the channel of its
    /// subscription.
    channels: Vec<usize>,
    publishers: usize,
    /// For each connection, the next expected offset; 0 before its first delivery, which may have any offset.
    next_offset: Vec<u64>,
    /// For each connection and publisher, the next expected number.
    next_number: Vec<Vec<usize>>,
    report: Report,
    may_continue: bool,
}

impl Ledger {
    pub(super) fn new(channels: Vec<usize>, publishers: usize) -> Self {
        Self {
            next_offset: vec![0; channels.len()],
            next_number: vec![vec![0; publishers]; channels.len()],
            channels,
            publishers,
            report: Report::default(),
            may_continue: true,
        }
    }

    /// The number of deliveries if each publisher sends `publications`.
    pub(super) fn expected(&self, publications: usize) -> usize {
        let subscribers = |publisher: &usize| {
            self.channels.iter().filter(|channel| **channel == self.channels[*publisher]).count()
        };
        (0..self.publishers).map(|publisher| subscribers(&publisher) * publications).sum()
    }

    /// False after a failure that makes the rest of the run pointless.
    pub(super) fn may_continue(&self) -> bool {
        self.may_continue
    }

    /// Records a failure that makes the rest of the run pointless.
    pub(super) fn fail(&mut self, description: String) {
        self.may_continue = false;
        self.report.check(false, || description);
    }

    /// Records a delivery, and checks its channel, its offset and its number.
    pub(super) fn delivered(&mut self, connection: usize, published: &Publication) {
        let (data, offset) = (published.data, published.offset);
        let foreign = self.channels.get(data.publisher) != Some(&self.channels[connection]);
        if foreign || data.publisher >= self.publishers {
            return self.fail(format!(
                "connection {connection} received {data:?}, which was not published in its channel"
            ));
        }
        let next = std::mem::replace(&mut self.next_offset[connection], offset + 1);
        self.report.check(offset > 0 && (next == 0 || next == offset), || {
            format!("connection {connection} received offset {offset} where {next} comes next")
        });
        let next = &mut self.next_number[connection][data.publisher];
        let expected = std::mem::replace(next, data.number + 1);
        self.report.check(expected == data.number, || {
            format!("connection {connection} received {data:?} where number {expected} comes next")
        });
    }

    pub(super) fn conclude(self) -> Report {
        self.report
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Data;

    fn published(publisher: usize, number: usize, offset: u64) -> Publication {
        Publication { data: Data { publisher, number }, offset }
    }

    #[test]
    fn every_subscriber_of_a_channel_is_expected_to_receive_all_its_publications() {
        // Publishers 0 and 1 are in channels 0 and 1. Three more subscribers are in channel 0.
        let mut ledger = Ledger::new(vec![0, 1, 0, 0, 0], 2);
        assert_eq!(ledger.expected(10), 4 * 10 + 10);
        for (number, offset) in [(0, 5), (1, 6)] {
            ledger.delivered(2, &published(0, number, offset));
        }
        assert!(ledger.may_continue() && ledger.conclude().broken().is_empty());
    }

    #[test]
    fn gaps_duplicates_and_publications_of_other_channels_are_noticed() {
        let mut ledger = Ledger::new(vec![0, 1, 0], 2);
        ledger.delivered(2, &published(0, 0, 1));
        ledger.delivered(2, &published(0, 0, 1));
        ledger.delivered(2, &published(0, 2, 3));
        ledger.delivered(2, &published(1, 0, 4));
        assert!(!ledger.may_continue());
        assert_eq!(ledger.conclude().broken().len(), 5);
    }
}
