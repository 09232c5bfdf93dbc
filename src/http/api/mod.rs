//! The server API: `POST /api/<method>`, in the form that Centrifugo's server libraries use.
//!
//! The route table calls `handler`; nothing else enters. A request without a key, without JSON or with too large a body is
//! rejected with a problem, like everywhere in REST. Errors of a method are answered as Centrifugo does.
//!
//! - `handler`: one request, from its key to its answer; `authorization`: the key and its scopes
//! - `method`: the names of the methods; `dispatch` carries one out, `batch` several
//! - `channel_requests`, `connection_requests`: the parameters; `results`, `error`: the answers

mod authorization;
mod batch;
mod channel_requests;
mod connection_requests;
mod dispatch;
mod error;
pub(super) mod handler;
mod method;
mod results;
