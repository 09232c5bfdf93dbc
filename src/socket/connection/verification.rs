//! [`Verification`]: verifies the tokens that a connection presents after its handshake.

use std::{net::IpAddr, sync::Arc};

use actors::runtime::{Outbox, Transport};
use logic::client::{Identity, Purpose, SubscriptionRefusal};
use protocol::{channel_name::ChannelName, id::ConnectionId};
use secrecy::SecretString;

use super::work::WorkResult;
use crate::socket::{
    admission::{authenticate, external_identity, register::NewConnection},
    shared::SocketContext,
};

/// The connection, for the verification of its tokens.
pub(crate) struct Verification {
    pub(crate) context: Arc<SocketContext>,
    pub(crate) id: ConnectionId,
    pub(crate) outbox: Outbox,
    pub(crate) address: IpAddr,
    pub(crate) transport: Transport,
    /// The identity that the connection is registered with; `None` before the registration.
    pub(crate) registered: Option<Identity>,
}

impl Verification {
    /// Verifies the first token of the connection and registers the connection, or verifies a newer token. Without a token, the
    /// connection is registered as anonymous.
    pub(crate) async fn identity(self, purpose: Purpose, token: Option<SecretString>) -> WorkResult {
        let Self { context, id, outbox, address, transport, registered } = self;
        let verified = async {
            if let (Some(identity), Some(token)) = (registered, &token) {
                let refreshed = authenticate::refresh(&context, token, &identity, id).await;
                return refreshed.map(|identity| (identity, None));
            }
            let connection = NewConnection { id, outbox: &outbox, address, transport };
            let admitted = authenticate::admit_token(&context, token.as_ref(), &connection).await?;
            Ok((admitted.identity.clone(), Some(admitted)))
        };
        WorkResult::Identity { purpose, outcome: Box::new(verified.await) }
    }

    /// Verifies a token for one channel. `identity` is the current identity of the connection.
    ///
    /// The token is in the index of this node before the result is returned. So a later denial finds this connection, and the
    /// client state sees an earlier denial when it checks the token again.
    pub(crate) async fn subscription(
        self,
        identity: Option<Identity>,
        purpose: Purpose,
        channel: ChannelName,
        token: SecretString,
    ) -> WorkResult {
        let Self { context, id, registered, .. } = self;
        let outcome = match identity {
            Some(identity) => {
                external_identity::verify_subscription(&context, &token, &identity, id, &channel).await
            }
            None => Err(SubscriptionRefusal::Invalid),
        };
        let token_use = registered.zip(outcome.as_ref().ok()).and_then(|(registered, grant)| {
            context.realtime.note_token_use(registered.session, &grant.token)
        });
        WorkResult::SubscriptionToken { purpose, channel, token_use, outcome }
    }
}
