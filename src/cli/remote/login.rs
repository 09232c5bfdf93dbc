//! `portcullis login`: signs in to a server and keeps the tokens.

use std::path::PathBuf;

use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::{
    http_client::{Answer, HttpClient, Request},
    output,
    profile::{Profile, Tokens},
    profile_dir::ProfileDir,
    run::block_on,
    server_args::ServerArgs,
    signed_in::{SignedIn, chosen, device_cookie, tokens_of, with_options},
    stored_secret::StoredSecret,
    terminal,
};
use crate::{
    cli::{error::CliError, harmless::harmless},
    secrets,
};

/// How often a wrong code may be corrected. The server allows five attempts.
const ATTEMPTS: u32 = 3;

/// Signs in to a running server. The tokens are kept in a file that only this user may read; commands with `--profile` or `--url`
/// use them.
///
/// Without a terminal, standard input has the password in its first line (unless it comes from --password-file), and then the
/// second factor, if the account has one. A passkey cannot be used in a terminal.
#[derive(Debug, Args)]
pub(in crate::cli) struct Login {
    #[command(flatten)]
    server: ServerArgs,
    /// The e-mail address of the account.
    #[arg(long)]
    email: Option<String>,
    /// A file with the password, which only its owner may change.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The second factor is a backup code, not a code of the authenticator app.
    #[arg(long)]
    backup_code: bool,
}

impl Login {
    pub(in crate::cli) fn run(self) -> Result<(), CliError> {
        block_on(self.sign_in())
    }

    async fn sign_in(self) -> Result<(), CliError> {
        let directory = ProfileDir::of_process()?;
        let (name, known) = self.profile(&directory)?;
        let absolute = |path: Option<PathBuf>| path.map(std::path::absolute).transpose();
        let mut profile = with_options(known, &self.server);
        (profile.ca_file, profile.client_cert) = (absolute(profile.ca_file)?, absolute(profile.client_cert)?);
        let former = directory.has_tokens(&name);
        let http = HttpClient::new(profile.clone())?;
        let email = match &self.email {
            Some(email) => email.clone(),
            None if terminal::is_interactive() => {
                terminal::ask(&format!("E-mail address at {}: ", http.server()))?
            }
            None => {
                return Err(CliError::Usage(
                    "this needs --email, because there is no terminal to ask".to_owned(),
                ));
            }
        };
        let password = self.password()?;
        let answer = self.granted(&http, &email, &password).await?;
        let body = answer.json(&http.server())?;
        let tokens = tokens_of(&body, &http.server())?;
        if let Some(device) = answer.cookie("device_id") {
            profile.device = Some(StoredSecret::new(device));
        }
        if former {
            self.end_former(&name).await;
        }
        keep(&directory, &name, &profile, &tokens).await?;
        report(&body, &http.server(), &name)
    }

    /// The profile to sign in with: the one that the options name, or a new one.
    fn profile(&self, directory: &ProfileDir) -> Result<(String, Profile), CliError> {
        let insecure = self.server.insecure_http;
        let url = self.server.url.as_deref().map(|url| Profile::of_url(url, insecure)).transpose()?;
        let (name, known) = match chosen(&self.server, directory) {
            // The profile may change to another server while nothing is signed in there.
            Err(CliError::Usage(reason)) => match self.server.profile_name()? {
                Some(name) if !directory.has_tokens(name) => (name.to_owned(), None),
                _ => return Err(CliError::Usage(reason)),
            },
            chosen => chosen?,
        };
        match (known, url) {
            (Some(known), Some(_)) => {
                Ok((name, Profile { insecure_http: known.insecure_http || insecure, ..known }))
            }
            // The file may say what is no longer permitted.
            (Some(known), None) => {
                Profile::of_url(known.url.as_str(), known.insecure_http || insecure)?;
                Ok((name, known))
            }
            (None, Some(url)) => {
                if let Some(other) = directory.profile(&name)?
                    && !other.is_of(&url.url)
                    && directory.has_tokens(&name)
                {
                    return Err(CliError::Usage(format!(
                        "the profile `{name}` is signed in to {}: sign out there first, or give this server a name with --profile",
                        other.server()
                    )));
                }
                Ok((name, url))
            }
            (None, None) => Err(CliError::Usage(format!(
                "there is no profile `{name}`: give the URL of the server with --url"
            ))),
        }
    }

