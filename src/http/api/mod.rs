//! The server API: `POST /api/<method>`, in the form that Centrifugo's server libraries use.
//!
//! Only the route table calls this module, through `handler`. A request with an unacceptable key, method name or body is
//! rejected with a problem, as in all of REST. Errors of a method have Centrifugo's form.
//!
//! - `handler`: one request, from the key to the answer; `authorization`: the key and its scopes
//! - `method`: the names of the methods; `dispatch` carries out one method, `batch` several methods
//! - `channel_requests`, `connection_requests`: the parameters; `results`, `error`: the answers

pub(super) mod authorization;
mod batch;
pub(super) mod channel_requests;
pub(super) mod connection_requests;
mod dispatch;
pub(super) mod error;
pub(super) mod handler;
pub(super) mod method;
pub(super) mod results;
