//! One subscriber of a channel, and the frames that all subscribers share.
//!
//! A publication is encoded at most once per encoding and form, when the first subscriber needs it. Each further receiver costs
//! only a reference to the frame and an entry in the receiver's queue.

use bytes::Bytes;
use logic::{channel_members::Form, delta::fossil};
use protocol::{
    DataForm, Encoding, Publication, Push, UnsubscribeCode, channel_name::ChannelName, close::CloseReason,
};

use crate::runtime::connection::{outbox::Outbox, request::ConnectionRequest};

/// One subscription. If this value is dropped while it is armed (the shard failed, or publications of the channel are missing),
/// the client must subscribe again. A client-side subscription then ends with push 2500. A server-side subscription ends the
/// connection with 3010.
pub(crate) struct Subscriber {
    outbox: Outbox,
    channel: ChannelName,
    number: u64,
    server_side: bool,
    armed: bool,
}

impl Subscriber {
    pub(crate) fn new(outbox: Outbox, channel: ChannelName, number: u64, server_side: bool) -> Self {
        Self { outbox, channel, number, server_side, armed: true }
    }

    /// Drops a subscription that ended in the regular way, without informing its client.
    pub(crate) fn disarm(mut self) {
        self.armed = false;
    }

    pub(crate) fn is_open(&self) -> bool {
        self.outbox.is_open()
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.outbox.encoding()
    }

    /// Enqueues a frame. Returns false if the connection has ended, or ends now because its outbox is full.
    pub(crate) fn push(&self, frame: Bytes) -> bool {
        self.outbox.push(frame).is_ok()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        if self.server_side {
            return self.outbox.close(CloseReason::InsufficientState);
        }
        let code = UnsubscribeCode::InsufficientState;
        let push = Push::Unsubscribe { channel: self.channel.as_str(), code };
        // The connection's own task must be informed before the client: the client's next command must find no subscription.
        // Both calls fail if the connection has ended meanwhile.
        let _ = self.outbox.request(ConnectionRequest::SubscriptionLost {
            channel: self.channel.clone(),
            number: self.number,
        });
        let _ = self.outbox.push(self.outbox.encoding().push(&push));
    }
}

/// The form of whole data (not a delta) for a subscription. `delta` says whether the subscription receives deltas.
pub(crate) fn whole(delta: bool) -> DataForm<'static> {
    if delta { DataForm::Whole } else { DataForm::Plain }
}

/// Frames of one message, by encoding.
pub(crate) struct Frames([Option<Bytes>; Encoding::ALL.len()]);

impl Frames {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| None))
    }

    /// The frame in this encoding. It is encoded on first use.
    pub(crate) fn get(&mut self, encoding: Encoding, push: impl FnOnce() -> Bytes) -> Bytes {
        self.0[encoding as usize].get_or_insert_with(push).clone()
    }
}

/// Frames of one publication, by form and encoding.
pub(crate) struct Publishing<'a> {
    channel: &'a str,
    publication: &'a Publication,
    plain: Frames,
    whole: Frames,
    delta: Frames,
    /// The delta from the bytes of the previous publication to the bytes of this publication. `None` until a subscriber needs
    /// it; empty if it would not be smaller than the data.
    bytes_delta: Option<Vec<u8>>,
    /// The delta between the texts of the two publications in the JSON protocol; `None` and empty as in `bytes_delta`. JSON
    /// clients get this delta if one of the texts differs from the bytes of its publication.
    text_delta: Option<Vec<u8>>,
}

impl<'a> Publishing<'a> {
    pub(crate) fn new(channel: &'a ChannelName, publication: &'a Publication) -> Self {
        let (plain, whole, delta) = (Frames::new(), Frames::new(), Frames::new());
        let (bytes_delta, text_delta) = (None, None);
        Self { channel: channel.as_str(), publication, plain, whole, delta, bytes_delta, text_delta }
    }

    /// The frame for a subscriber with this encoding and form.
    pub(crate) fn frame(&mut self, encoding: Encoding, form: Form<'_>) -> Bytes {
        let (channel, publication) = (self.channel, self.publication);
        let made = |form| encoding.push(&Push::Publication { channel, publication, form });
        match form {
            Form::Plain => self.plain.get(encoding, || made(DataForm::Plain)),
            Form::Whole => self.whole.get(encoding, || made(DataForm::Whole)),
            Form::Delta(before) => {
                let exact = before.data.is_its_json_text() && publication.data.is_its_json_text();
                let as_text = encoding == Encoding::Json && !exact;
                let kept = if as_text { &mut self.text_delta } else { &mut self.bytes_delta };
                let difference = kept.get_or_insert_with(|| difference(before, publication, as_text));
                if difference.is_empty() {
                    self.whole.get(encoding, || made(DataForm::Whole))
                } else {
                    self.delta.get(encoding, || made(DataForm::Delta(difference)))
                }
            }
        }
    }
}

/// The delta between the bytes of two publications, or (`as_text`) between their forms in the JSON protocol; empty if the delta
/// would not be smaller than the data. A delta between JSON texts is UTF-8, like the texts.
fn difference(before: &Publication, publication: &Publication, as_text: bool) -> Vec<u8> {
    let delta = |source: &[u8], target: &[u8]| {
        let delta = fossil(source, target);
        if delta.len() < target.len() { delta } else { Vec::new() }
    };
    if as_text {
        delta(&before.data.json_text(), &publication.data.json_text())
    } else {
        delta(before.data.as_bytes(), publication.data.as_bytes())
    }
}
