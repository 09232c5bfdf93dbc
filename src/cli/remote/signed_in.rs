//! [`SignedIn`]: requests with the tokens of a profile. Tokens are renewed before they expire, and a proof of presence is asked
//! for when the server requires one.
//!
//! Every change of the tokens happens under the lock of the profile, and begins with a look at the stored ones. So commands that
//! run at the same time never use one refresh token twice, which would end the session.

use std::{cell::RefCell, time::Duration};

use reqwest::RequestBuilder;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    http_client::{Answer, HttpClient, Request, Streamed},
    problem::Problem,
    profile::{Profile, Tokens},
    profile_dir::ProfileDir,
    server_args::{DEFAULT_PROFILE, ServerArgs},
    stored_secret::StoredSecret,
    terminal,
};
use crate::cli::{error::CliError, harmless::harmless};

/// A token is renewed so long before it expires.
const EARLY: Duration = Duration::from_secs(30);
/// How often a wrong proof may be corrected.
const PROOFS: u32 = 3;

/// The session of a profile.
pub(crate) struct SignedIn {
    http: HttpClient,
    directory: ProfileDir,
    name: String,
    tokens: RefCell<Tokens>,
    proof_on_stdin: bool,
}

impl SignedIn {
    /// The session of the profile that the options name.
    ///
    /// # Errors
    /// `SignIn` if there is none.
    pub(crate) fn open(args: &ServerArgs) -> Result<Self, CliError> {
        let directory = ProfileDir::of_process()?;
        let (name, profile) = chosen(args, &directory)?;
        let none = |server: &str| {
            CliError::SignIn(format!(
                "there is no sign-in for {server}: run `portcullis login --url {server}`"
            ))
        };
        let Some(profile) = profile else {
            return Err(args.url.as_deref().map_or_else(
                || {
                    CliError::SignIn(format!(
                        "there is no profile `{name}`: run `portcullis login --url URL` first"
                    ))
                },
                none,
            ));
        };
        let server = profile.server();
        let tokens = directory.tokens(&name, &server)?.ok_or_else(|| none(&server))?;
        let profile = with_options(profile, args);
        let http = HttpClient::new(profile)?;
        Ok(Self { http, directory, name, tokens: RefCell::new(tokens), proof_on_stdin: args.step_up_stdin })
    }

    /// The server, as messages name it.
    pub(crate) fn server(&self) -> String {
        self.http.server()
    }

    /// The name of the profile.
    pub(super) fn profile(&self) -> &str {
        &self.name
    }

    /// The answer to a successful request; null if it is empty.
    ///
    /// # Errors
    /// The sentence of the refusal, `SignIn`, or `Unreachable`.
    pub(super) async fn call(&self, request: &Request) -> Result<Value, CliError> {
        self.until_permitted(async |token| self.http.send(request, bearer(token)).await)
            .await?
            .json(&self.http.server())
    }

    /// The answer to a successful request whose body is read part by part.
    pub(super) async fn stream(&self, request: &Request) -> Result<Streamed, CliError> {
        let streamed = RefCell::new(None);
        self.until_permitted(async |token| {
            let answer = self.http.stream(request, bearer(token)).await?;
            if (200..300).contains(&answer.status()) {
                let status = answer.status();
                streamed.replace(Some(answer));
                return Ok(Answer { status, body: Vec::new(), cookies: Vec::new() });
            }
            answer.finish().await
        })
        .await?;
        streamed.into_inner().ok_or_else(|| CliError::Failure("there is no answer".to_owned()))
    }

    /// Sends a request. If its token is refused, sends it again with new tokens; if the server requires a proof of presence, again
    /// after the proof.
    async fn until_permitted(
        &self,
        send: impl AsyncFn(String) -> Result<Answer, CliError>,
    ) -> Result<Answer, CliError> {
        if self.tokens.borrow().expires_at - EARLY <= OffsetDateTime::now_utc() {
            self.renew().await?;
        }
        let (mut renewed, mut proven) = (false, false);
        loop {
            let token = self.tokens.borrow().access.expose().to_owned();
            let answer = send(token).await?;
            if answer.is_success() {
                return Ok(answer);
            }
            let problem = answer.problem();
            if answer.status == 401 && !renewed {
                renewed = true;
                self.renew().await?;
            } else if problem.is("step_up_required") && !proven {
                proven = true;
                self.prove_presence(&problem).await?;
            } else {
                return Err(problem.into_error(&self.http.server()));
            }
        }
    }

