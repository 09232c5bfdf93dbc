//! Several methods in one request, one after the other or at once. The key must permit all of them, or none is carried out.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    call::call,
    error::ApiError,
    method::{Method, Named},
    request, require,
};
use crate::{
    http::problem::Problem,
    service::{Api, ApiCaller, Services},
};

/// The most commands of one batch, and how many of them run at once if they may.
const MAX_COMMANDS: usize = 1_000;
const AT_ONCE: usize = 16;

#[derive(Deserialize)]
struct Batch<'b> {
    #[serde(borrow)]
    commands: Vec<BTreeMap<String, &'b RawValue>>,
    #[serde(default)]
    parallel: bool,
}

/// A command: a method of ours with its parameters, or why it is none.
type Command<'b> = Result<(Method, &'b RawValue), ApiError>;

/// Carries a batch out. The answer has no `result` around it; each reply is named after its method, or an error.
pub(super) async fn batch(
    services: &Services,
    caller: &ApiCaller,
    body: &RawValue,
) -> Result<HttpResponse, Problem> {
    let read: Batch<'_> = match request::read(body) {
        Ok(read) => read,
        Err(error) => return Ok(error.as_answer()),
    };
    if read.commands.len() > MAX_COMMANDS {
        return Ok(ApiError::BAD_REQUEST.as_answer());
    }
    let commands: Vec<Command<'_>> = read.commands.iter().map(command).collect();
    for (method, _) in commands.iter().flatten() {
        require(caller, method.scope())?;
    }
    let at_once = if read.parallel { AT_ONCE } else { 1 };
    let running = commands.into_iter().map(|command| one(services.api(caller), command));
    let replies: Vec<_> = stream::iter(running).buffered(at_once).collect().await;
    Ok(HttpResponse::Ok().json(Replies { replies }))
}

/// The first thing that a command names.
fn command<'b>(command: &BTreeMap<String, &'b RawValue>) -> Command<'b> {
    let mut parts = command.iter();
    let (Some((name, body)), None) = (parts.next(), parts.next()) else {
        return Err(ApiError::BAD_REQUEST);
    };
    match Named::parse(name) {
        Some(Named::Method(method)) => Ok((method, body)),
        Some(Named::NotOffered) => Err(ApiError::NOT_AVAILABLE),
        Some(Named::Batch) | None => Err(ApiError::BAD_REQUEST),
    }
}

#[derive(Serialize)]
struct Replies {
    replies: Vec<Reply>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Reply {
    Result(BTreeMap<&'static str, Box<RawValue>>),
    Error { error: ApiError },
}

async fn one(api: Api<'_>, command: Command<'_>) -> Reply {
    let answered = match command {
        Ok((method, body)) => call(api, method, body).await.map(|result| (method, result)),
        Err(error) => Err(error),
    };
    match answered {
        Ok((method, result)) => Reply::Result(BTreeMap::from([(method.word(), result)])),
        Err(error) => Reply::Error { error },
    }
}
