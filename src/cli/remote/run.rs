//! Runs a command against a server: the request, the questions before it, and the answer.

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt as _, time::Duration};

use clap::{ArgMatches, Command};
use serde_json::Value;
use time::OffsetDateTime;

use super::{
    accounts, audit_tail, command_line,
    http_client::Request,
    listing::Listing,
    noun::{Form, Kind, Shown, Verb},
    order::{self, Values},
    output, receipts, rendering,
    sentence::{Words, sentence},
    server_args::ServerArgs,
    signed_in::SignedIn,
    terminal,
    watch::{Look, watch},
};
use crate::cli::error::CliError;

/// Runs the verb with these arguments. `declared` is the command with the same name on the database, if there is one.
pub(super) fn run(
    verb: &'static Verb,
    declared: Option<&Command>,
    matches: &ArgMatches,
) -> Result<(), CliError> {
    command_line::check_server_side(verb, declared, matches)?;
    let args = ServerArgs::of(matches)?;
    block_on(async {
        // Keys of the command line verify a receipt without a server.
        if matches!(verb.shown, Shown::Verified) {
            return receipts::verify(&args, matches).await;
        }
        let server = SignedIn::open(&args)?;
        carry_out(&server, verb, matches).await
    })
}

/// Runs the future on this thread.
pub(crate) fn block_on(work: impl Future<Output = Result<(), CliError>>) -> Result<(), CliError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

async fn carry_out(server: &SignedIn, verb: &'static Verb, matches: &ArgMatches) -> Result<(), CliError> {
    let mut values = order::given(verb, matches);
    check_reason(verb, &values)?;
    let typed = values.clone();
    let words = accounts::resolve(server, verb, &mut values).await?;
    if let Some(question) = verb.asks
        && !matches.get_flag("yes")
    {
        confirm(&sentence(question, &Value::Null, &labelled(verb, &words)))?;
    }
    ask_reason(verb, &mut values)?;
    let request = order::request(verb, &values, OffsetDateTime::now_utc())?;
    let as_json = matches.try_get_one::<bool>("json").ok().flatten() == Some(&true);
    match verb.shown {
        Shown::List(..) | Shown::Whole(..) | Shown::Statistics => {
            looks(server, verb, &request, matches, as_json).await
        }
        Shown::Document => document(server, &request, &typed).await,
        Shown::Tail => audit_tail::tail(server, verb, &values, &request, matches).await,
        Shown::Drill => receipts::drilled(server, server.call(&request).await?, as_json),
        Shown::Receipt => receipts::show(server, &request, matches, as_json).await,
        Shown::Verified => Ok(()),
        Shown::Fields | Shown::Proof | Shown::Says(_) | Shown::SaysWithSecret(..) => {
            let answer = server.call(&request).await?;
            if as_json { output::json(&answer, false) } else { say(verb, &answer, &words) }
        }
    }
}

/// An answer for people.
fn say(verb: &Verb, answer: &Value, words: &Words) -> Result<(), CliError> {
    match verb.shown {
        Shown::Fields => output::line(&rendering::fields(answer).join("\n")),
        // The leaf has the texts of others, and a hash is over its bytes.
        Shown::Proof => {
            output::Document::begin().part(format!("{}\n", rendering::proof(answer).join("\n")).as_bytes())
        }
        Shown::SaysWithSecret(template, label, pointer) => {
            say_with_secret(&sentence(template, answer, words), label, answer.pointer(pointer))
        }
        Shown::Says(template) => output::line(&sentence(template, answer, words)),
        _ => Ok(()),
    }
}

/// A secret without a label is the only line of standard output, so that scripts can take it.
fn say_with_secret(said: &str, label: &str, secret: Option<&Value>) -> Result<(), CliError> {
    let secret = secret.and_then(Value::as_str);
    if label.is_empty() {
        eprintln!("{said}");
    } else {
        output::line(said)?;
    }
    secret.map_or(Ok(()), |secret| output::line(&format!("{label}{secret}")))
}

async fn looks(
    server: &SignedIn,
    verb: &Verb,
    request: &Request,
    matches: &ArgMatches,
    as_json: bool,
) -> Result<(), CliError> {
    if let Some(seconds) = matches.get_one::<u32>("watch") {
        let every = Duration::from_secs((*seconds).into());
        return watch(every, as_json, async || Ok(look(server, verb, request, matches).await?.0)).await;
    }
    let (found, more) = look(server, verb, request, matches).await?;
    if as_json {
        return output::json(&found.json, false);
    }
    output::line(&found.lines.join("\n"))?;
    if more {
        eprintln!("There are further entries: give --all, or another --limit.");
    }
    Ok(())
}

