//! The relying party of WebAuthn: the domain and the origins that passkeys belong to.
//!
//! The composition root makes the relying party at the start, from names that the settings have checked.

use std::{fmt, sync::Arc};

use domain::factors::passkey::RelyingPartyNames;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use webauthn_rs::prelude::{PublicKeyCredential, Url, Webauthn, WebauthnBuilder, WebauthnError};

/// The relying party, with the WebAuthn library configured for it. Clones are cheap.
#[derive(Clone)]
pub struct RelyingParty {
    webauthn: Arc<Webauthn>,
    /// SHA-256 of the relying party id.
    id_hash: [u8; 32],
}

impl fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origins = self.webauthn.get_allowed_origins().iter().map(spelling);
        f.debug_list().entries(origins).finish()
    }
}

impl RelyingParty {
    /// The relying party with these names.
    ///
    /// # Errors
    /// The problem with the names, as a text for people.
    pub fn new(names: &RelyingPartyNames) -> Result<Self, String> {
        let parsed = names.origins.iter().map(|origin| {
            Url::parse(origin).map_err(|error| format!("WEBAUTHN_ORIGINS: `{origin}`: {error}"))
        });
        let origins: Vec<Url> = parsed.collect::<Result<_, _>>()?;
        // The library compares the first origin with the relying party id, so the first origin must be a page, not an app.
        let page = origins.iter().position(|origin| origin.has_host());
        let first = page.ok_or("WEBAUTHN_ORIGINS: no origin is a page")?;
        let refused = |error: WebauthnError| format!("WEBAUTHN_RP_ID `{}`: {error:?}", names.id);
        let mut builder =
            WebauthnBuilder::new(&names.id, &origins[first]).map_err(refused)?.rp_name(&names.name);
        for (_, origin) in origins.iter().enumerate().filter(|(index, _)| *index != first) {
            builder = builder.append_allowed_origin(origin);
        }
        let webauthn = Arc::new(builder.build().map_err(refused)?);
        Ok(Self { webauthn, id_hash: Sha256::digest(&names.id).into() })
    }

    pub(crate) fn webauthn(&self) -> &Webauthn {
        &self.webauthn
    }

    /// Checks that the browser's origin equals an allowed origin letter by letter, and that the page was not in a frame of
    /// another site. The library alone would accept such a frame.
    ///
    /// # Errors
    /// `InvalidRPOrigin`, `CredentialCrossOrigin`, `ParseJSONFailure`.
    pub(crate) fn check_page(&self, client_data_json: &[u8]) -> Result<(), WebauthnError> {
        let page: Page = serde_json::from_slice(client_data_json)?;
        let own = |allowed: &Url| spelling(allowed) == page.origin;
        if !self.webauthn.get_allowed_origins().iter().any(own) {
            return Err(WebauthnError::InvalidRPOrigin);
        }
        if page.cross_origin || page.top_origin.is_some() {
            return Err(WebauthnError::CredentialCrossOrigin);
        }
        Ok(())
    }

    /// Checks the parts of an assertion that need no key: the page, the relying party, and the flag that the user was verified
    /// (WebAuthn, 6.1: 32 bytes of hash, then the flags).
    ///
    /// # Errors
    /// The errors of [`Self::check_page`], `ParseNOMFailure`, `InvalidRPIDHash`, `UserNotPresent`, `UserNotVerified`.
    pub(crate) fn check_answer(&self, credential: &PublicKeyCredential) -> Result<(), WebauthnError> {
        const PRESENT: u8 = 0x01;
        const VERIFIED: u8 = 0x04;
        self.check_page(&credential.response.client_data_json)?;
        let data: &[u8] = &credential.response.authenticator_data;
        let (Some(hash), Some(flags)) = (data.get(..32), data.get(32)) else {
            return Err(WebauthnError::ParseNOMFailure);
        };
        if *hash != self.id_hash[..] {
            return Err(WebauthnError::InvalidRPIDHash);
        }
        if flags & PRESENT == 0 {
            return Err(WebauthnError::UserNotPresent);
        }
        if flags & VERIFIED == 0 {
            return Err(WebauthnError::UserNotVerified);
        }
        Ok(())
    }
}

/// An origin as clients spell it. The origin of an app has no host; clients send its whole text.
fn spelling(origin: &Url) -> String {
    if origin.has_host() { origin.origin().ascii_serialization() } else { origin.as_str().to_owned() }
}

/// The browser's statement about the page (WebAuthn, 5.8.1).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    top_origin: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "android:apk-key-hash:QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQE";

    fn judge(client_data: &str) -> Result<(), WebauthnError> {
        let names = RelyingPartyNames {
            id: "example.com".to_owned(),
            name: "Example".to_owned(),
            origins: vec![
                APP.to_owned(),
                "https://example.com".to_owned(),
                "https://chat.example.com:8443".to_owned(),
            ],
        };
        RelyingParty::new(&names).expect("names that fit").check_page(client_data.as_bytes())
    }

    #[test]
    fn an_origin_must_match_letter_by_letter() {
        for origin in ["https://example.com", "https://chat.example.com:8443", APP] {
            assert!(judge(&format!(r#"{{"origin":"{origin}","crossOrigin":false}}"#)).is_ok(), "{origin}");
        }
        for origin in [
            "https://example.com/",
            "https://example.com:443",
            "https://EXAMPLE.com",
            "https://chat.example.com",
            "https://a@example.com",
            "android:apk-key-hash:AQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQE",
            "null",
        ] {
            let judged = judge(&format!(r#"{{"origin":"{origin}"}}"#));
            assert!(matches!(judged, Err(WebauthnError::InvalidRPOrigin)), "{origin}");
        }
    }

    #[test]
    fn a_page_in_a_frame_of_another_site_is_refused() {
        for said in [r#""crossOrigin":true"#, r#""topOrigin":"https://evil.example""#] {
            let judged = judge(&format!(r#"{{"origin":"https://example.com",{said}}}"#));
            assert!(matches!(judged, Err(WebauthnError::CredentialCrossOrigin)), "{said}");
        }
    }
}
