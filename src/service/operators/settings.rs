//! The settings of this node, as they are in effect, for operators. Secrets are not among them.
//!
//! `app` fills the list at the start, and replaces it after a reload.

use std::sync::Arc;

use arc_swap::ArcSwap;
use serde_json::Value;

use super::authority::{Authority, Right};
use crate::core::{caller::Caller, failure::Failure, request_meta::RequestMeta};

/// A setting with its effective value and its source.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectiveSetting {
    /// The name.
    pub name: String,
    /// The setting as `portcullis config show --json` prints it. A secret value is not in it.
    pub shown: Value,
    /// Whether a reload applies a change of the setting.
    pub reloadable: bool,
}

/// Shows the settings of this node.
pub struct OperatorSettings {
    authority: Authority,
    effective: ArcSwap<Vec<EffectiveSetting>>,
}

impl OperatorSettings {
    pub(crate) fn new(authority: Authority) -> Self {
        Self { authority, effective: ArcSwap::default() }
    }

    /// The settings in effect on this node, in the order of the manual.
    ///
    /// # Errors
    /// The errors of `Authority::read`.
    pub async fn list(
        &self,
        caller: &Caller,
        meta: &RequestMeta,
    ) -> Result<Arc<Vec<EffectiveSetting>>, Failure> {
        let event = self.authority.event(caller, "settings.read", meta);
        self.authority.read(caller, Right::Read, event).await?;
        Ok(self.effective.load_full())
    }

    /// Fills the list at the start.
    pub fn fill(&self, settings: Vec<EffectiveSetting>) {
        self.effective.store(Arc::new(settings));
    }

    /// Takes over the settings that a reload has applied. `is_fixed` says which settings a reload cannot apply in this server,
    /// although it can in others. The others stay as they were.
    pub fn take_applied(&self, read: Vec<EffectiveSetting>, is_fixed: impl Fn(&str) -> bool) {
        let before = self.effective.load_full();
        let applied = |new: EffectiveSetting| {
            if new.reloadable && !is_fixed(&new.name) {
                return new;
            }
            before.iter().find(|old| old.name == new.name).cloned().unwrap_or(new)
        };
        self.fill(read.into_iter().map(applied).collect());
    }
}
