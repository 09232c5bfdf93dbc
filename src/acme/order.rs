//! One order of a certificate: the authority validates the name by a challenge, and signs a new key.

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeStatus, Error, Identifier, NewOrder, Order, OrderStatus,
    RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use zeroize::Zeroizing;

use super::{
    challenge::{Answers, OpenChallenge},
    error::AcmeError,
};
use crate::tls::{self, TlsError};

/// How long the authority may take to validate the name, and to issue the certificate.
const WITHIN: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(120));

/// Orders a certificate for `name`. Returns the certificate chain and the new private key, in one PEM text.
pub(super) async fn certificate(
    account: &Account,
    name: &str,
    answers: &Answers,
) -> Result<Zeroizing<String>, AcmeError> {
    let identifiers = [Identifier::Dns(name.to_owned())];
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await.map_err(AcmeError::Contact)?;
    // The challenges stay open until the authority has validated the name.
    let open = open_challenges(&mut order, name, answers).await?;
    let ready = order.poll_ready(&WITHIN).await;
    if !matches!(ready, Ok(OrderStatus::Ready)) {
        return Err(why_invalid(&mut order, ready.err()).await);
    }
    drop(open);
    let key = KeyPair::generate().map_err(TlsError::from)?;
    let mut params = CertificateParams::new(vec![name.to_owned()]).map_err(TlsError::from)?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key).map_err(TlsError::from)?;
    order.finalize_csr(request.der()).await.map_err(AcmeError::Order)?;
    let chain = order.poll_certificate(&WITHIN).await.map_err(AcmeError::Order)?;
    let private = Zeroizing::new(key.serialize_pem());
    let pem = Zeroizing::new(format!("{}\n{}", chain.trim_end(), private.as_str()));
    tls::check_issued(&pem, name)?;
    Ok(pem)
}

/// Answers the challenges of all names that are not validated yet, and tells the authority to begin.
async fn open_challenges<'a>(
    order: &mut Order,
    name: &str,
    answers: &'a Answers,
) -> Result<Vec<OpenChallenge<'a>>, AcmeError> {
    let mut open = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(AcmeError::Order)?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let challenge = authorization.challenge(answers.challenge_type());
        let mut challenge = challenge.ok_or(AcmeError::NoChallenge)?;
        let (token, key) = (challenge.token.clone(), challenge.key_authorization());
        open.push(answers.open(name, &token, &key)?);
        challenge.set_ready().await.map_err(AcmeError::Order)?;
    }
    Ok(open)
}

/// The authority's statement about an order that did not become ready.
async fn why_invalid(order: &mut Order, error: Option<Error>) -> AcmeError {
    let mut reasons = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        let refused =
            state.challenges.iter().filter(|challenge| challenge.status == ChallengeStatus::Invalid);
        reasons.extend(refused.filter_map(|challenge| challenge.error.as_ref()).map(ToString::to_string));
    }
    match (reasons.is_empty(), error) {
        (false, _) => AcmeError::Refused(reasons.join("; ")),
        (true, Some(error)) => AcmeError::Order(error),
        (true, None) => AcmeError::Refused("it gave no reason".to_owned()),
    }
}
