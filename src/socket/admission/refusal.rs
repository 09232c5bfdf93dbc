//! [`Refusal`]: the response to a refused handshake or emulated request, as problem+json. The listener also sends this response
//! to requests that exceed the listener's limits.
//!
//! A refused handshake is answered through the HTTP/1 codec, then the stream ends. Browsers hide this response from scripts,
//! but `curl`, `wscat`, proxies and SDKs on servers show it. The form is that of REST errors (RFC 9457).

use std::time::Duration;

use actix_codec::{AsyncWrite, Encoder};
use actix_http::{
    Response,
    body::BodySize,
    h1::{Codec, Message},
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, http::StatusCode};
use bytes::{Bytes, BytesMut};
use domain::{
    problem::{MEDIA_TYPE, Policy, ProblemDetails, retry_after},
    request::RequestIds,
    tokens::credential::CredentialError,
};
use logic::{client::VerifyRefusal, denials::Denied};
use service::Failure;
use tokio::io::AsyncWriteExt;

/// Maximum time for sending the response.
const REFUSAL_DEADLINE: Duration = Duration::from_secs(2);

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    detail: &'static str,
    retry_after: Option<Duration>,
    policy: Option<Policy>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: &'static str) -> Self {
        Self { status, code, detail, retry_after: None, policy: None }
    }

    pub(crate) fn unavailable() -> Self {
        let detail = "The server cannot answer this at the moment. Try again soon.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).after(Duration::from_secs(1))
    }

    pub(crate) fn too_many(retry_after: Duration, policy: Policy) -> Self {
        let detail = "Too many connection attempts. Try again later.";
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail);
        Self { policy: Some(policy), ..refusal.after(retry_after) }
    }

    pub(crate) fn connection_limit() -> Self {
        let detail = "The maximum number of connections is reached.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "connection_limit", detail).after(Duration::from_secs(10))
    }

    fn after(self, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..self }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    fn body(&self, ids: &RequestIds) -> Bytes {
        let problem = ProblemDetails {
            status: self.status.as_u16(),
            title: self.status.canonical_reason(),
            code: self.code,
            detail: self.detail,
            ids,
            methods: &[],
        };
        Bytes::from(problem.body())
    }

    /// The response for the web application. The application adds the headers of all responses.
    pub(crate) fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let ids = request.extensions().get::<RequestIds>().cloned().unwrap_or_default();
        let mut answer = HttpResponse::build(self.status).content_type(MEDIA_TYPE).body(self.body(&ids));
        self.add_headers(answer.headers_mut());
        answer
    }

    /// The response outside of the web application.
    pub(crate) fn response(&self, ids: &RequestIds) -> Response<Bytes> {
        let mut response = Response::with_body(self.status, self.body(ids));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(id) = HeaderValue::from_str(&ids.request_id) {
            headers.insert(HeaderName::from_static("x-request-id"), id);
        }
        self.add_headers(headers);
        if self.status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        response
    }

    /// The whole response as bytes, appended to `answer`.
    fn encode(&self, mut codec: Codec, mut answer: BytesMut, ids: &RequestIds) -> std::io::Result<BytesMut> {
        let response = self.response(ids);
        let body = response.body().clone();
        let mut response = response.drop_body();
        response.head_mut().set_connection_type(actix_http::ConnectionType::Close);
        codec.encode(Message::Item((response, BodySize::Sized(body.len() as u64))), &mut answer)?;
        codec.encode(Message::Chunk(Some(body)), &mut answer)?;
        codec.encode(Message::Chunk(None), &mut answer)?;
        Ok(answer)
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        if let Some(after) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after(after)));
            self.name_policy(headers, retry_after(after));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = r#"Bearer realm="portcullis", error="invalid_token""#;
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
    }

    /// Adds the headers of the exceeded rate limit.
    fn name_policy(&self, headers: &mut HeaderMap, seconds: u64) {
        let Some(policy) = self.policy else { return };
        for (name, value) in [("ratelimit-policy", policy.header()), ("ratelimit", policy.exhausted(seconds))]
        {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }

    /// Sends the response after `unsent`, the rest of earlier responses, and ends the stream.
    pub(crate) async fn send<T: AsyncWrite + Unpin>(
        &self,
        io: &mut T,
        codec: Codec,
        unsent: BytesMut,
        ids: &RequestIds,
    ) {
        let Ok(answer) = self.encode(codec, unsent, ids) else {
            return;
        };
        let sent = async {
            io.write_all(&answer).await?;
            io.shutdown().await
        };
        // A failure does not matter: the connection is refused in any case.
        let _ = tokio::time::timeout(REFUSAL_DEADLINE, sent).await;
    }
}

impl From<CredentialError> for Refusal {
    fn from(error: CredentialError) -> Self {
        let (code, detail) = match error {
            CredentialError::QueryTokenElsewhere => {
                ("token_in_query", "A token in the query is not accepted here.")
            }
            CredentialError::Repeated => {
                ("repeated_credential", "The request contains different credentials.")
            }
            CredentialError::Malformed => {
                ("malformed_authorization", "The Authorization header must have the form: Bearer <token>")
            }
        };
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::TooMany { retry_after, policy } => Self::too_many(retry_after, policy),
            _ => Self::unavailable(),
        }
    }
}

impl From<VerifyRefusal> for Refusal {
    fn from(refusal: VerifyRefusal) -> Self {
        let invalid = |code, detail| Self::new(StatusCode::UNAUTHORIZED, code, detail);
        match refusal {
            VerifyRefusal::Expired => invalid("token_expired", "The token has expired."),
            VerifyRefusal::Invalid => invalid("invalid_token", "The token is not valid."),
            VerifyRefusal::Forbidden => {
                Self::new(StatusCode::FORBIDDEN, "account_inactive", "This account is not active.")
            }
            VerifyRefusal::Denied(Denied::Blocked) => {
                Self::new(StatusCode::FORBIDDEN, "user_blocked", "This account is blocked.")
            }
            VerifyRefusal::Denied(Denied::TokenRevoked) => {
                invalid("token_revoked", "The token has been revoked. Sign in again.")
            }
            VerifyRefusal::Denied(Denied::TokensInvalidated) => {
                invalid("tokens_invalidated", "The token has been revoked. Sign in again.")
            }
            // The session has not ended: for example, the server is stopping, or the user's role has changed. The client may
            // retry.
            VerifyRefusal::Revoked(reason) if reason.reconnects() => Self::unavailable(),
            VerifyRefusal::Revoked(_) => invalid("session_ended", "The session has ended. Sign in again."),
            VerifyRefusal::ConnectionLimit => Self::connection_limit(),
            VerifyRefusal::Unavailable => Self::unavailable(),
        }
    }
}
