//! Sends one event to one receiver: the request, and the rules of the network.
//!
//! A receiver's name is resolved for each connection, and only addresses that are permitted are used. No redirect is followed,
//! no proxy is used, an attempt has a time limit, and only the start of an answer is read.

use std::{sync::Arc, time::Duration};

use domain::events::{
    destination::parse_destination,
    outgoing::Content,
    retry::{Verdict, asked_pause, verdict},
    security_event::{SecurityEventClaims, subject_identifier},
    webhook,
};
use reqwest::{Client, RequestBuilder, Response, header::HeaderMap, redirect};
use secrecy::ExposeSecret as _;
use serde_json::Map;
use store::{Claimed, EventReceiver};
use time::OffsetDateTime;

use super::{receiver_secrets::ReceiverSecrets, settings::EventSettings};
use crate::core::{
    failure::Failure, keys::LiveKeys, public_addresses::PublicAddresses, request_error::request_error,
};

/// This many bytes of an answer are read, so that the connection can be used again.
const ANSWER_BYTES: usize = 16 * 1024;

/// What an attempt has shown.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// Whether the receiver has the event.
    pub(crate) verdict: Verdict,
    /// The status of the answer, if there was one.
    pub(crate) status: Option<u16>,
    /// The failure, in words.
    pub(crate) failure: String,
    /// How long the receiver asks to wait.
    pub(crate) asked_pause: Option<Duration>,
}

/// Sends events. Clones are cheap.
#[derive(Clone)]
pub(crate) struct Sender {
    settings: EventSettings,
    keys: LiveKeys,
    secrets: ReceiverSecrets,
    client: Result<Client, String>,
}

impl Sender {
    pub(crate) fn new(settings: EventSettings, keys: LiveKeys, secrets: ReceiverSecrets) -> Self {
        // An error means that a provider is already installed.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(settings.timeout)
            .pool_max_idle_per_host(4)
            .user_agent("portcullis");
        let client =
            if settings.inner_addresses { client } else { client.dns_resolver(Arc::new(PublicAddresses)) };
        let client = client.build().map_err(request_error);
        Self { settings, keys, secrets, client }
    }

    /// Makes one attempt.
    pub(crate) async fn send(
        &self,
        receiver: &EventReceiver,
        event: &Claimed,
        now: OffsetDateTime,
    ) -> Outcome {
        let request = match self.request(receiver, event, now) {
            Ok(request) => request,
            Err(failure) => return failed(failure),
        };
        match request.send().await {
            Ok(answer) => outcome(answer).await,
            Err(error) => failed(request_error(error)),
        }
    }

    fn request(
        &self,
        receiver: &EventReceiver,
        event: &Claimed,
        now: OffsetDateTime,
    ) -> Result<RequestBuilder, String> {
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let url = receiver.url.as_deref().unwrap_or_default();
        let url = parse_destination(url, self.settings.inner_addresses).map_err(|error| error.to_string())?;
        let sealed = |_: Failure| "the secret of the receiver cannot be opened".to_owned();
        let secrets = self.secrets.open(receiver, now).map_err(sealed)?;
        let request = client.post(url);
        Ok(match &event.content {
            Content::Webhook { data } => {
                let (id, at) = (event.event_id, now.unix_timestamp());
                let body = webhook::body(&event.kind, event.occurred_at, data);
                let signatures = webhook::signatures(&secrets, id, at, &body);
                request
                    .header("content-type", "application/json")
                    .header("webhook-id", id.to_string())
                    .header("webhook-timestamp", at.to_string())
                    .header("webhook-signature", signatures)
                    .body(body)
            }
            Content::SecurityEvent { .. } => {
                let token = self.token(receiver, event, now).ok_or("the event is no security event")?;
                let request = request
                    .header("content-type", "application/secevent+jwt")
                    .header("accept", "application/json")
                    .body(token);
                match secrets.first() {
                    Some(authorization) => request.header("authorization", authorization.expose_secret()),
                    None => request,
                }
            }
        })
    }

    /// The Security Event Token of an event; `None` for other events.
    pub(crate) fn token(
        &self,
        receiver: &EventReceiver,
        event: &Claimed,
        now: OffsetDateTime,
    ) -> Option<String> {
        security_event_token(&self.keys, receiver, event, now)
    }
}

/// The Security Event Token of an event; `None` for other events.
pub(crate) fn security_event_token(
    keys: &LiveKeys,
    receiver: &EventReceiver,
    event: &Claimed,
    now: OffsetDateTime,
) -> Option<String> {
    let Content::SecurityEvent { about, claims, transaction } = &event.content else { return None };
    let keys = keys.live();
    let domain = keys.access.issuer();
    let events = Map::from_iter([(event.kind.clone(), claims.clone().into())]);
    Some(keys.events.sign(&SecurityEventClaims {
        iss: transmitter(domain),
        aud: audience(domain, receiver.id),
        iat: now.unix_timestamp(),
        jti: event.event_id,
        txn: *transaction,
        sub_id: subject_identifier(about, domain),
        events,
    }))
}

/// The issuer of Security Event Tokens of a server with this domain.
pub(crate) fn transmitter(domain: &str) -> String {
    format!("https://{domain}")
}

/// The audience of the tokens of a stream.
pub(crate) fn audience(domain: &str, stream: uuid::Uuid) -> String {
    format!("https://{domain}/api/v1/ssf/streams/{stream}")
}

async fn outcome(mut answer: Response) -> Outcome {
    let status = answer.status().as_u16();
    let asked_pause = pause_in(answer.headers());
    let mut read = 0;
    // The answer has arrived. What follows only decides whether the connection can be used again.
    while let Ok(Some(part)) = answer.chunk().await {
        read += part.len();
        if read > ANSWER_BYTES {
            break;
        }
    }
    let failure = format!("the receiver answered with {status}");
    Outcome { verdict: verdict(status), status: Some(status), failure, asked_pause }
}

fn pause_in(headers: &HeaderMap) -> Option<Duration> {
    asked_pause(headers.get("retry-after")?.to_str().ok()?)
}

fn failed(failure: String) -> Outcome {
    Outcome { verdict: Verdict::Failed, status: None, failure, asked_pause: None }
}
