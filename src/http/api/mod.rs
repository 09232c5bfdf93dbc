//! The server API: `POST /api/<method>`, in the form that Centrifugo's server libraries use.
//!
//! Only the route table calls this room, through `handler`. A request without a key, without JSON or with too large a body is
//! rejected with a problem, as in all of REST. Errors of a method have Centrifugo's form.
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
