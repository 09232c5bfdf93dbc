//! Several methods in one request, one after the other or at once. The key must permit all of them, or none is carried out.

use std::{cell::Cell, collections::BTreeMap};

use futures_util::{StreamExt as _, stream};
use protocol::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    error::ApiError,
    method::{Method, Named},
    require,
};
use crate::http::api::{channel_requests, dispatch::call, results::Answered};
use crate::http::problem::Problem;
use domain::tokens::subscription_terms::or_default;
use service::{Api, ApiCaller, Services};

/// The most commands of one batch, and how many of them run at once if they may.
const MAX_COMMANDS: usize = 1_000;
const AT_ONCE: usize = 16;
/// So many bytes of replies are enough: what has not begun by then is not carried out.
const ENOUGH_BYTES: usize = 32 * 1024 * 1024;

#[derive(Deserialize)]
struct Batch<'b> {
    #[serde(borrow)]
    commands: Vec<BTreeMap<String, &'b RawValue>>,
    #[serde(default, deserialize_with = "or_default")]
    parallel: bool,
}

/// A command: a method of ours with its parameters, or why it is none.
type Command<'b> = Result<(Method, &'b RawValue), ApiError>;

/// Carries a batch out. The answer has no `result` around it; each reply is named after its method, or an error. What is
/// no batch is an error itself.
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
        require(caller, method.scope())?;
    }
    let at_once = if read.parallel { AT_ONCE } else { 1 };
    let room = Room::default();
    let running =
        commands.into_iter().map(|command| one(services.server_api.for_key(caller), command, &room));
    let replies: Vec<_> = stream::iter(running).buffered(at_once).collect().await;
    Ok(Ok(Replies { replies }))
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

/// What the replies of a batch take of memory, all together.
#[derive(Default)]
struct Room {
    bytes: Cell<usize>,
    /// Histories are the largest of them, and take turns also where the rest runs at once.
    histories: tokio::sync::Mutex<()>,
}

impl Room {
    /// Carries a method out and counts its answer, if there is room for it.
    async fn call(&self, api: Api<'_>, method: Method, body: &RawValue) -> Answered {
        let _turn = match method {
            Method::History => Some(self.histories.lock().await),
            _ => None,
        };
        if self.bytes.get() >= ENOUGH_BYTES {
            return Err(ErrorCode::Internal.into());
        }
        let result = call(api, method, body).await?;
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

async fn one(api: Api<'_>, command: Command<'_>, room: &Room) -> Reply {
    let answered = match command {
        Ok((method, body)) => room.call(api, method, body).await.map(|result| (method, result)),
        Err(error) => Err(error),
    };
    match answered {
        Ok((method, result)) => Reply::Result(BTreeMap::from([(method.word(), result)])),
        Err(error) => Reply::Error { error },
    }
}
