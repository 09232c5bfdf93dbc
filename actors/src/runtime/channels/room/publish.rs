//! Publishing in a room: checks the idempotency key and the version, then delivers to all subscribers. In durable channels the
//! journal checks the version.

use std::{sync::Arc, time::Instant};

use protocol::{ErrorCode, Publication};

use super::{Room, Source, durable_history::Publisher};
use crate::runtime::channels::{
    clock::now,
    events::ChannelEventKind,
    fan_out::Publishing,
    messages::{Publishment, What},
    reply::Published,
};

impl Room {
    /// Publishes, unless a publication with the same idempotency key exists. A publication with `skip_history` waits
    /// for the journal only if another publication with its key is being written.
    pub(crate) fn publish(&mut self, now: Instant, mut publishment: Box<Publishment>) {
        let durable = matches!(self.source, Source::Durable(_)) && !publishment.skip_history;
        if let Some(key) = &publishment.key {
            if let Some(earlier) = self.keys.find(now, key) {
                return publishment.asker.give(Ok(earlier));
            }
            if durable {
                self.keys.begin(key);
            } else if let Some(asker) = self.keys.follow(key, publishment.asker) {
                publishment.asker = asker;
            } else {
                return;
            }
        }
        if durable {
            return self.ask_journal(What::Publish(publishment));
        }
        self.publish_at_once(now, *publishment);
    }

    fn publish_at_once(&mut self, now: Instant, publishment: Publishment) {
        let Publishment { data, info, tags, skip_history, key, version, asker, bytes } = publishment;
        let publication = Publication { data, info, offset: 0, tags, time_ms: 0 };
        let clock = self.clock.clone();
        let (publication, position) = match self.stream().filter(|_| !skip_history) {
            Some(stream) => {
                let new = stream.takes(version).then(|| {
                    let time_ms = clock.now_ms();
                    stream.append(now, Publication { time_ms, ..publication })
                });
                (new, Some(stream.position()))
            }
            None => (Some(Arc::new(publication)), None),
        };
        if let Some(key) = key {
            self.keys.remember(now, &key, position.clone());
        }
        if let Some(publication) = publication {
            self.deliver(&publication);
            self.report(ChannelEventKind::Published, position.clone());
        }
        asker.give(Ok(position));
        drop(bytes);
    }

    /// Passes the journal's answer to the publisher.
    pub(crate) fn published(&mut self, by: Publisher, result: Result<Published, ErrorCode>) {
        if let Some(key) = by.key {
            self.keys.end(now(), &key, &result);
        }
        by.asker.give(result);
    }

    /// Delivers a publication to all subscribers.
    pub(crate) fn deliver(&mut self, publication: &Arc<Publication>) {
        let mut frames = Publishing::new(&self.name, publication);
        let (mut delivered, mut ended) = (0_u64, Vec::new());
        self.members.deliver(publication, |connection, subscriber, form| {
            if subscriber.push(frames.frame(subscriber.encoding(), form)) {
                delivered += 1;
            } else {
                ended.push(connection);
            }
        });
        self.traffic.delivered(delivered);
        // These connections have ended. They are removed now, so that they are no longer counted. Their own leaves arrive
        // later.
        for connection in ended {
            self.leave(connection, None);
        }
    }
}