    /// The stored tokens, if they are those of this server.
    fn stored(&self) -> Result<Option<Tokens>, CliError> {
        self.directory.tokens(&self.name, &self.http.server())
    }

    fn ended(&self) -> CliError {
        let server = self.http.server();
        CliError::SignIn(format!("the session at {server} has ended: sign in again with `portcullis login`"))
    }

    /// Replaces the tokens by newer ones: those of another command, or new ones of the server.
    async fn renew(&self) -> Result<(), CliError> {
        let lock = self.directory.lock(&self.name).await?;
        let stored = self.stored()?.ok_or_else(|| self.ended())?;
        let (known, newest) = (self.tokens.borrow().access.expose().to_owned(), stored.access.expose());
        if newest != known {
            self.tokens.replace(stored);
            return Ok(());
        }
        let body = json!({"refresh_token": stored.refresh.expose()});
        // The server gives a refresh token that is sent again within ten seconds the same successor.
        let request = Request { repeatable: true, ..Request::post("/api/v1/auth/refresh", body) };
        let device = device_cookie(self.http.profile());
        let answer = self.http.send(&request, device).await?;
        match answer.status {
            200 => self.adopt(&answer, &lock),
            401 => Err(self.ended()),
            _ => Err(answer.problem().into_error(&self.http.server())),
        }
    }

    fn adopt(&self, answer: &Answer, lock: &super::profile_dir::Lock) -> Result<(), CliError> {
        let tokens = tokens_of(&answer.json(&self.http.server())?, &self.http.server())?;
        self.directory.keep_tokens(&self.name, &tokens, lock)?;
        self.tokens.replace(tokens);
        Ok(())
    }

    /// A step-up: asks for the proof that the account has, and replaces the tokens by those of the answer.
    async fn prove_presence(&self, required: &Problem) -> Result<(), CliError> {
        let has = |method: &str| required.methods.iter().any(|found| found == method);
        let (field, question) = if has("totp") {
            ("totp", "Code of the authenticator app: ")
        } else if has("password") {
            ("password", "Password: ")
        } else {
            return Err(CliError::SignIn(
                "this change needs a proof of presence, and the account has only passkeys, which a terminal cannot use: make the change in the browser, or sign in again"
                    .to_owned(),
            ));
        };
        if !self.proof_on_stdin && !terminal::is_interactive() {
            return Err(CliError::SignIn(format!(
                "this change needs a proof of presence ({field}), and there is no terminal to ask for it: run the command in a terminal, or give the proof with --step-up-stdin"
            )));
        }
        if !self.proof_on_stdin {
            eprintln!("{} needs a proof that it is you.", self.http.server());
        }
        let mut attempts = if self.proof_on_stdin { 1 } else { PROOFS };
        loop {
            attempts -= 1;
            let proof = if self.proof_on_stdin {
                SecretString::from(terminal::read_line()?.as_str())
            } else {
                terminal::ask_secret(question)?
            };
            let answer = self.step_up(field, &proof).await?;
            if answer.is_success() {
                return Ok(());
            }
            let problem = answer.problem();
            let may_correct = attempts > 0 && matches!(answer.status, 401 | 403 | 422);
            if !may_correct {
                let reason = format!("{} ({})", harmless(&problem.detail), harmless(&problem.code));
                return Err(match problem.into_error(&self.http.server()) {
                    CliError::Unreachable(text) => CliError::Unreachable(text),
                    _ => CliError::SignIn(format!("the proof of presence was refused: {reason}")),
                });
            }
            eprintln!("{}", harmless(&problem.detail));
        }
    }

