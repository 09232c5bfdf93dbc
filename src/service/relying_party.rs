//! To whom passkeys belong, as the library that judges them wants to know it.
//!
//! Made once, at the start, by the composition root, from names that the settings have checked.

use std::{fmt, sync::Arc};

use webauthn_rs::prelude::{Url, Webauthn, WebauthnBuilder, WebauthnError};

use crate::domain::passkey::RelyingPartyNames;

/// To whom passkeys belong, with the library that judges them. Clones are the same.
#[derive(Clone)]
pub struct RelyingParty(Arc<Webauthn>);

impl fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelyingParty({:?})", self.0.get_allowed_origins())
    }
}

impl RelyingParty {
    /// The relying party of these names.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn new(names: &RelyingPartyNames) -> Result<Self, String> {
        let parsed = names.origins.iter().map(|origin| {
            Url::parse(origin).map_err(|error| format!("WEBAUTHN_ORIGINS: `{origin}`: {error}"))
        });
        let origins: Vec<Url> = parsed.collect::<Result<_, _>>()?;
        let first = origins.first().ok_or("WEBAUTHN_ORIGINS: there is none")?;
        let refused = |error: WebauthnError| format!("WEBAUTHN_RP_ID `{}`: {error:?}", names.id);
        let mut builder = WebauthnBuilder::new(&names.id, first).map_err(refused)?.rp_name(&names.name);
        for origin in &origins[1..] {
            builder = builder.append_allowed_origin(origin);
        }
        builder.build().map(|webauthn| Self(Arc::new(webauthn))).map_err(refused)
    }

    pub(super) fn webauthn(&self) -> &Webauthn {
        &self.0
    }
}
