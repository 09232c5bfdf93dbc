//! Several methods in one request, one after the other or in parallel. No method is carried out if the key does not permit one
//! of them, or if this node cannot carry out one of them now.

use std::{cell::Cell, collections::BTreeMap};

use domain::tokens::subscription_terms::or_default;
use futures_util::{StreamExt as _, stream};
use protocol::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use service::{Api, ApiCaller, Services};

use super::{
    authorization::admit,
    channel_requests,
    dispatch::dispatch,
    error::ApiError,
    method::{Method, MethodName},
    results::ApiResult,
};
use crate::http::problem::Problem;

/// The largest number of commands in a batch.
const MAX_COMMANDS: usize = 1_000;
/// The number of commands of a parallel batch that run at the same time.
const PARALLEL_COMMANDS: usize = 16;
/// The limit of all replies of a batch together, in bytes. If a command starts after the limit was reached, it fails.
const MAX_REPLY_BYTES: usize = 32 * 1024 * 1024;

#[derive(Deserialize)]
struct Batch<'b> {
    #[serde(borrow)]
    commands: Vec<BTreeMap<String, &'b RawValue>>,
    #[serde(default, deserialize_with = "or_default")]
    parallel: bool,
}

/// A command: a method with its parameters, or the error of a command that is malformed.
type Command<'b> = Result<(Method, &'b RawValue), ApiError>;

/// Carries out a batch. The answer has no `result` around the replies. Each reply is an object with one key: the name of the
/// method, or `error`. The result is `Ok(Err(…))` if the batch is malformed or has too many commands.
///
/// # Errors
/// 403 if the key lacks a scope, 503 if a method cannot be carried out now.
pub(super) async fn batch(
    services: &Services,
    caller: &ApiCaller,
    body: &RawValue,
) -> Result<Result<Replies, ApiError>, Problem> {
    let read: Batch<'_> = match channel_requests::read(body) {
        Ok(read) => read,
        Err(error) => return Ok(Err(error)),
    };
    if read.commands.len() > MAX_COMMANDS {
        return Ok(Err(ApiError::BAD_REQUEST));
    }
    let commands: Vec<Command<'_>> = read.commands.iter().map(command).collect();
    for (method, _) in commands.iter().flatten() {
        admit(services, caller, *method)?;
    }
    let parallelism = if read.parallel { PARALLEL_COMMANDS } else { 1 };
    let budget = ReplyBudget::default();
    let running =
        commands.into_iter().map(|command| reply(services.server_api.for_key(caller), command, &budget));
    let replies: Vec<_> = stream::iter(running).buffered(parallelism).collect().await;
    Ok(Ok(Replies { replies }))
}

/// Reads a command, which is an object with the method as its only key.
fn command<'b>(command: &BTreeMap<String, &'b RawValue>) -> Command<'b> {
    let mut parts = command.iter();
    let (Some((name, body)), None) = (parts.next(), parts.next()) else {
        return Err(ApiError::BAD_REQUEST);
    };
    match MethodName::parse(name) {
        Some(MethodName::Method(method)) => Ok((method, body)),
        Some(MethodName::NotOffered) => Err(ApiError::NOT_AVAILABLE),
        Some(MethodName::Batch) | None => Err(ApiError::BAD_REQUEST),
    }
}

/// The memory that all replies of a batch use together.
#[derive(Default)]
struct ReplyBudget {
    bytes: Cell<usize>,
    /// Histories are the largest replies. Even a parallel batch reads one history at a time, because the size of a reply is
    /// counted only after its completion.
    histories: tokio::sync::Mutex<()>,
}

impl ReplyBudget {
    /// If the limit is not reached yet, carries out a method and counts its answer.
    async fn call(&self, api: Api<'_>, method: Method, body: &RawValue) -> ApiResult {
        let _turn = match method {
            Method::History => Some(self.histories.lock().await),
            _ => None,
        };
        if self.bytes.get() >= MAX_REPLY_BYTES {
            return Err(ErrorCode::Internal.into());
        }
        let result = dispatch(api, method, body).await?;
        self.bytes.set(self.bytes.get().saturating_add(result.get().len()));
        Ok(result)
    }
}

/// The replies, in the order of the commands.
#[derive(Serialize)]
pub(super) struct Replies {
    replies: Vec<Reply>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Reply {
    Result(BTreeMap<&'static str, Box<RawValue>>),
    Error { error: ApiError },
}

async fn reply(api: Api<'_>, command: Command<'_>, budget: &ReplyBudget) -> Reply {
    let answered = match command {
        Ok((method, body)) => budget.call(api, method, body).await.map(|result| (method, result)),
        Err(error) => Err(error),
    };
    match answered {
        Ok((method, result)) => Reply::Result(BTreeMap::from([(method.name(), result)])),
        Err(error) => Reply::Error { error },
    }
}
