//! Checks the deliveries of a fan-out to each subscriber: each publication arrives once, and in the order of the channel.
//!
//! A total count is not enough: a lost delivery and a duplicate would cancel each other out.

/// The largest number of missing publications that a message lists.
const LISTED: usize = 10;

/// Which publications each subscriber has received. Publications are numbered from 0 in the order of sending.
pub(super) struct Ledger {
    /// The number of connections that publish. They publish in turn.
    publishers: usize,
    /// The known part of the order of the channel's publications.
    order: Vec<usize>,
    /// The place of each publication in `order`; `None` if it is not known yet.
    places: Vec<Option<usize>>,
    /// The newest publication of each publisher in `order`.
    newest: Vec<Option<usize>>,
    subscribers: Vec<Subscriber>,
    /// Deliveries so far, without duplicates.
    delivered: usize,
}

struct Subscriber {
    received: Vec<bool>,
    /// The place in `Ledger::order` of the publication that this subscriber must receive next.
    next: usize,
}

/// What is wrong with a delivery.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// This publication was never sent.
    Unknown,
    /// The subscriber has received this publication already.
    Duplicate,
    /// In the order of the channel, another publication comes next for this subscriber.
    OutOfOrder { expected: usize },
    /// A newer publication of the same publisher was delivered earlier.
    PublisherOutOfOrder,
}

impl Ledger {
    /// A ledger for `publications` that `publishers` connections send in turn to `subscribers`.
    ///
    /// With `one_at_a_time`, a publication is sent only after the previous one has reached every subscriber. So the order of
    /// the channel is the order of the numbers. Otherwise the first subscriber that receives a publication determines the place
    /// of this publication.
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

    /// Records a delivery.
    ///
    /// # Errors
    /// What is wrong with the delivery. If it was out of order, the subscriber is expected to continue after this publication.
    /// So one fault does not make all later deliveries wrong.
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
            // No subscriber has received this publication, and this subscriber has received all known ones.
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
    fn deliveries_of_every_publication_once_and_in_order_are_accepted() {
        let mut ledger = Ledger::new(2, 3, 2, true);
        for subscriber in 0..2 {
            assert_eq!(enter_all(&mut ledger, subscriber, &[0, 1, 2]), []);
        }
        assert_eq!((ledger.delivered(), ledger.missing(3).count()), (6, 0));
    }

    #[test]
    fn one_lost_and_one_duplicate_delivery_do_not_cancel_each_other_out() {
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
    fn if_no_order_is_known_all_subscribers_must_have_the_same_order() {
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
        // The first of two publishers sends publications 0 and 2.
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
