//! Checks of every delivery and answer of the durable channel in the model.

use std::sync::Arc;

use protocol::{ErrorCode, HistoryRequest, HistoryResult, Position, Publication};

use super::{ChannelUser, Outcome, World};
use crate::history::{PAGE_BYTES, Recovery, weight};

impl World {
    /// Checks that a delivered publication is in the journal, and that its offset follows the position of each subscriber.
    pub(super) fn deliver(&mut self, publication: &Arc<Publication>) {
        assert_eq!(
            *self.db.at(publication.offset),
            **publication,
            "a delivered publication is not in the journal"
        );
        for subscriber in self.subscribers.iter_mut().filter(|each| each.member) {
            let position = subscriber.position.as_mut().expect("a member has a position");
            assert_eq!(publication.offset, position.offset + 1, "a publication is missed or repeated");
            position.offset = publication.offset;
        }
    }

    pub(super) fn tell(&mut self, requester: ChannelUser, outcome: Outcome) {
        assert!(self.unanswered.remove(&requester), "{requester:?} is answered twice");
        match (requester, outcome) {
            (ChannelUser::Publisher(serial), Outcome::Published(position)) => {
                self.published(serial, &position);
            }
            (ChannelUser::Publisher(serial), Outcome::Refused(code)) => {
                let poison = self.published[&serial].data.as_bytes().starts_with(b"\"poison");
                assert!(code == ErrorCode::Internal || poison);
            }
            (ChannelUser::Subscriber(number), Outcome::Joined(top, recovery)) => {
                self.joined(number, top, recovery);
            }
            (ChannelUser::Subscriber(number), Outcome::Refused(_)) => {
                self.subscribers[number].joining = false;
            }
            (ChannelUser::Historian(serial), Outcome::History(result)) => self.page(serial, &result),
            (ChannelUser::Remover(serial), Outcome::Removed(position)) => {
                let upto = self.removals[&serial];
                assert!(
                    upto <= self.db.gone && upto <= position.offset,
                    "a removed publication is still in the journal"
                );
            }
            (ChannelUser::Historian(_) | ChannelUser::Remover(_), Outcome::Refused(_)) => {}
            (requester, outcome) => panic!("{requester:?} is answered with {outcome:?}"),
        }
    }

    fn published(&self, serial: u64, position: &Position) {
        let (row, message) = (self.db.at(position.offset), &self.published[&serial]);
        let key = &message.idempotency_key;
        let earlier = || self.db.rows[usize::try_from(position.offset).unwrap() - 1].idempotency_key == *key;
        let before = self.db.rows.iter().take(usize::try_from(position.offset).unwrap());
        let newest = before.rev().find_map(|row| row.version.as_ref());
        let outdated = message.version.as_ref().is_some_and(|version| version.is_outdated(newest));
        let found = row.data == message.data || (key.is_some() && earlier()) || outdated;
        assert!(found, "an acknowledged message is not in the journal");
    }

    fn joined(&mut self, number: usize, top: Position, recovery: Option<Recovery>) {
        let subscriber = &mut self.subscribers[number];
        (subscriber.member, subscriber.joining) = (true, false);
        if let Some(Recovery { recovered: true, publications, offset }) = &recovery {
            assert_eq!(Some(*offset), subscriber.position.as_ref().map(|position| position.offset));
            for (index, publication) in publications.iter().enumerate() {
                assert_eq!(publication.offset, offset + index as u64 + 1);
                assert_eq!(**publication, *self.db.at(publication.offset));
            }
            assert_eq!(offset + publications.len() as u64, top.offset);
        }
        subscriber.recovered = recovery.map(|recovery| recovery.recovered);
        subscriber.position = Some(top);
    }

    /// Checks that a page begins where the request says, and has no gap. A page may have fewer publications than its limit only
    /// if the channel has no more, or if the next publication would exceed the bound in bytes.
    fn page(&mut self, serial: u64, HistoryResult { publications, position }: &HistoryResult) {
        assert!(position.offset <= self.db.top());
        for publication in publications {
            assert_eq!(**publication, *self.db.at(publication.offset));
        }
        let offsets: Vec<_> = publications.iter().map(|publication| publication.offset).collect();
        let HistoryRequest { limit, since, reverse, .. } = &self.requests[&serial];
        let limit = usize::try_from(*limit).unwrap();
        let since = since.as_ref().map(|since| since.offset);
        let step = |offset: u64| if *reverse { offset - 1 } else { offset + 1 };
        let (top, gone) = (position.offset, self.db.gone);
        let is_kept = |offset: u64| offset > gone && offset <= top;
        let mut next = match (reverse, since) {
            (true, since) => since.map_or(top, |since| top.min(since - 1)),
            (false, since) => since.unwrap_or(0) + 1,
        };
        if let Some(first) = offsets.first().filter(|first| !*reverse && !is_kept(next) && **first > next) {
            // The page may skip only removed publications.
            assert!(!is_kept(first - 1), "a kept publication is skipped");
            next = *first;
        }
        for offset in &offsets {
            assert_eq!(*offset, next, "a gap in the history");
            next = step(next);
        }
        if offsets.is_empty() && !*reverse {
            next = next.max(gone + 1);
        }
        if offsets.len() < limit && is_kept(next) {
            let bytes: usize = publications.iter().map(|publication| weight(publication)).sum();
            let too_much = !offsets.is_empty() && bytes + weight(&self.db.at(next)) > PAGE_BYTES;
            assert!(too_much, "the answer lacks a kept publication: {offsets:?}, then {next}");
        }
        self.pages.push(offsets);
    }
}
