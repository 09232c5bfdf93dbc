//! What a channel offers: how long it keeps messages and where, and what a user may do there. Clients ask before they show a channel.
//!
//! The answer describes; the rules of `logic::namespace` decide about each command.

use std::sync::Arc;

use actors::Realtime;
use domain::account::role::Role;
use logic::namespace::{ChannelRights, ChannelUser, Options, Party};
use protocol::{channel_name::ChannelName, id::Subject};

use crate::core::{caller::Caller, failure::Failure};

/// What a channel offers to a caller.
#[derive(Clone, Debug)]
pub struct ChannelTerms {
    /// The options of the channel's namespace.
    pub options: Arc<Options>,
    /// What the caller may do.
    pub rights: ChannelRights,
}

/// Describes channels.
pub struct ChannelGuide(Realtime);

impl ChannelGuide {
    pub(crate) fn new(realtime: Realtime) -> Self {
        Self(realtime)
    }

    /// What this channel offers to the caller, by the settings of this moment.
    ///
    /// # Errors
    /// `NotFound` if the namespace is unknown.
    pub fn terms(&self, caller: &Caller, channel: &ChannelName) -> Result<ChannelTerms, Failure> {
        let namespaces = self.0.namespaces();
        let subject = Subject::from(caller.user);
        let user = ChannelUser { party: party_of(caller.role), subject: &subject };
        let unknown = |_| Failure::not_found("There are no channels in this namespace.");
        let options = Arc::clone(namespaces.options(channel).map_err(unknown)?);
        let rights = namespaces.rights_of(channel, user).map_err(unknown)?;
        Ok(ChannelTerms { options, rights })
    }
}

/// The rank of an account with this role in channels. An auditor reads what operators read over REST; in channels, an auditor has
/// the rights of a user.
#[must_use]
pub fn party_of(role: Role) -> Party {
    match role {
        Role::Canary | Role::User | Role::Auditor => Party::User,
        Role::Operator => Party::Operator,
        Role::Admin => Party::Admin,
    }
}
