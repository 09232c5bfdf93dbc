//! The account of this server at the authority. It is made once, and its key is kept in a file that only the file's owner may
//! read.

use instant_acme::{Account, AccountCredentials, ExternalAccountKey, NewAccount};
use zeroize::Zeroizing;

use super::{error::AcmeError, http_client::HttpsClient, private_file::PrivateFile};
use crate::config::AcmeSettings;

/// The account in the file, or a new one if there is no file.
pub(super) async fn open(settings: &AcmeSettings, file: &mut PrivateFile) -> Result<Account, AcmeError> {
    file.write()?;
    let Some(credentials) = credentials(file)? else { return create(settings, file).await };
    let http = HttpsClient::new(settings.authorities.as_deref())?;
    let account = Account::builder_with_http(Box::new(http)).from_credentials(credentials).await;
    account.map_err(AcmeError::Contact)
}

/// The account in the file. `None` if there is no file.
pub(super) fn credentials(file: &PrivateFile) -> Result<Option<AccountCredentials>, AcmeError> {
    let Some(text) = file.read()? else { return Ok(None) };
    let credentials = serde_json::from_str(&text);
    credentials.map(Some).map_err(|_| AcmeError::Account(file.path().to_owned()))
}

/// A new account, which replaces the one in the file.
pub(super) async fn create(settings: &AcmeSettings, file: &mut PrivateFile) -> Result<Account, AcmeError> {
    file.check()?;
    let contact = format!("mailto:{}", settings.email);
    let new = NewAccount { contact: &[&contact], terms_of_service_agreed: true, only_return_existing: false };
    let external = settings.external_account.as_ref().and_then(|(id, key)| {
        let key = AcmeSettings::external_key(key)?;
        Some(ExternalAccountKey::new(id.clone(), &key))
    });
    let http = HttpsClient::new(settings.authorities.as_deref())?;
    let builder = Account::builder_with_http(Box::new(http));
    let created = builder.create(&new, settings.directory_url.clone(), external.as_ref()).await;
    let (account, credentials) = created.map_err(AcmeError::Contact)?;
    let text = serde_json::to_string(&credentials);
    file.keep(Zeroizing::new(text.map_err(|_| AcmeError::Account(file.path().to_owned()))?));
    tracing::info!(directory = settings.directory_url, "an account was made at the certificate authority");
    file.write()?;
    Ok(account)
}