    fn password(&self) -> Result<SecretString, CliError> {
        if let Some(path) = &self.password_file {
            let read = secrets::read_operators(path, secrets::LONGEST)?;
            return Ok(SecretString::from(read.text.trim_end_matches(['\r', '\n'])));
        }
        if terminal::is_interactive() {
            return terminal::ask_secret("Password: ");
        }
        Ok(SecretString::from(terminal::read_line()?.as_str()))
    }

    /// The answer that has the tokens, after the second factor, if the account has one.
    async fn granted(
        &self,
        http: &HttpClient,
        email: &str,
        password: &SecretString,
    ) -> Result<Answer, CliError> {
        let body = json!({"username": email, "password": password.expose_secret()});
        let request = Request::post("/api/v1/auth/jwt/login", body);
        let device = device_cookie(http.profile());
        let answer = http.send(&request, device).await?;
        if !answer.is_success() {
            return Err(refused(http, &answer));
        }
        let body = answer.json(&http.server())?;
        if body["status"] != "2fa_required" {
            return Ok(answer);
        }
        self.second_factor(http, &answer, &body).await
    }

    async fn second_factor(
        &self,
        http: &HttpClient,
        asked: &Answer,
        body: &Value,
    ) -> Result<Answer, CliError> {
        let has = |method: &str| {
            body["methods"].as_array().is_some_and(|methods| methods.iter().any(|one| one == method))
        };
        let (field, question) = if self.backup_code || (!has("totp") && has("backup_code")) {
            ("backup_code", "Backup code: ")
        } else if has("totp") {
            ("totp", "Code of the authenticator app: ")
        } else {
            return Err(CliError::SignIn(
                "the second factor of this account is a passkey, which a terminal cannot use: add an authenticator app in the browser, or give a backup code with --backup-code"
                    .to_owned(),
            ));
        };
        // The challenge is bound to the pre-session, and a known device has limits of its own.
        let device = http.profile().device.as_ref().map(StoredSecret::expose);
        let cookies: Vec<&str> = [asked.cookie("psid"), device].into_iter().flatten().collect();
        let cookies = cookies.join("; ");
        let attempts = if terminal::is_interactive() { ATTEMPTS } else { 1 };
        for attempt in 1.. {
            let code = if terminal::is_interactive() {
                terminal::ask_secret(question)?
            } else {
                SecretString::from(terminal::read_line()?.as_str())
            };
            let proof = json!({"challenge_id": body["challenge_id"], field: code.expose_secret()});
            let request = Request::post("/api/v1/auth/2fa/verify", proof);
            let answer = http.send(&request, |builder| builder.header("cookie", &cookies)).await?;
            if answer.is_success() {
                return Ok(answer);
            }
            if attempt >= attempts || answer.status != 401 {
                return Err(refused(http, &answer));
            }
            eprintln!("{}", harmless(&answer.problem().detail));
        }
        Err(CliError::SignIn("the second factor was refused".to_owned()))
    }

    /// Ends the session that the new one replaces. If that fails, it ends by itself after its time.
    async fn end_former(&self, name: &str) {
        let args = ServerArgs { profile: Some(name.to_owned()), url: None, ..self.server.clone() };
        let ended = async { SignedIn::open(&args)?.sign_out().await };
        if let Err(error) = ended.await {
            eprintln!("portcullis: the former session of this profile could not be ended: {error}");
        }
    }
}

fn refused(http: &HttpClient, answer: &Answer) -> CliError {
    let problem = answer.problem();
    let reason =
        format!("the sign-in was refused: {} ({})", harmless(&problem.detail), harmless(&problem.code));
    match (answer.status, problem.into_error(&http.server())) {
        (401 | 403 | 422, _) => CliError::SignIn(reason),
        (_, error) => error,
    }
}

async fn keep(
    directory: &ProfileDir,
    name: &str,
    profile: &Profile,
    tokens: &Tokens,
) -> Result<(), CliError> {
    let lock = directory.lock(name).await?;
    directory.keep(name, profile)?;
    directory.keep_tokens(name, tokens, &lock)
}

fn report(body: &Value, server: &str, name: &str) -> Result<(), CliError> {
    let text = |pointer: &str| harmless(body.pointer(pointer).and_then(Value::as_str).unwrap_or_default());
    let (email, role) = (text("/user/email"), text("/user/role"));
    output::line(&format!("signed in to {server} as {email} ({role}), profile `{name}`"))?;
    if role == "user" {
        eprintln!("This account has no role of operators: the server will refuse the commands.");
    }
    output::line(&format!(
        "Commands use this server with --profile {name}, or with PORTCULLIS_PROFILE={name}."
    ))
}