/// One look at a list or at statistics, and whether there is more.
async fn look(
    server: &SignedIn,
    verb: &Verb,
    request: &Request,
    matches: &ArgMatches,
) -> Result<(Look, bool), CliError> {
    let width = terminal::size().map(|(width, _)| width);
    match verb.shown {
        Shown::List(plural, columns) => {
            let limit = if matches.get_flag("all") { None } else { matches.get_one::<u32>("limit") };
            let limit = limit.map(|limit| *limit as usize);
            let cursor = matches.get_one::<String>("cursor").map(String::as_str);
            let listing = Listing::read(server, request, plural, limit, cursor).await?;
            let lines = rendering::table(&listing.entries, columns, width);
            Ok((Look { json: listing.json(), lines }, listing.next.is_some()))
        }
        Shown::Whole(plural, columns) => {
            let listing = Listing::read_whole(server, request, plural).await?;
            let lines = rendering::table(&listing.entries, columns, width);
            Ok((Look { json: listing.json(), lines }, false))
        }
        _ => {
            let answer = server.call(request).await?;
            let lines = rendering::table(&rendering::statistics(&answer), rendering::STATISTICS, width);
            Ok((Look { json: answer, lines }, false))
        }
    }
}

/// Writes the body as it comes. It may have personal data, so no other user of the machine may read the file.
async fn document(server: &SignedIn, request: &Request, values: &Values) -> Result<(), CliError> {
    let path = values.get("output").and_then(|texts| texts.first());
    let mut file = match path {
        Some(path) => {
            let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            Some(opened.map_err(|error| CliError::Failure(format!("cannot create {path}: {error}")))?)
        }
        None => None,
    };
    let mut out = output::Document::begin();
    let written = async {
        let mut stream = server.stream(request).await?;
        while let Some(part) = stream.next().await? {
            match &mut file {
                Some(file) => file.write_all(&part)?,
                None => out.part(&part)?,
            }
        }
        Ok(())
    };
    let written: Result<(), CliError> = written.await;
    if let (Err(_), Some(path)) = (&written, path) {
        // A part of a document must not look like the whole.
        let _ = std::fs::remove_file(path);
    }
    written
}

/// The words, with the names of the options in front of values that are not obvious.
fn labelled(verb: &Verb, words: &Words) -> Words {
    let label = |id: &&'static str| {
        let parameter = verb.parameter(id)?;
        match parameter.form {
            Form::Flag => Some(format!("--{} ", id.replace('_', "-"))),
            Form::Option | Form::RequiredOption => {
                Some(format!("--{} {} ", id.replace('_', "-"), words.get(id)?))
            }
            Form::Argument | Form::OptionalArgument => words.get(id).cloned(),
        }
    };
    words.keys().filter_map(|id| Some((*id, label(id)?))).collect()
}

fn confirm(question: &str) -> Result<(), CliError> {
    let question = question.replace(" .", ".");
    if !terminal::is_interactive() {
        return Err(CliError::Usage(format!("{question} Nothing was done: confirm it with --yes")));
    }
    if terminal::confirm(&format!("{question}\nGo on?"))? {
        Ok(())
    } else {
        Err(CliError::Failure("nothing was done".to_owned()))
    }
}

/// Whether the verb needs a reason that the values do not have.
fn lacks_reason(verb: &Verb, values: &Values) -> bool {
    let needs = match verb.parameter("reason").map(|parameter| parameter.value) {
        Some(Kind::Reason) => true,
        Some(Kind::ReasonWith(flag)) => values.contains_key(flag),
        _ => false,
    };
    needs && !values.contains_key("reason")
}

/// Refuses a missing reason before anything is sent, if there is no terminal to ask for it.
fn check_reason(verb: &Verb, values: &Values) -> Result<(), CliError> {
    if lacks_reason(verb, values) && !terminal::is_interactive() {
        return Err(CliError::Usage("this needs --reason, which is kept in the audit log".to_owned()));
    }
    Ok(())
}

fn ask_reason(verb: &Verb, values: &mut Values) -> Result<(), CliError> {
    if lacks_reason(verb, values) {
        values.insert("reason", vec![terminal::ask("Reason, for the audit log: ")?]);
    }
    Ok(())
}
