//! The deliveries of durable channels, subscriber by subscriber: each publication of the channel once, the offsets without a gap,
//! and the publications of each publisher in order.

use crate::{messages::Publication, report::Report};

pub(super) struct Ledger {
    /// The channel of each connection. Publishers have the first numbers, and each publishes to its own channel.
    channels: Vec<usize>,
    publishers: usize,
    /// For each connection, the next expected offset; 0 before its first delivery, which may have any offset.
    next_offset: Vec<u64>,
    /// For each connection and publisher, the next expected number.
    next_number: Vec<Vec<usize>>,
    report: Report,
    whole: bool,
}

impl Ledger {
    pub(super) fn new(channels: Vec<usize>, publishers: usize) -> Self {
        Self {
            next_offset: vec![0; channels.len()],
            next_number: vec![vec![0; publishers]; channels.len()],
            channels,
            publishers,
            report: Report::default(),
            whole: true,
        }
    }

    /// The number of deliveries if each publisher sends `publications`.
    pub(super) fn expected(&self, publications: usize) -> usize {
        let listeners = |publisher: &usize| {
            self.channels.iter().filter(|channel| **channel == self.channels[*publisher]).count()
        };
        (0..self.publishers).map(|publisher| listeners(&publisher) * publications).sum()
    }

    /// False after a failure that makes the rest of the run pointless.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Records a failure that makes the rest of the run pointless.
    pub(super) fn fail(&mut self, description: String) {
        self.whole = false;
        self.report.check(false, || description);
    }

    /// Enters a delivery, and checks its channel, its offset and its number.
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
    fn every_listener_of_a_channel_is_to_hear_all_of_it() {
        // Publishers 0 and 1 in channels 0 and 1, three listeners in channel 0.
        let mut ledger = Ledger::new(vec![0, 1, 0, 0, 0], 2);
        assert_eq!(ledger.expected(10), 4 * 10 + 10);
        for (number, offset) in [(0, 5), (1, 6)] {
            ledger.delivered(2, &published(0, number, offset));
        }
        assert!(ledger.is_whole() && ledger.conclude().broken().is_empty());
    }

    #[test]
    fn holes_doubles_and_strangers_are_noticed() {
        let mut ledger = Ledger::new(vec![0, 1, 0], 2);
        ledger.delivered(2, &published(0, 0, 1));
        ledger.delivered(2, &published(0, 0, 1));
        ledger.delivered(2, &published(0, 2, 3));
        ledger.delivered(2, &published(1, 0, 4));
        assert!(!ledger.is_whole());
        assert_eq!(ledger.conclude().broken().len(), 5);
    }
}
