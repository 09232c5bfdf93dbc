//! `/api/v1/admin/issuers`: the issuers of tokens that this server accepts.

use actix_web::{HttpResponse, web};
use domain::issuer::{IssuerSettings, KeySource, Use};
use serde::Serialize;
use serde_json::json;
use service::Services;
use utoipa::ToSchema;

use crate::http::{
    extractors::{authenticated::Authenticated, client::Client},
    problem::Problem,
};

/// An issuer without its secrets.
#[derive(Serialize, ToSchema)]
#[schema(as = Issuer)]
pub(crate) struct IssuerView<'i> {
    algorithms: Vec<String>,
    /// What `aud` must contain.
    audience: Option<&'i str>,
    /// What `iss` must be.
    issuer: Option<&'i str>,
    keys: KeysView<'i>,
    name: &'i str,
    /// `connection` and `subscription`.
    uses: Vec<&'static str>,
    /// What this server puts in front of the names of the issuer's users.
    user_prefix: &'i str,
}

/// Where the keys of an issuer come from.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schema(as = IssuerKeys)]
enum KeysView<'i> {
    /// The settings have the keys.
    Given { keys: Vec<KeyView<'i>> },
    /// The keys are fetched. The address is shown without a user and a query.
    Url { own_authorities: bool, url: Option<String> },
}

/// A given key, of which only the id is shown.
#[derive(Serialize, ToSchema)]
#[schema(as = IssuerKey)]
struct KeyView<'i> {
    id: Option<&'i str>,
    #[schema(pattern = "^(secret|public)$")]
    kind: &'static str,
}

/// The issuers. There is always one page.
#[derive(Serialize, ToSchema)]
pub(crate) struct IssuerPage<'i> {
    issuers: Vec<IssuerView<'i>>,
    next_cursor: Option<String>,
}

impl<'i> IssuerView<'i> {
    fn of(issuer: &'i IssuerSettings) -> Self {
        let rules = &issuer.rules;
        Self {
            algorithms: rules.algorithms.iter().map(|algorithm| format!("{algorithm:?}")).collect(),
            audience: rules.audience.as_deref(),
            issuer: rules.issuer.as_deref(),
            keys: KeysView::of(&issuer.keys),
            name: &rules.name,
            uses: rules.uses.iter().map(|used| use_word(*used)).collect(),
            user_prefix: &rules.user_prefix,
        }
    }
}

impl<'i> KeysView<'i> {
    fn of(source: &'i KeySource) -> Self {
        match source {
            KeySource::Given(set) => Self::Given {
                keys: set
                    .ids()
                    .map(|(id, secret)| KeyView { id, kind: if secret { "secret" } else { "public" } })
                    .collect(),
            },
            KeySource::Url { authorities, .. } => {
                Self::Url { own_authorities: authorities.is_some(), url: source.shown_url() }
            }
        }
    }
}

fn use_word(used: Use) -> &'static str {
    match used {
        Use::Connection => "connection",
        Use::Subscription => "subscription",
    }
}

/// `GET /api/v1/admin/issuers`: in the order of the settings. There are few issuers, so there is always one page.
pub(crate) async fn list(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let issuers = services.operators.issuers.list(&auth.caller, &client.0).await?;
    let issuers = issuers.iter().map(IssuerView::of).collect();
    Ok(HttpResponse::Ok().json(json!(IssuerPage { issuers, next_cursor: None })))
}
