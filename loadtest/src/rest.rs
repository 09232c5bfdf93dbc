//! A client of the server's REST interface, with the parts that the scenarios need.

use std::{net::IpAddr, time::Duration};

use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    receipt::SignedReceipt,
    target::{Login, Target},
};

/// The largest number of attempts of one request while the server is too busy.
const ATTEMPTS: u32 = 120;
const DEFAULT_PAUSE: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(60);

/// A client that uses one client address for all requests. It keeps no connection open between requests.
pub(crate) struct Rest<'a> {
    target: &'a Target,
    client: Client,
}

/// The result of a sign-in.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Tokens {
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    user: UserIdentity,
}

#[derive(Clone, Deserialize, Serialize)]
struct UserIdentity {
    id: i64,
}

impl Tokens {
    #[cfg(test)]
    pub(crate) fn example(user: i64) -> Self {
        let token = |kind: &str| format!("{kind}-of-{user}");
        Self {
            access_token: token("access"),
            refresh_token: token("refresh"),
            user: UserIdentity { id: user },
        }
    }

    pub(crate) fn user_id(&self) -> i64 {
        self.user.id
    }
}

/// The answer to one attempt to sign in.
pub(crate) struct SignInAnswer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
}

/// The answer to a step-up.
#[derive(Deserialize)]
struct StepUpAnswer {
    access_token: String,
}

/// The answer to a revocation.
#[derive(Debug, Deserialize)]
pub(crate) struct RevocationAnswer {
    /// `None` if there was nothing to end.
    pub(crate) revocation_id: Option<i64>,
    /// `None` if there were too many to count.
    pub(crate) sessions: Option<usize>,
    pub(crate) sockets_closed: usize,
    pub(crate) pending: usize,
}

/// The target of a revocation.
#[derive(Clone, Copy)]
pub(crate) enum RevocationTarget {
    User(i64),
    All,
}

impl<'a> Rest<'a> {
    pub(crate) fn new(target: &'a Target, source: Option<IpAddr>) -> Result<Self, Failure> {
        let client = Client::builder()
            .local_address(source)
            .pool_max_idle_per_host(0)
            .no_proxy()
            .timeout(TIMEOUT)
            .tls_danger_accept_invalid_certs(true)
            .build()?;
        Ok(Self { target, client })
    }

