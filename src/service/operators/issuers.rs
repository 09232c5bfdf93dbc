//! The issuers of tokens that this server accepts, for operators.

use actors::Realtime;
use domain::issuer::IssuerSettings;

use super::authority::{Authority, Right};
use crate::core::{caller::Caller, failure::Failure, request_meta::RequestMeta};

/// Lists issuers.
pub struct OperatorIssuers {
    realtime: Realtime,
    authority: Authority,
}

impl OperatorIssuers {
    pub(crate) fn new(realtime: Realtime, authority: Authority) -> Self {
        Self { realtime, authority }
    }

    /// The external issuers as this node uses them now, in the order of the settings. The keys are part of the result, so the
    /// caller must not show it unchanged.
    ///
    /// # Errors
    /// The errors of `Authority::read`.
    pub async fn list(&self, caller: &Caller, meta: &RequestMeta) -> Result<Vec<IssuerSettings>, Failure> {
        let event = self.authority.event(caller, "issuers.listed", meta);
        self.authority.read(caller, Right::Read, event).await?;
        Ok(self.realtime.live().load().issuers.to_vec())
    }
}