    async fn step_up(&self, field: &str, proof: &SecretString) -> Result<Answer, CliError> {
        let lock = self.directory.lock(&self.name).await?;
        // Without stored tokens, another command has signed out, and the answer must not sign in again.
        self.tokens.replace(self.stored()?.ok_or_else(|| self.ended())?);
        let token = self.tokens.borrow().access.expose().to_owned();
        let request = Request::post("/api/v1/auth/step-up", json!({field: proof.expose_secret()}));
        let answer = self.http.send(&request, bearer(token)).await?;
        if answer.is_success() {
            self.adopt(&answer, &lock)?;
        }
        Ok(answer)
    }

    /// Ends the session on the server, and removes the tokens. Returns whether the server has ended a session.
    pub(super) async fn sign_out(&self) -> Result<bool, CliError> {
        let lock = self.directory.lock(&self.name).await?;
        if let Some(stored) = self.stored()? {
            self.tokens.replace(stored);
        }
        let token = self.tokens.borrow().access.expose().to_owned();
        let request = Request { body: None, ..Request::post("/api/v1/auth/logout", Value::Null) };
        // An expired access token is enough to sign out.
        let answer = self.http.send(&request, bearer(token)).await?;
        if !answer.is_success() {
            return Err(answer.problem().into_error(&self.http.server()));
        }
        self.directory.remove_tokens(&self.name, &lock)?;
        Ok(answer.status == 200)
    }
}

/// The name of the profile that the options name, and the profile, if there is one.
///
/// # Errors
/// `Usage` if the profile is of another server than `--url`.
pub(super) fn chosen(
    args: &ServerArgs,
    directory: &ProfileDir,
) -> Result<(String, Option<Profile>), CliError> {
    let url =
        args.url.as_deref().map(|url| Profile::of_url(url, true)).transpose()?.map(|profile| profile.url);
    if let Some(name) = args.profile_name()? {
        let profile = directory.profile(name)?;
        if let (Some(profile), Some(url)) = (&profile, &url)
            && !profile.is_of(url)
        {
            let server = profile.server();
            return Err(CliError::Usage(format!(
                "the profile `{name}` is of {server}: leave out --url (or PORTCULLIS_URL), or give another --profile"
            )));
        }
        return Ok((name.to_owned(), profile));
    }
    let name = match &url {
        Some(url) => directory.name_for(url)?,
        None => Some(DEFAULT_PROFILE.to_owned()),
    };
    match name {
        Some(name) => {
            let profile = directory.profile(&name)?;
            Ok((name, profile))
        }
        None => Ok((DEFAULT_PROFILE.to_owned(), None)),
    }
}

/// The profile with the options of this command.
pub(super) fn with_options(mut profile: Profile, args: &ServerArgs) -> Profile {
    profile.ca_file = args.ca_file.clone().or(profile.ca_file);
    profile.client_cert = args.client_cert.clone().or(profile.client_cert);
    profile
}

/// The tokens in an answer to a sign-in, a refresh or a step-up.
pub(super) fn tokens_of(body: &Value, server: &str) -> Result<Tokens, CliError> {
    let text = |name: &str| body[name].as_str().map(StoredSecret::new);
    let (Some(access), Some(refresh), Some(seconds)) =
        (text("access_token"), text("refresh_token"), body["expires_in"].as_i64())
    else {
        return Err(CliError::Failure(format!("{server} answered without tokens")));
    };
    let expires_at = OffsetDateTime::now_utc() + time::Duration::seconds(seconds.clamp(0, 86_400));
    Ok(Tokens { server: server.to_owned(), access, refresh, expires_at })
}

/// Adds the cookie of the device.
pub(super) fn device_cookie(profile: &Profile) -> impl Fn(RequestBuilder) -> RequestBuilder + use<> {
    let device = profile.device.clone();
    move |builder| match &device {
        Some(device) => builder.header("cookie", device.expose()),
        None => builder,
    }
}

fn bearer(token: String) -> impl Fn(RequestBuilder) -> RequestBuilder {
    move |builder| builder.bearer_auth(&token)
}