    /// A client behind a proxy on this machine: the server takes `address` as the client's address.
    pub(crate) fn behind_proxy(target: &'a Target, address: &str) -> Result<Self, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", address.parse()?);
        let client = Client::builder()
            .default_headers(headers)
            .pool_max_idle_per_host(0)
            .no_proxy()
            .timeout(TIMEOUT)
            .tls_danger_accept_invalid_certs(true)
            .build()?;
        Ok(Self { target, client })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.target.base))
    }

    /// Signs in. `None` if the answer is 401, for example because the user does not exist.
    pub(crate) async fn sign_in(&self, login: &Login) -> Result<Option<Tokens>, Failure> {
        let body = json!({"username": login.email, "password": login.password});
        let response =
            with_retries(|| self.request(Method::POST, "/api/v1/auth/jwt/login").json(&body)).await?;
        match response.status() {
            StatusCode::OK => Ok(Some(response.json().await?)),
            StatusCode::UNAUTHORIZED => Ok(None),
            _ => Err(unexpected("sign-in", response).await),
        }
    }

    /// Tries to sign in once, without retries.
    pub(crate) async fn try_sign_in(&self, login: &Login) -> Result<SignInAnswer, Failure> {
        let body = json!({"username": login.email, "password": login.password});
        let response = self.request(Method::POST, "/api/v1/auth/jwt/login").json(&body).send().await?;
        let (status, retry_after) = (response.status().as_u16(), retry_after(&response));
        response.bytes().await?;
        Ok(SignInAnswer { status, retry_after })
    }

    /// Asks for a mail with which the user chooses a new password, and returns the status of the answer.
    pub(crate) async fn forgot(&self, email: &str) -> Result<u16, Failure> {
        let body = json!({"email": email});
        let response = self.request(Method::POST, "/api/v1/auth/forgot").json(&body).send().await?;
        let status = response.status().as_u16();
        response.bytes().await?;
        Ok(status)
    }

    /// Tries to sign in once: the tokens, or the status of the rejection.
    pub(crate) async fn try_tokens(&self, login: &Login) -> Result<Result<Tokens, u16>, Failure> {
        let body = json!({"username": login.email, "password": login.password});
        let response = self.request(Method::POST, "/api/v1/auth/jwt/login").json(&body).send().await?;
        match response.status() {
            StatusCode::OK => Ok(Ok(response.json().await?)),
            status => Ok(Err(status.as_u16())),
        }
    }

    /// Creates a user.
    pub(crate) async fn register(&self, login: &Login) -> Result<(), Failure> {
        let body = json!({"email": login.email, "password": login.password});
        let response =
            with_retries(|| self.request(Method::POST, "/api/v1/auth/register").json(&body)).await?;
        match response.status() {
            StatusCode::CREATED => Ok(()),
            _ => Err(unexpected("registration", response).await),
        }
    }

    /// Does a step-up, and returns the privileged access token.
    pub(crate) async fn step_up(&self, tokens: &Tokens, password: &str) -> Result<String, Failure> {
        let response = with_retries(|| {
            let request = self.request(Method::POST, "/api/v1/auth/step-up");
            request.bearer_auth(&tokens.access_token).json(&json!({"password": password}))
        })
        .await?;
        if !response.status().is_success() {
            return Err(unexpected("step-up", response).await);
        }
        Ok(response.json::<StepUpAnswer>().await?.access_token)
    }

    /// Tries a step-up once, and returns the status of the answer.
    pub(crate) async fn try_step_up(&self, tokens: &Tokens, password: &str) -> Result<u16, Failure> {
        let request = self.request(Method::POST, "/api/v1/auth/step-up");
        let request = request.bearer_auth(&tokens.access_token).json(&json!({"password": password}));
        Ok(request.send().await?.status().as_u16())
    }

    /// The status of an operator's request for the list of sessions.
    pub(crate) async fn sessions_status(&self, operator: &Tokens) -> Result<u16, Failure> {
        let request = self.request(Method::GET, "/api/v1/admin/sessions?limit=10");
        Ok(request.bearer_auth(&operator.access_token).send().await?.status().as_u16())
    }

    /// Revokes the sessions of `target`. `None` if a step-up is needed first.
    pub(crate) async fn revoke(
        &self,
        operator: &Tokens,
        target: RevocationTarget,
    ) -> Result<Option<RevocationAnswer>, Failure> {
        let body = match target {
            RevocationTarget::User(id) => json!({"user": id, "reason": "load test"}),
            RevocationTarget::All => json!({"all": true, "reason": "load test"}),
        };
        let request = self.request(Method::POST, "/api/v1/admin/revocations");
        let response = request.bearer_auth(&operator.access_token).json(&body).send().await?;
        let status = response.status();
        if status.is_success() {
            return Ok(Some(response.json().await?));
        }
        let problem: Value = response.json().await.unwrap_or_default();
        if problem["code"] == "step_up_required" {
            return Ok(None);
        }
        Err(format!("the revocation was answered with {status}: {problem}").into())
    }

    /// The receipt of a revocation, or why there is none yet.
    pub(crate) async fn receipt(
        &self,
        operator: &Tokens,
        id: i64,
    ) -> Result<Result<SignedReceipt, String>, Failure> {
        let request = self.request(Method::GET, &format!("/api/v1/admin/revocations/{id}/receipt"));
        let response = request.bearer_auth(&operator.access_token).send().await?;
        match response.status() {
            StatusCode::OK => Ok(Ok(response.json().await?)),
            StatusCode::CONFLICT => Ok(Err(response.text().await?)),
            _ => Err(unexpected("request for a receipt", response).await),
        }
    }

    /// Closes all connections of a user through the server API, with a code that makes clients reconnect.
    pub(crate) async fn disconnect(&self, key: &str, user: i64) -> Result<(), Failure> {
        let body =
            json!({"user": user.to_string(), "disconnect": {"code": 3011, "reason": "force reconnect"}});
        let request = self.request(Method::POST, "/api/disconnect").header("X-API-Key", key);
        let response = request.json(&body).send().await?;
        let status = response.status();
        let answer: Value = response.json().await.unwrap_or_default();
        if status.is_success() && answer.get("error").is_none() {
            return Ok(());
        }
        Err(format!("the disconnect was answered with {status}: {answer}").into())
    }

    /// Sends one liveness request, and waits for the answer.
    pub(crate) async fn live(&self) -> Result<(), Failure> {
        let response = self.request(Method::GET, "/health/live").send().await?;
        match response.status() {
            StatusCode::OK => Ok(()),
            _ => Err(unexpected("liveness request", response).await),
        }
    }

    /// The status of one request with the access token, without retries.
    pub(crate) async fn profile_status_once(&self, tokens: &Tokens) -> Result<u16, Failure> {
        let request = self.request(Method::GET, "/api/v1/profile").bearer_auth(&tokens.access_token);
        Ok(request.send().await?.status().as_u16())
    }

    /// Whether the server is ready for requests.
    pub(crate) async fn is_ready(&self) -> Result<bool, Failure> {
        Ok(self.request(Method::GET, "/health/ready").send().await?.status().is_success())
    }

    /// The status of a request with the access token.
    pub(crate) async fn profile_status(&self, tokens: &Tokens) -> Result<u16, Failure> {
        let request = || self.request(Method::GET, "/api/v1/profile").bearer_auth(&tokens.access_token);
        Ok(with_retries(request).await?.status().as_u16())
    }

    /// The status of a refresh with the refresh token.
    pub(crate) async fn refresh_status(&self, tokens: &Tokens) -> Result<u16, Failure> {
        let body = json!({"refresh_token": tokens.refresh_token});
        let request = || self.request(Method::POST, "/api/v1/auth/refresh").json(&body);
        Ok(with_retries(request).await?.status().as_u16())
    }
}

/// Sends a request, and repeats it while the server answers 429 or 503, with at most [`ATTEMPTS`] attempts.
async fn with_retries(request: impl Fn() -> RequestBuilder) -> Result<Response, Failure> {
    let mut attempts = 0;
    loop {
        let response = request().send().await?;
        let busy =
            matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        attempts += 1;
        if !busy || attempts == ATTEMPTS {
            return Ok(response);
        }
        let seconds = retry_after(&response);
        tokio::time::sleep(seconds.map_or(DEFAULT_PAUSE, Duration::from_secs)).await;
    }
}

/// The value of `Retry-After`, in seconds.
fn retry_after(response: &Response) -> Option<u64> {
    response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()
}

async fn unexpected(what: &str, response: Response) -> Failure {
    let status = response.status();
    let body = response.text().await.unwrap_or_default();
    format!("the {what} was answered with {status}: {body}").into()
}
