//! The deliveries of a fan-out, subscriber by subscriber: each publication once, and in the order of the channel.
//!
//! A total count is not enough: a lost delivery and a duplicate would cancel each other out.

/// The largest number of missing publications that a message lists.
const LISTED: usize = 10;

/// Which publications each subscriber has received. Publications are numbered from 0 in the order in which they are sent.
pub(super) struct Ledger {
    /// How many different connections publish; they take turns.
    publishers: usize,
    /// The order in which the channel has published, as far as it is known.
    order: Vec<usize>,
    /// The place of each publication in `order`.
    places: Vec<Option<usize>>,
    /// The newest publication of each publisher in `order`.
    newest: Vec<Option<usize>>,
    subscribers: Vec<Subscriber>,
    /// Deliveries so far, without duplicates.
    delivered: usize,
}

struct Subscriber {
    received: Vec<bool>,
    /// The place in the channel's order of the publication that comes next.
    next: usize,
}

/// What is wrong with a delivery.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// This publication was never sent.
    Unknown,
    /// The subscriber has received it already.
    Duplicate,
    /// Other subscribers received another publication at this place.
    OutOfOrder { expected: usize },
    /// A newer publication of the same publisher was delivered earlier.
    PublisherOutOfOrder,
}

impl Ledger {
    /// A ledger for `publications` that `publishers` connections send in turn to `subscribers`.
    ///
    /// With `one_at_a_time`, each publication is sent only after the previous one has reached every subscriber, so
    /// the order of the channel is the order of the numbers. Otherwise the first subscriber that receives a
    /// publication determines its place.
    pub(super) fn new(
        subscribers: usize,
        publications: usize,
        publishers: usize,
        one_at_a_time: bool,
    ) -> Self {
        let known = if one_at_a_time { publications } else { 0 };
        Self {
            publishers: publishers.max(1),
            order: (0..known).collect(),
            places: (0..publications).map(|number| (number < known).then_some(number)).collect(),
            newest: vec![None; publishers.max(1)],
            subscribers: (0..subscribers)
                .map(|_| Subscriber { received: vec![false; publications], next: 0 })
                .collect(),
            delivered: 0,
        }
    }

    /// How many deliveries have arrived. A duplicate does not count.
    pub(super) fn delivered(&self) -> usize {
        self.delivered
    }

    /// Enters a delivery.
    ///
    /// # Errors
    /// What is wrong with the delivery. The next delivery to this subscriber is then expected after this one, so that
    /// each fault is reported only once.
    pub(super) fn enter(&mut self, subscriber: usize, number: usize) -> Result<(), Violation> {
        let Some(place) = self.places.get(number).copied() else { return Err(Violation::Unknown) };
        let next = self.subscribers[subscriber].next;
        let received = &mut self.subscribers[subscriber].received[number];
        if std::mem::replace(received, true) {
            return Err(Violation::Duplicate);
        }
        self.delivered += 1;
        let expected = self.order.get(next).copied();
        let in_order = match (place, expected) {
            // No subscriber has received this publication or any later one.
            (None, None) => self.append(number),
            (Some(place), _) if place == next => Ok(()),
            (None, Some(expected)) => Err(Violation::OutOfOrder { expected }),
            (Some(_), expected) => Err(Violation::OutOfOrder { expected: expected.unwrap_or(number) }),
        };
        self.subscribers[subscriber].next = place.unwrap_or(next) + 1;
        in_order
    }

    /// Places a publication after all known ones.
    fn append(&mut self, number: usize) -> Result<(), Violation> {
        self.places[number] = Some(self.order.len());
        self.order.push(number);
        let newest = &mut self.newest[number % self.publishers];
        let in_order = newest.is_none_or(|newest| newest < number);
        *newest = Some(number);
        if in_order { Ok(()) } else { Err(Violation::PublisherOutOfOrder) }
    }

    /// The subscribers that lack some of the first `sent` publications, each with a description.
    pub(super) fn missing(&self, sent: usize) -> impl Iterator<Item = String> {
        self.subscribers.iter().enumerate().filter_map(move |(connection, subscriber)| {
            let missing: Vec<usize> = (0..sent).filter(|number| !subscriber.received[*number]).collect();
            let first = &missing[..missing.len().min(LISTED)];
            (!missing.is_empty()).then(|| {
                format!("connection {connection} lacks {} publications, among them {first:?}", missing.len())
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter_all(ledger: &mut Ledger, subscriber: usize, numbers: &[usize]) -> Vec<Violation> {
        numbers.iter().filter_map(|number| ledger.enter(subscriber, *number).err()).collect()
    }

    #[test]
    fn every_publication_once_and_in_order_is_right() {
        let mut ledger = Ledger::new(2, 3, 2, true);
        for subscriber in 0..2 {
            assert_eq!(enter_all(&mut ledger, subscriber, &[0, 1, 2]), []);
        }
        assert_eq!((ledger.delivered(), ledger.missing(3).count()), (6, 0));
    }

    #[test]
    fn one_lost_and_one_doubled_delivery_do_not_cancel_each_other_out() {
        let mut ledger = Ledger::new(2, 3, 2, true);
        assert_eq!(enter_all(&mut ledger, 0, &[0, 1, 1, 2]), [Violation::Duplicate]);
        assert_eq!(enter_all(&mut ledger, 1, &[0, 2]), [Violation::OutOfOrder { expected: 1 }]);
        assert_eq!(ledger.delivered(), 5);
        let missing: Vec<String> = ledger.missing(3).collect();
        assert_eq!(missing, ["connection 1 lacks 1 publications, among them [1]"]);
    }

    #[test]
    fn a_publication_that_is_lost_at_the_end_is_missing() {
        let mut ledger = Ledger::new(1, 3, 1, true);
        assert_eq!(enter_all(&mut ledger, 0, &[0, 1]), []);
        assert_eq!(ledger.missing(2).count(), 0);
        assert_eq!(ledger.missing(3).count(), 1);
    }

    #[test]
    fn without_a_known_order_all_subscribers_must_agree_on_one() {
        let mut ledger = Ledger::new(2, 4, 4, false);
        assert_eq!(enter_all(&mut ledger, 0, &[1, 0, 2, 3]), []);
        assert_eq!(enter_all(&mut ledger, 1, &[1, 0, 2, 3]), []);
        let mut ledger = Ledger::new(2, 2, 2, false);
        assert_eq!(enter_all(&mut ledger, 0, &[1, 0]), []);
        assert_eq!(
            enter_all(&mut ledger, 1, &[0, 1]),
            [Violation::OutOfOrder { expected: 1 }, Violation::OutOfOrder { expected: 1 }]
        );
    }

    #[test]
    fn the_publications_of_one_publisher_keep_their_order() {
        // Publications 0 and 2 are of the first of two publishers.
        let mut ledger = Ledger::new(1, 4, 2, false);
        assert_eq!(enter_all(&mut ledger, 0, &[1, 2, 0]), [Violation::PublisherOutOfOrder]);
        let mut ledger = Ledger::new(1, 4, 2, false);
        assert_eq!(enter_all(&mut ledger, 0, &[1, 0, 3, 2]), []);
    }

    #[test]
    fn a_publication_that_was_never_sent_is_noticed() {
        let mut ledger = Ledger::new(1, 2, 1, true);
        assert_eq!(ledger.enter(0, 2), Err(Violation::Unknown));
        assert_eq!(ledger.delivered(), 0);
    }
}
