// Generated from docs/openapi.json by `make web-types`; do not edit.

export interface paths {
    "/.well-known/acme-challenge/{token}": {
        parameters: {
        };
        /** The answer to a challenge of ACME. */
        get: operations["acmeChallenge"];
    };
    "/.well-known/jwks.json": {
        parameters: {
        };
        /** The public keys of access tokens. */
        get: operations["keySet"];
    };
    "/.well-known/ssf-configuration": {
        parameters: {
        };
        /** What the transmitter can do. */
        get: operations["ssfConfiguration"];
    };
    "/.well-known/ssf-jwks.json": {
        parameters: {
        };
        /** The public keys of Security Event Tokens. */
        get: operations["ssfKeySet"];
    };
    "/api/batch": {
        parameters: {
        };
        /**
         * Carries out several methods.
         * @description Needs the scopes of all methods.
         */
        post: operations["apiBatch"];
    };
    "/api/block_user": {
        parameters: {
        };
        /**
         * Blocks a user.
         * @description Needs the scope `tokens`.
         */
        post: operations["apiBlockUser"];
    };
    "/api/broadcast": {
        parameters: {
        };
        /**
         * Publishes to several channels.
         * @description Needs the scope `publish`.
         */
        post: operations["apiBroadcast"];
    };
    "/api/channels": {
        parameters: {
        };
        /**
         * The channels that have subscribers.
         * @description Needs the scope `channels`.
         */
        post: operations["apiChannels"];
    };
    "/api/connections": {
        parameters: {
        };
        /**
         * The connections of a user.
         * @description Needs the scope `connections`.
         */
        post: operations["apiConnections"];
    };
    "/api/disconnect": {
        parameters: {
        };
        /**
         * Closes connections of a user.
         * @description Needs the scope `connections`.
         */
        post: operations["apiDisconnect"];
    };
    "/api/history": {
        parameters: {
        };
        /**
         * The publications of a channel.
         * @description Needs the scope `channels`.
         */
        post: operations["apiHistory"];
    };
    "/api/history_remove": {
        parameters: {
        };
        /**
         * Removes the publications of a channel.
         * @description Needs the scope `history`.
         */
        post: operations["apiHistoryRemove"];
    };
    "/api/info": {
        parameters: {
        };
        /**
         * The nodes of the cluster.
         * @description Needs the scope `channels`.
         */
        post: operations["apiInfo"];
    };
    "/api/invalidate_user_tokens": {
        parameters: {
        };
        /**
         * Revokes the tokens of a user up to a moment.
         * @description Needs the scope `tokens`.
         */
        post: operations["apiInvalidateUserTokens"];
    };
    "/api/presence": {
        parameters: {
        };
        /**
         * The subscribers of a channel.
         * @description Needs the scope `channels`.
         */
        post: operations["apiPresence"];
    };
    "/api/presence_stats": {
        parameters: {
        };
        /**
         * The numbers of subscribers of a channel.
         * @description Needs the scope `channels`.
         */
        post: operations["apiPresenceStats"];
    };
    "/api/publish": {
        parameters: {
        };
        /**
         * Publishes to a channel.
         * @description Needs the scope `publish`.
         */
        post: operations["apiPublish"];
    };
    "/api/refresh": {
        parameters: {
        };
        /**
         * Extends or ends connections of a user.
         * @description Needs the scope `connections`.
         */
        post: operations["apiRefresh"];
    };
    "/api/revoke_token": {
        parameters: {
        };
        /**
         * Revokes a token by its `jti`.
         * @description Needs the scope `tokens`.
         */
        post: operations["apiRevokeToken"];
    };
    "/api/subscribe": {
        parameters: {
        };
        /**
         * Subscribes connections of a user to a channel.
         * @description Needs the scope `connections`.
         */
        post: operations["apiSubscribe"];
    };
    "/api/unblock_user": {
        parameters: {
        };
        /**
         * Ends the block of a user.
         * @description Needs the scope `tokens`.
         */
        post: operations["apiUnblockUser"];
    };
    "/api/unsubscribe": {
        parameters: {
        };
        /**
         * Ends subscriptions of a user's connections.
         * @description Needs the scope `connections`.
         */
        post: operations["apiUnsubscribe"];
    };
    "/api/v1/2fa": {
        parameters: {
        };
        /** The factors of the caller. */
        get: operations["listFactors"];
    };
    "/api/v1/2fa/backup-codes": {
        parameters: {
        };
        /**
         * Makes ten new backup codes.
         * @description The earlier codes are no longer valid. Only this answer shows the new ones.
         */
        post: operations["replaceBackupCodes"];
    };
    "/api/v1/2fa/totp": {
        parameters: {
        };
        /** Begins to set up an authenticator app. */
        post: operations["beginTotp"];
        /** Removes the authenticator app. */
        delete: operations["removeTotp"];
    };
    "/api/v1/2fa/totp/confirm": {
        parameters: {
        };
        /** Completes the setup with a code of the app. */
        post: operations["confirmTotp"];
    };
    "/api/v1/admin/api-keys": {
        parameters: {
        };
        /** The keys of the server API, newest first. */
        get: operations["adminListApiKeys"];
        /**
         * Creates a key of the server API.
         * @description Only admins may do this.
         */
        post: operations["adminCreateApiKey"];
    };
    "/api/v1/admin/api-keys/{key}/revoke": {
        parameters: {
        };
        /**
         * Revokes a key of the server API.
         * @description Only admins may do this.
         */
        post: operations["adminRevokeApiKey"];
    };
    "/api/v1/admin/attempts": {
        parameters: {
        };
        /** The attempts to sign in, newest first. */
        get: operations["adminListAttempts"];
    };
    "/api/v1/admin/attempts/stuffing": {
        parameters: {
        };
        /**
         * The accounts with a password that a stuffing wave has found.
         * @description A source is in the wave if many of its attempts failed, on many accounts.
         */
        get: operations["adminFindStuffing"];
    };
    "/api/v1/admin/audit/events": {
        parameters: {
        };
        /** The entries of the audit log, newest first. */
        get: operations["adminListAuditEvents"];
    };
    "/api/v1/admin/audit/events/stream": {
        parameters: {
        };
        /**
         * New entries of the audit log, as server-sent events.
         * @description The stream ends after five minutes, or with the session. A client continues with `Last-Event-ID`.
         */
        get: operations["adminFollowAudit"];
    };
    "/api/v1/admin/audit/export": {
        parameters: {
        };
        /**
         * The entries of the audit log, oldest first.
         * @description If the export cannot be completed, the connection is aborted. With `readable=true` it needs a recent step-up.
         */
        get: operations["adminExportAudit"];
    };
    "/api/v1/admin/audit/proofs/consistency": {
        parameters: {
        };
        /** Proves that the log has only grown. */
        get: operations["adminProveConsistency"];
    };
    "/api/v1/admin/audit/proofs/inclusion": {
        parameters: {
        };
        /** Proves that an entry is in the log. */
        get: operations["adminProveInclusion"];
    };
    "/api/v1/admin/bans": {
        parameters: {
        };
        /** The bans in force, newest first. */
        get: operations["adminListBans"];
        /**
         * Bans an address or a network.
         * @description A ban of the same network that ends later stays.
         */
        post: operations["adminBan"];
    };
    "/api/v1/admin/bans/lift": {
        parameters: {
        };
        /** Lifts the ban of exactly this address or network. */
        post: operations["adminLiftBan"];
    };
    "/api/v1/admin/channels": {
        parameters: {
        };
        /**
         * The channels, in the order of their names.
         * @description Occupied channels are those of the node that answers.
         */
        get: operations["adminListChannels"];
    };
    "/api/v1/admin/channels/history": {
        parameters: {
        };
        /** The messages of a channel, newest first. */
        get: operations["adminListMessages"];
    };
    "/api/v1/admin/channels/messages/erase": {
        parameters: {
        };
        /**
         * Erases the messages of a person. Their offsets stay.
         * @description Only admins may do this. Messages that the person sends meanwhile may remain.
         */
        post: operations["adminEraseMessages"];
    };
    "/api/v1/admin/channels/messages/remove": {
        parameters: {
        };
        /** Erases one message. Its offset stays. */
        post: operations["adminRemoveMessage"];
    };
    "/api/v1/admin/channels/subscribers": {
        parameters: {
        };
        /** The subscribers of a channel on the node that answers. */
        get: operations["adminListSubscribers"];
    };
    "/api/v1/admin/connections": {
        parameters: {
        };
        /** The open connections of the node that answers. */
        get: operations["adminListConnections"];
    };
    "/api/v1/admin/drill": {
        parameters: {
        };
        /**
         * Drills the revocations of this node.
         * @description An account of the server signs in, holds a WebSocket and both streams open, and is revoked. The answer says, for each door, when the client saw it shut. If there are other nodes, one of them revokes a second session. The answer is 200 also if a door was late or stayed open.
         */
        post: operations["adminDrill"];
    };
    "/api/v1/admin/erasures": {
        parameters: {
        };
        /** The requests and records of erasures, newest first. */
        get: operations["adminListErasures"];
    };
    "/api/v1/admin/issuers": {
        parameters: {
        };
        /** The issuers of tokens that the server accepts. */
        get: operations["adminListIssuers"];
    };
    "/api/v1/admin/mail": {
        parameters: {
        };
        /**
         * The mails to users, newest first.
         * @description No entry has the link or the text of its mail.
         */
        get: operations["adminListMail"];
    };
    "/api/v1/admin/mail/{mail}/send-again": {
        parameters: {
        };
        /**
         * Sends a mail again.
         * @description It has the same link and another Message-ID.
         */
        post: operations["adminSendMailAgain"];
    };
    "/api/v1/admin/node": {
        parameters: {
        };
        /** What the node that answers does now. */
        get: operations["adminShowNode"];
    };
    "/api/v1/admin/revocations": {
        parameters: {
        };
        /** The revocations, newest first. */
        get: operations["adminListRevocations"];
        /**
         * Ends sessions.
         * @description The body has exactly one target. To end all sessions, or to lock passwords, the caller must be an admin.
         */
        post: operations["adminRevoke"];
    };
    "/api/v1/admin/revocations/{revocation}": {
        parameters: {
        };
        /** A revocation, and how far it is carried out. */
        get: operations["adminReadRevocation"];
    };
    "/api/v1/admin/revocations/{revocation}/receipt": {
        parameters: {
        };
        /**
         * The receipt of a revocation.
         * @description The receipt is checked offline with the key of the audit log. There is none before every node has carried the revocation out.
         */
        get: operations["adminReadReceipt"];
    };
    "/api/v1/admin/sessions": {
        parameters: {
        };
        /**
         * Sessions of accounts, and external sessions.
         * @description A page may have fewer sessions than `limit`. The list ends when `next_cursor` is null.
         */
        get: operations["adminListSessions"];
    };
    "/api/v1/admin/settings": {
        parameters: {
        };
        /** The settings in effect on the node that answers. */
        get: operations["adminListSettings"];
    };
    "/api/v1/admin/statistics": {
        parameters: {
        };
        /** The values of some series over time. */
        get: operations["adminReadStatistics"];
    };
    "/api/v1/admin/users": {
        parameters: {
        };
        /**
         * The users, newest first or in another order.
         * @description A search by `id`, `email` or `name` excludes the others and `sort`.
         */
        get: operations["adminListUsers"];
        /** Creates an account. */
        post: operations["adminCreateUser"];
    };
    "/api/v1/admin/users/{id}": {
        parameters: {
        };
        /** A user, with factors and counts. */
        get: operations["adminReadUser"];
        /**
         * Changes the role or the status of a user.
         * @description Only admins may do this. The sessions of the user end.
         */
        patch: operations["adminChangeUser"];
    };
    "/api/v1/admin/users/{id}/devices": {
        parameters: {
        };
        /** The devices of a user, the most recently seen first. */
        get: operations["adminListDevices"];
    };
    "/api/v1/admin/users/{id}/devices/{device}": {
        parameters: {
        };
        /** A device of a user. */
        get: operations["adminReadDevice"];
    };
    "/api/v1/admin/users/{id}/devices/{device}/distrust": {
        parameters: {
        };
        /**
         * Ends the trust in a device.
         * @description Its sessions stay.
         */
        post: operations["adminDistrustDevice"];
    };
    "/api/v1/admin/users/{id}/devices/{device}/forget": {
        parameters: {
        };
        /**
         * Forgets a device.
         * @description The sessions of the user on the device end.
         */
        post: operations["adminForgetDevice"];
    };
    "/api/v1/admin/users/{id}/erasure": {
        parameters: {
        };
        /**
         * Requests the erasure of an account.
         * @description The account is deactivated, and its sessions end. The data are erased after some days.
         */
        post: operations["adminRequestErasure"];
        /** Cancels an erasure that has not begun. */
        delete: operations["adminCancelErasure"];
    };
    "/api/v1/admin/users/{id}/export": {
        parameters: {
        };
        /**
         * Everything that the server holds about a user.
         * @description If the export cannot be completed, the connection is aborted.
         */
        get: operations["adminExportUser"];
    };
    "/api/v1/admin/users/{id}/factor-reset": {
        parameters: {
        };
        /**
         * Removes the second factors of a user.
         * @description Only admins may do this. The sessions of the user end.
         */
        post: operations["adminResetFactors"];
    };
    "/api/v1/admin/users/{id}/password-reset": {
        parameters: {
        };
        /**
         * Gives a user another password, or none.
         * @description Only admins may do this. The sessions of the user end.
         */
        post: operations["adminResetPassword"];
    };
    "/api/v1/admin/webhooks": {
        parameters: {
        };
        /** The webhooks and the streams of security events, newest first. */
        get: operations["adminListWebhooks"];
        /**
         * Creates a webhook.
         * @description Only admins may do this.
         */
        post: operations["adminCreateWebhook"];
    };
    "/api/v1/admin/webhooks/{webhook}": {
        parameters: {
        };
        /** A webhook or a stream. */
        get: operations["adminReadWebhook"];
        /**
         * Deletes a webhook with its events.
         * @description Only admins may do this.
         */
        delete: operations["adminDeleteWebhook"];
        /**
         * Changes a webhook.
         * @description Only admins may do this.
         */
        patch: operations["adminChangeWebhook"];
    };
    "/api/v1/admin/webhooks/{webhook}/deliveries": {
        parameters: {
        };
        /** The deliveries to a receiver, newest first. */
        get: operations["adminListDeliveries"];
    };
    "/api/v1/admin/webhooks/{webhook}/replay": {
        parameters: {
        };
        /**
         * Sends dead letters again.
         * @description Only admins may do this.
         */
        post: operations["adminReplayDeliveries"];
    };
    "/api/v1/admin/webhooks/{webhook}/test": {
        parameters: {
        };
        /**
         * Sends a test event.
         * @description Only admins may do this.
         */
        post: operations["adminTestWebhook"];
    };
    "/api/v1/audit/checkpoint": {
        parameters: {
        };
        /**
         * The newest checkpoint.
         * @description A signed note (C2SP tlog-checkpoint). 404 before the first checkpoint.
         */
        get: operations["auditCheckpoint"];
    };
    "/api/v1/audit/key": {
        parameters: {
        };
        /**
         * The key that verifies checkpoints.
         * @description A verifier key (C2SP signed-note). 404 if checkpoints are not signed.
         */
        get: operations["auditKey"];
    };
    "/api/v1/auth/2fa/verify": {
        parameters: {
        };
        /** Completes a sign-in with a code. */
        post: operations["verifySecondFactor"];
    };
    "/api/v1/auth/csrf-token": {
        parameters: {
        };
        /**
         * Gives a CSRF token.
         * @description It is bound to the session or, without one, to the pre-session of the browser.
         */
        get: operations["issueCsrfToken"];
    };
    "/api/v1/auth/forgot": {
        parameters: {
        };
        /**
         * Asks for a mail with which the user chooses a new password.
         * @description The answer is the same, and equally late, whether or not there is such an account.
         */
        post: operations["forgotPassword"];
    };
    "/api/v1/auth/jwt/login": {
        parameters: {
        };
        /** Signs in with a password, or asks for a second factor. */
        post: operations["signIn"];
    };
    "/api/v1/auth/login": {
        parameters: {
        };
        /**
         * Signs in with a password, or asks for a second factor.
         * @deprecated
         */
        post: operations["signInAtTheOlderPath"];
    };
    "/api/v1/auth/logout": {
        parameters: {
        };
        /**
         * Signs out.
         * @description Works also with an expired access token, with only a refresh token, and without any token.
         */
        post: operations["signOut"];
        /**
         * Signs out.
         * @description Works also with an expired access token, with only a refresh token, and without any token.
         */
        delete: operations["signOutByDelete"];
    };
    "/api/v1/auth/not-me": {
        parameters: {
        };
        /**
         * Locks an account with the link of a mail.
         * @description All sessions end, and the password opens the account no longer, until the user chooses a new one.
         */
        post: operations["notMe"];
    };
    "/api/v1/auth/password-strength": {
        parameters: {
        };
        /**
         * Says how strong a password is.
         * @description For a meter beside the field of a new password. Nothing is stored, and no account is looked up.
         */
        post: operations["judgePassword"];
    };
    "/api/v1/auth/refresh": {
        parameters: {
        };
        /**
         * Exchanges a refresh token for new tokens.
         * @description The refresh token is in the body or, from browsers, in the cookie. Each can be used once. After a second use the session ends, because the token may have been copied.
         */
        post: operations["refresh"];
    };
    "/api/v1/auth/register": {
        parameters: {
        };
        /** Creates an account. */
        post: operations["register"];
    };
    "/api/v1/auth/reset": {
        parameters: {
        };
        /**
         * Sets a new password with the link of a mail.
         * @description The link can be used once, for 30 minutes. All sessions end. No session is opened.
         */
        post: operations["resetPassword"];
    };
    "/api/v1/auth/status": {
        parameters: {
        };
        /** Says whether the request has a valid token. */
        get: operations["authStatus"];
    };
    "/api/v1/auth/step-up": {
        parameters: {
        };
        /**
         * Proves the presence of the user in an open session.
         * @description The new tokens permit sensitive requests for ten minutes.
         */
        post: operations["stepUp"];
    };
    "/api/v1/auth/verify-email": {
        parameters: {
        };
        /** Confirms the address of a new account with the link of a mail. */
        post: operations["verifyEmail"];
    };
    "/api/v1/auth/verify-email/resend": {
        parameters: {
        };
        /**
         * Asks once more for the mail that confirms the address of a new account.
         * @description The answer is the same, and equally late, whether or not there is such an account.
         */
        post: operations["resendVerification"];
    };
    "/api/v1/channels/terms": {
        parameters: {
        };
        /**
         * What a channel offers to the caller.
         * @description What it keeps and where, and what the caller may do there. The server decides again about each command.
         */
        get: operations["readChannelTerms"];
    };
    "/api/v1/devices": {
        parameters: {
        };
        /** The devices of the caller, the most recently seen first. */
        get: operations["listDevices"];
    };
    "/api/v1/devices/{id}": {
        parameters: {
        };
        /** Forgets a device, and ends the sessions on it. */
        delete: operations["forgetDevice"];
        /**
         * Changes the label of a device, or the trust in it.
         * @description To trust a device needs a recent sign-in or step-up.
         */
        patch: operations["changeDevice"];
    };
    "/api/v1/profile": {
        parameters: {
        };
        /** The account of the caller. */
        get: operations["readProfile"];
        /** Changes the display name, and the language of mails. */
        put: operations["updateProfile"];
        /**
         * Requests the erasure of the caller's account.
         * @description The account is deactivated, and all of its sessions end. The data are erased after some days; until then, a sign-in cancels the erasure.
         */
        delete: operations["eraseProfile"];
    };
    "/api/v1/profile/attempts": {
        parameters: {
        };
        /** The attempts to sign in to the account, newest first. */
        get: operations["listAttempts"];
    };
    "/api/v1/profile/debug": {
        parameters: {
        };
        /**
         * How the server reads the credentials of the request.
         * @description In development only; otherwise 404.
         */
        get: operations["debugRequest"];
    };
    "/api/v1/profile/export": {
        parameters: {
        };
        /**
         * Everything that the server holds about the caller.
         * @description If the export cannot be completed, the connection is aborted.
         */
        get: operations["exportProfile"];
    };
    "/api/v1/profile/password": {
        parameters: {
        };
        /**
         * Changes the password.
         * @description The other sessions of the user end, and the tokens of this session are renewed.
         */
        post: operations["changePassword"];
    };
    "/api/v1/sessions": {
        parameters: {
        };
        /** The sessions of the caller, newest first. */
        get: operations["listSessions"];
        /** Ends the other sessions of the caller. */
        delete: operations["endOtherSessions"];
    };
    "/api/v1/sessions/{sid}": {
        parameters: {
        };
        /** Ends a session of the caller. */
        delete: operations["endSession"];
    };
    "/api/v1/ssf/poll/{id}": {
        parameters: {
        };
        /**
         * Settles tokens, and returns the next ones.
         * @description Only a key of the server API may poll. Each token of the answer is a Security Event Token (RFC 8417), a JWT of the type `secevent+jwt`. Without tokens, the answer waits unless `returnImmediately` is true.
         */
        post: operations["ssfPoll"];
    };
    "/api/v1/ssf/status": {
        parameters: {
        };
        /** The status of a stream. */
        get: operations["ssfReadStatus"];
        /** Enables, pauses or disables a stream. */
        post: operations["ssfChangeStatus"];
    };
    "/api/v1/ssf/streams": {
        parameters: {
        };
        /** One stream, or all streams of the caller. */
        get: operations["ssfReadStreams"];
        /** Changes a stream. Missing fields get their defaults. */
        put: operations["ssfReplaceStream"];
        /** Creates a stream. */
        post: operations["ssfCreateStream"];
        /** Deletes a stream with its events. */
        delete: operations["ssfDeleteStream"];
        /** Changes the fields of a stream that the body has. */
        patch: operations["ssfChangeStream"];
    };
    "/api/v1/ssf/verify": {
        parameters: {
        };
        /** Sends a verification event over a stream. */
        post: operations["ssfVerify"];
    };
    "/api/v1/webauthn/credentials": {
        parameters: {
        };
        /** The passkeys of the caller. */
        get: operations["listPasskeys"];
    };
    "/api/v1/webauthn/credentials/{id}": {
        parameters: {
        };
        /** Removes a passkey. */
        delete: operations["removePasskey"];
        /** Gives a passkey another name. */
        patch: operations["renamePasskey"];
    };
    "/api/v1/webauthn/login/begin": {
        parameters: {
        };
        /**
         * Begins a sign-in, or a step-up.
         * @description Without fields, any passkey may answer. With `step_up`, the request needs the access token of the caller.
         */
        post: operations["beginPasskeyLogin"];
    };
    "/api/v1/webauthn/login/finish": {
        parameters: {
        };
        /** Signs in with a passkey. */
        post: operations["finishPasskeyLogin"];
    };
    "/api/v1/webauthn/register/begin": {
        parameters: {
        };
        /** Begins to add a passkey. */
        post: operations["beginPasskeyRegistration"];
    };
    "/api/v1/webauthn/register/finish": {
        parameters: {
        };
        /** Adds a passkey. */
        post: operations["finishPasskeyRegistration"];
    };
    "/api/v1/ws/chat": {
        parameters: {
        };
        /** Opens a WebSocket. */
        get: operations["openSocket"];
    };
    "/api/v1/ws/ticket": {
        parameters: {
        };
        /** Gives a ticket for one WebSocket. */
        post: operations["issueTicket"];
    };
    "/connection/http_stream": {
        parameters: {
        };
        /**
         * Opens an emulated stream.
         * @description The body has the first command. The answer is the stream of messages, also for a command that is malformed.
         */
        post: operations["openStream"];
    };
    "/connection/sse": {
        parameters: {
        };
        /** Opens a stream of server-sent events. */
        get: operations["openEvents"];
    };
    "/connection/websocket": {
        parameters: {
        };
        /** Opens a WebSocket, at the path of the client libraries. */
        get: operations["openSocketForSdks"];
    };
    "/dev/mail": {
        parameters: {
        };
        /**
         * The newest mails of a development server, with their links.
         * @description Only in development. Without `Accept: application/json`, the answer is a page.
         */
        get: operations["developmentMails"];
    };
    "/dev/mail/{mail}": {
        parameters: {
        };
        /**
         * A mail of a development server.
         * @description Only in development. Without `Accept: application/json`, the answer is a page.
         */
        get: operations["developmentMail"];
    };
    "/dev/mail/{mail}/html": {
        parameters: {
        };
        /**
         * The HTML of a mail of a development server.
         * @description Only in development.
         */
        get: operations["developmentMailHtml"];
    };
    "/docs": {
        parameters: {
        };
        /** A viewer of this document. */
        get: operations["docs"];
    };
    "/docs/viewer.css": {
        parameters: {
        };
        /** The styles of the viewer. */
        get: operations["docsStyle"];
    };
    "/docs/viewer.js": {
        parameters: {
        };
        /** The program of the viewer. */
        get: operations["docsScript"];
    };
    "/emulation": {
        parameters: {
        };
        /**
         * Passes commands to an emulated stream of the client.
         * @description The stream is named by the secret that the client got over it.
         */
        post: operations["sendCommands"];
    };
    "/health": {
        parameters: {
        };
        /** The process answers. */
        get: operations["health"];
    };
    "/health/live": {
        parameters: {
        };
        /** The process answers. */
        get: operations["live"];
    };
    "/health/ready": {
        parameters: {
        };
        /** Says whether the node should get requests. */
        get: operations["ready"];
    };
    "/openapi.json": {
        parameters: {
        };
        /** This document. */
        get: operations["openapi"];
    };
}
export type webhooks = Record<string, unknown>;
export interface components {
    schemas: {
        /** @description A session of an account, or an external session. */
        AnySession: (components["schemas"]["Session"] & {
            /** @enum {string} */
            kind: "account";
        }) | (components["schemas"]["ExternalSession"] & {
            /** @enum {string} */
            kind: "external";
        });
        /** @description A page of sessions of accounts and of external sessions. */
        AnySessionPage: {
            next_cursor?: string | null;
            sessions: components["schemas"]["AnySession"][];
        };
        /** @description The results of a broadcast, in the order of its channels. */
        ApiBroadcast: {
            responses: components["schemas"]["ApiBroadcastResponse"][];
        };
        /** @description The result of a publication to one channel, or its error. */
        ApiBroadcastResponse: {
            result: components["schemas"]["ApiPosition"];
        } | {
            error: components["schemas"]["ApiError"];
        };
        /** @description A channel. */
        ApiChannel: {
            num_clients: number;
        };
        /** @description `{channel, …}`. */
        ApiChannelRequest: {
            channel: string;
        };
        /** @description Channels that have subscribers. */
        ApiChannels: {
            channels: {
                [key: string]: components["schemas"]["ApiChannel"];
            };
        };
        /** @description `channels`. */
        ApiChannelsRequest: {
            pattern?: string | null;
        };
        /** @description A client, as other clients see it. */
        ApiClientInfo: {
            chan_info?: unknown;
            client: string;
            conn_info?: unknown;
            user: string;
        };
        /** @description How many connections are closed, and how many are not closed yet. */
        ApiClosed: {
            closed: number;
            pending: number;
        };
        /** @description The connections of a user. */
        ApiConnections: {
            connections: {
                [key: string]: components["schemas"]["Connection"];
            };
            /** @description The list is full, so that there may be more connections. */
            more?: boolean;
        };
        /** @description The parameters of `connections` besides the user. */
        ApiConnectionsRequest: {
            expression?: string | null;
            label_filter?: unknown;
        };
        /** @description The code and the reason of the close frame. */
        ApiCustomClose: {
            /** Format: int32 */
            code?: number;
            reason?: string;
        };
        /** @description The parameters of `block_user`, `revoke_token` and `invalidate_user_tokens` besides the user. */
        ApiDenial: {
            channel?: string | null;
            /** Format: int64 */
            expire_at?: number | null;
            /** Format: int64 */
            issued_before?: number | null;
            uid?: string | null;
        };
        /** @description The parameters of `disconnect`, beside the user. */
        ApiDisconnect: {
            disconnect?: components["schemas"]["ApiCustomClose"] | null;
            whitelist?: string[] | null;
        };
        /** @description How many connections have carried out a command, and how many have not answered yet. */
        ApiDone: {
            done: number;
            error?: components["schemas"]["ApiError"] | null;
            /** @description How many subscriptions failed. */
            failed?: number | null;
            pending: number;
        };
        /** @description The empty result. */
        ApiEmpty: Record<string, unknown>;
        /** @description Why a method failed. */
        ApiError: {
            /** Format: int32 */
            code: number;
            message: string;
        };
        /** @description Publications, and the newest position of the channel. */
        ApiHistory: {
            epoch: string;
            /** Format: int64 */
            offset: number;
            publications: components["schemas"]["ApiPublication"][];
        };
        /** @description `history`. */
        ApiHistoryRequest: {
            channel: string;
            /** Format: int32 */
            limit?: number;
            reverse?: boolean;
            since?: components["schemas"]["ApiSince"] | null;
        };
        /** @description The nodes of the cluster. */
        ApiInfo: {
            nodes: components["schemas"]["ApiNode"][];
        };
        /** @description A key without its secret and its hash. */
        ApiKey: {
            /** Format: date-time */
            created_at: string;
            /**
             * Format: date-time
             * @description Null if the key does not expire.
             */
            expires_at?: string | null;
            /** Format: uuid */
            id: string;
            /** Format: date-time */
            last_used_at?: string | null;
            name: string;
            /** Format: date-time */
            revoked_at?: string | null;
            scopes: string[];
            state: string;
        };
        /** @description A page of keys. */
        ApiKeyPage: {
            api_keys: components["schemas"]["ApiKey"][];
            next_cursor?: string | null;
        };
        /** @description A node. */
        ApiNode: {
            name: string;
            num_channels: number;
            num_clients: number;
            num_subs: number;
            num_users: number;
            process: components["schemas"]["ApiProcess"];
            /** Format: uuid */
            uid: string;
            /**
             * Format: int64
             * @description Seconds.
             */
            uptime: number;
            version: string;
        };
        /** @description The position of a publication. An empty object for a channel without positions. */
        ApiPosition: {
            epoch?: string | null;
            /** Format: int64 */
            offset?: number | null;
        };
        /** @description The subscribers of a channel, by connection. */
        ApiPresence: {
            presence: {
                [key: string]: components["schemas"]["ApiClientInfo"];
            };
        };
        /** @description The numbers of subscribed connections and users. */
        ApiPresenceStats: {
            /** Format: int32 */
            num_clients: number;
            /** Format: int32 */
            num_users: number;
        };
        /** @description The process of a node. */
        ApiProcess: {
            /** Format: double */
            cpu: number;
            /** Format: int64 */
            rss: number;
        };
        /** @description A publication. */
        ApiPublication: {
            data: unknown;
            info?: components["schemas"]["ApiClientInfo"] | null;
            /** Format: int64 */
            offset: number;
            tags?: {
                [key: string]: string;
            };
            /**
             * Format: int64
             * @description Milliseconds since 1970.
             */
            time?: number;
        };
        /** @description `publish` and `broadcast`. */
        ApiPublish: {
            b64data?: string | null;
            channel?: string | null;
            channels?: string[] | null;
            data?: unknown;
            idempotency_key?: string | null;
            skip_history?: boolean | null;
            tags?: {
                [key: string]: string;
            } | null;
            /** Format: int64 */
            version?: number | null;
            version_epoch?: string | null;
        };
        /** @description The parameters of `refresh`, beside the user. */
        ApiRefresh: {
            /** Format: int64 */
            expire_at?: number | null;
            expired?: boolean | null;
            info?: unknown;
        };
        /** @description A position in the history of a channel. */
        ApiSince: {
            epoch?: string;
            /** Format: int64 */
            offset?: number;
        };
        /** @description The parameters of `subscribe`, beside the user and the terms. */
        ApiSubscribe: {
            channel: string;
            recover_since?: components["schemas"]["ApiSince"] | null;
        };
        /** @description A user, and optionally some of its connections: `{user, client?, session?}`. */
        ApiUserRequest: {
            client?: string | null;
            session?: string | null;
            user: string;
        };
        /** @description The risk of a sign-in, with the reasons. */
        Assessment: {
            /** @description The reasons, each once. */
            reasons: components["schemas"]["Reason"][];
            /**
             * Format: int32
             * @description From 0 (nothing unusual) to 100.
             */
            score: number;
        };
        /** @description An attempt, as the owner of the account sees it. */
        Attempt: components["schemas"]["Described"] & {
            address?: string | null;
            /** Format: date-time */
            at: string;
            device_id?: components["schemas"]["DeviceId"] | null;
            /** Format: uuid */
            id: string;
            method: components["schemas"]["SignInMethod"];
            outcome: components["schemas"]["AttemptOutcome"];
            place?: components["schemas"]["Place"] | null;
            risk?: components["schemas"]["Assessment"] | null;
            session_id?: components["schemas"]["SessionId"] | null;
        };
        /**
         * @description The outcome of an attempt. Stored in `device_login_attempts.outcome`.
         * @enum {string}
         */
        AttemptOutcome: "success" | "challenged" | "unknown_account" | "wrong_password" | "wrong_factor" | "inactive_account" | "superseded" | "risk_refused" | "credential_cloned" | "invalid_passkey";
        /** @description A page of attempts. */
        AttemptPage: {
            attempts: components["schemas"]["Attempt"][];
            next_cursor?: string | null;
        };
        AuditEntry: {
            /** @description The number of the account that performed the act. */
            actor?: number;
            address: string | null;
            /** Format: uuid */
            api_key?: string;
            /** Format: date-time */
            at: string;
            /** Format: uuid */
            connection?: string;
            detail: Record<string, unknown>;
            /** Format: uuid */
            device?: string;
            /** @description Whether the key of the personal fields is destroyed. */
            erased: boolean;
            event: string;
            /** Format: uuid */
            id: string;
            index: number;
            /** @enum {string} */
            outcome: "success" | "failure" | "denied";
            request?: string;
            /** Format: uuid */
            session?: string;
            subject: string | null;
            /** @description The number of the account that the act concerns. */
            user?: number;
        };
        /** @description A page of entries. */
        AuditEventPage: {
            events: components["schemas"]["AuditEntry"][];
            next_cursor?: string | null;
        };
        /** @description Whether there is a session, and which. Without a session, the other fields are missing. */
        AuthStatus: {
            authenticated: boolean;
            /**
             * Format: date-time
             * @description The end of the access token.
             */
            expires_at?: string | null;
            session?: components["schemas"]["SignedInSession"] | null;
            user?: components["schemas"]["SignedInAccount"] | null;
        };
        /** @description New backup codes. */
        BackupCodes: {
            codes: string[];
        };
        /** @description A ban. */
        Ban: {
            /** Format: date-time */
            created_at: string;
            network: string;
            reason: string;
            /** Format: date-time */
            until: string;
        };
        /** @description A page of bans. */
        BanPage: {
            bans: components["schemas"]["Ban"][];
            next_cursor?: string | null;
        };
        /**
         * @description Why the trust in a session, a device or a user ended. The cause is stored in `revocations.cause`.
         * @enum {string}
         */
        Cause: "revoked" | "signed_out" | "password_changed" | "account_disabled" | "refresh_reused" | "device_removed" | "role_changed" | "session_expired" | "session_limit" | "factor_changed" | "credential_cloned" | "drill";
        /** @description The options for the WebAuthn functions of browsers, which `webauthn-rs` makes. */
        CeremonyOptions: {
            mediation?: string | null;
            /** @description The argument of `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`. */
            publicKey: {
                [key: string]: unknown;
            };
        };
        /** @description A changed account, and what the change has ended. */
        ChangedUser: components["schemas"]["UserDetail"] & {
            revocation: components["schemas"]["Revoked"];
        };
        /** @description A channel in a list, in the form of the kind. */
        Channel: {
            channel: string;
            /** @description The number of its subscribers on this node. */
            subscribers: number;
        } | {
            channel: string;
            /** Format: date-time */
            created_at: string;
            /**
             * Format: int64
             * @description The newest offset.
             */
            offset: number;
            /** Format: date-time */
            published_at: string;
            /**
             * Format: int64
             * @description The messages up to this offset are no longer returned.
             */
            removed_up_to: number;
        };
        /** @description A client, as subscribers and messages name it. */
        ChannelClient: {
            /** @description What the channel's token attaches to the subscription. */
            chan_info?: unknown;
            client: components["schemas"]["ConnectionId"];
            /** @description What the connection's token attaches to the connection. */
            conn_info?: unknown;
            user: string;
        };
        /** @description A message of a channel. */
        ChannelMessage: {
            /**
             * Format: int64
             * @description Milliseconds since 1970.
             */
            at_ms: number;
            data?: unknown;
            /** Format: int64 */
            offset: number;
            publisher?: components["schemas"]["ChannelClient"] | null;
            tags: {
                [key: string]: string;
            };
        };
        /** @description A page of channels. */
        ChannelPage: {
            channels: components["schemas"]["Channel"][];
            next_cursor?: string | null;
        };
        /** @description What a channel keeps, and what the caller may do there. */
        ChannelTerms: {
            channel: string;
            /** @description Which data the channel carries: `json`, `any` bytes, or `binary` (any bytes, for clients of the Protobuf protocol only). */
            data: string;
            /** @description Whether the kept messages are in the database. Otherwise they are in memory, and end with the process. */
            durable: boolean;
            /** @description Whether the caller may read the history. */
            history: boolean;
            /** @description How many messages are kept; 0 for none. */
            history_size: number;
            /**
             * Format: int64
             * @description How long messages are kept, in seconds.
             */
            history_ttl_seconds: number;
            /** @description The largest data of one message, in bytes. */
            max_publication_bytes: number;
            /** @description Whether the caller may publish. */
            may_publish: boolean;
            /** @description Whether the caller may subscribe without a subscription token. */
            may_subscribe: boolean;
            /** @description Whether the caller may read the presence of the channel. */
            presence: boolean;
            /** @description Whether clients recover what they have missed: `off`, `allowed` (if they ask) or `forced`. */
            recovery: string;
        };
        /** @description One connection, for the server API and for operators. */
        Connection: {
            address?: string | null;
            /** @description False if a busy connection did not answer in time. The view then has only the data that the session actor holds. */
            answered: boolean;
            app_name: string;
            app_version: string;
            client?: components["schemas"]["ConnectionId"] | null;
            /**
             * Format: int64
             * @description Milliseconds since 1970.
             */
            connected_at_ms: number;
            /** @description The issuer of the connection's token; empty for accounts of this server. */
            issuer: string;
            protocol: string;
            queued_bytes: number;
            session: components["schemas"]["SessionId"];
            state: components["schemas"]["ConnectionState"];
            transport: string;
            user: string;
        };
        /**
         * Format: uuid
         * @description One WebSocket or emulated stream of a session; `client` in the Centrifuge protocol.
         */
        ConnectionId: string;
        /** @description A page of connections. */
        ConnectionPage: {
            connections: components["schemas"]["LiveConnection"][];
            /** @description How many connections were examined for this page. The next page examines further ones. */
            examined: number;
            next_cursor?: string | null;
        };
        /** @description The subscriptions of a connection, and its tokens. */
        ConnectionState: {
            channels: {
                [key: string]: components["schemas"]["ConnectionSubscription"];
            };
            connection_token: components["schemas"]["ConnectionToken"];
            /** @description The data that the token attaches to the connection. */
            meta?: unknown;
            subscription_tokens: {
                [key: string]: components["schemas"]["ConnectionToken"];
            };
        };
        /** @description A subscription of a connection. */
        ConnectionSubscription: {
            server_side: boolean;
            /** Format: int32 */
            source: number;
        };
        /** @description A token: its `jti`, and its `iat` in seconds, if they are known. */
        ConnectionToken: {
            /** Format: int64 */
            issued_at?: number | null;
            uid?: string | null;
        };
        /** @description The proof that one state of the log is the beginning of another. */
        ConsistencyProof: {
            /** Format: int64 */
            from: number;
            /** @description A hash in base64. */
            from_root: string;
            /** @description Hashes in base64. */
            hashes: string[];
            /** Format: int64 */
            to: number;
            /** @description A hash in base64. */
            to_root: string;
        };
        /** @description A new key with its secret. */
        CreatedApiKey: components["schemas"]["ApiKey"] & {
            /** @description The key. It is in the first answer only; a repetition has null. */
            key?: string | null;
        };
        /** @description A new user. */
        CreatedUser: {
            /** @description The generated password. It is in the first answer only; otherwise null. */
            password?: string | null;
            user: components["schemas"]["User"];
        };
        /** @description The credentials, with the names of the OAuth2 password form. The other fields of that form are accepted and ignored. */
        Credentials: {
            client_id?: string | null;
            client_secret?: string | null;
            grant_type?: string | null;
            /** Format: password */
            password: string;
            scope?: string | null;
            /** @description The e-mail address of the account. The name `email` is accepted, too. */
            username: string;
        };
        /** @description A CSRF token. */
        CsrfToken: {
            csrf_token: string;
            /**
             * Format: int64
             * @description Seconds until the token expires.
             */
            expires_in: number;
        };
        DebugCaller: {
            device: components["schemas"]["DeviceId"];
            /** Format: int64 */
            generation: number;
            /** Format: date-time */
            privileged_until?: string | null;
            role: components["schemas"]["Role"];
            scopes: string[];
            session: components["schemas"]["SessionId"];
            /** Format: date-time */
            session_expires_at: string;
            /** Format: date-time */
            token_expires_at: string;
            /** Format: int64 */
            user: number;
        };
        DebugRequest: {
            address: string;
            browser: boolean;
            caller: components["schemas"]["DebugCaller"];
            /** @description The names of this server's cookies in the request; never their values. */
            cookies: string[];
            credential: string;
            csrf_header: boolean;
            device?: components["schemas"]["DeviceId"] | null;
            encrypted: boolean;
            fingerprint: string;
            origin?: string | null;
            request_id: string;
            sec_fetch_site?: string | null;
        };
        /** @description A page of deliveries. */
        DeliveryPage: {
            deliveries: components["schemas"]["EventDelivery"][];
            next_cursor?: string | null;
        };
        /** @description Why the caller leaves. */
        Departure: {
            reason?: string | null;
        };
        /** @description A browser or app and its operating system, as far as the header names them. */
        Described: {
            /** @description The browser. */
            browser?: string | null;
            /** @description The operating system. */
            system?: string | null;
        };
        /** @description A mail with its texts and its link. */
        DevelopmentMail: {
            /** Format: date-time */
            created_at: string;
            html: string;
            /** Format: uuid */
            id: string;
            kind: string;
            language: string;
            /** @description The URL of the link. */
            link?: string | null;
            state: string;
            subject: string;
            text: string;
            to: string;
        };
        /** @description The newest mails. */
        DevelopmentMails: {
            mails: components["schemas"]["DevelopmentMail"][];
        };
        /** @description A device as its user or an operator sees it. */
        Device: components["schemas"]["Described"] & {
            address?: string | null;
            /** Format: date-time */
            created_at: string;
            current: boolean;
            id: components["schemas"]["DeviceId"];
            label: string;
            /** Format: date-time */
            last_seen_at: string;
            open_connections: number;
            place?: components["schemas"]["Place"] | null;
            sessions: number;
            trust: components["schemas"]["Trust"];
            /** Format: date-time */
            trusted_until?: string | null;
        };
        /** @description The changes. If a field is missing, the device keeps its value. */
        DeviceChange: {
            label?: string | null;
            trust?: components["schemas"]["WantedTrust"] | null;
        };
        /**
         * Format: uuid
         * @description A browser or app, known by the random id in its signed cookie.
         */
        DeviceId: string;
        /** @description A page of devices. */
        DevicePage: {
            devices: components["schemas"]["Device"][];
            next_cursor?: string | null;
        };
        /**
         * @description A way in which a client uses a session.
         * @enum {string}
         */
        Door: "websocket" | "http_stream" | "sse" | "api" | "refresh";
        /**
         * @description The verdict on a door.
         * @enum {string}
         */
        DoorVerdict: "in_time" | "late" | "open" | "unclear";
        /**
         * @description The outcome of a drill.
         * @enum {string}
         */
        DrillOutcome: "passed" | "late" | "open" | "failed";
        /** @description What a drill has shown. */
        DrillReport: {
            /** @description The doors, with the times that were measured. */
            doors: components["schemas"]["DrilledDoor"][];
            /**
             * Format: uuid
             * @description The id of the drill.
             */
            drill: string;
            /**
             * Format: uuid
             * @description The node whose doors were drilled.
             */
            node: string;
            /** @description Why the drill could not be carried out, or why its second part was left out; null otherwise. */
            note: string | null;
            /** @description The outcome. */
            outcome: components["schemas"]["DrillOutcome"];
        };
        /** @description The reason of a drill. */
        DrillRequest: {
            /** @description Why, for the audit log. */
            reason: string;
        };
        /** @description A door of a drill. */
        DrilledDoor: {
            /**
             * Format: double
             * @description Milliseconds from the request of the revocation until the door was shut; null if it was not seen to be shut.
             */
            after_ms: number | null;
            /**
             * Format: int64
             * @description The bound in milliseconds.
             */
            bound_ms: number;
            /** @description The door. */
            door: components["schemas"]["Door"];
            /** @description Why the verdict is `unclear`; null for other verdicts. */
            note: string | null;
            /** @description The node that carried the revocation out. */
            revoked_by: components["schemas"]["RevokedBy"];
            /** @description The verdict. */
            verdict: components["schemas"]["DoorVerdict"];
        };
        /** @description What was erased. */
        ErasedMessages: {
            /**
             * Format: int64
             * @description The number of messages in the memory of this node. Messages of durable channels may be in both numbers.
             */
            in_memory: number;
            /** @description Whether there are more messages, so that the request must be repeated. */
            more: boolean;
            /**
             * Format: int64
             * @description The number of messages in the database.
             */
            stored: number;
        };
        /** @description The person. All messages of the person are erased. */
        ErasedPerson: {
            /** @description Why, for the audit log. */
            reason: string;
            /** @description The number of an account, or the name that an external issuer gives, as a text. */
            user: string;
        };
        /** @description A request, or the record of an erasure, for operators. */
        Erasure: {
            actor?: components["schemas"]["UserId"] | null;
            /** Format: date-time */
            begun_at?: string | null;
            /**
             * Format: date-time
             * @description When it is carried out.
             */
            due_at: string;
            /** Format: date-time */
            erased_at?: string | null;
            /** @description Empty after the erasure. */
            reason: string;
            /** Format: date-time */
            requested_at: string;
            requested_by: string;
            state: string;
            user: components["schemas"]["UserId"];
        };
        /** @description The reason of a change. */
        ErasureChange: {
            /** @description Why, for the audit log. */
            reason: string;
        };
        /** @description A page of requests and records of erasures. */
        ErasurePage: {
            erasures: components["schemas"]["Erasure"][];
            next_cursor?: string | null;
        };
        /** @description A delivery. */
        EventDelivery: {
            /** Format: int32 */
            attempts: number;
            content?: unknown;
            /**
             * Format: date-time
             * @description When the next attempt is made.
             */
            due_at: string;
            /** Format: uuid */
            event_id: string;
            /** @description Why the last attempt failed. */
            failure?: string | null;
            /**
             * Format: int32
             * @description The status of the receiver's last answer.
             */
            http_status?: number | null;
            /** Format: date-time */
            occurred_at: string;
            /** Format: date-time */
            settled_at?: string | null;
            state: string;
            subject: string;
            type: string;
        };
        /** @description A receiver. Its secret is never shown. */
        EventReceiver: {
            /** Format: uuid */
            api_key_id?: string | null;
            /** @description Whether so many events wait that new ones are dropped. */
            backlog_full: boolean;
            /** Format: date-time */
            created_at: string;
            events: string[];
            /** Format: uuid */
            id: string;
            /** @description `webhook`, or a stream of Security Event Tokens: `push` or `poll`. */
            kind: string;
            name: string;
            /**
             * Format: date-time
             * @description Until when deliveries are also signed with the secret before the last change.
             */
            previous_secret_until?: string | null;
            status: string;
            status_reason?: string | null;
            /** Format: date-time */
            updated_at: string;
            url?: string | null;
        };
        /** @description A session of a user of an external issuer. */
        ExternalSession: {
            address?: string | null;
            connection: components["schemas"]["ConnectionId"];
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            ended_at?: string | null;
            /** Format: date-time */
            expires_at?: string | null;
            id: components["schemas"]["SessionId"];
            issuer: string;
            /** Format: date-time */
            last_seen_at: string;
            open_connections: number;
            /** Format: date-time */
            revoked_at?: string | null;
            subject: string;
            token_id?: string | null;
        };
        Factors: {
            /** Format: int32 */
            backup_codes: number;
            /** Format: int32 */
            passkeys: number;
            totp?: components["schemas"]["Totp"] | null;
        };
        /** @description The proof that an entry is in the log. */
        InclusionProof: {
            /** @description A signed checkpoint of this size, if there is one. */
            checkpoint?: string | null;
            /** @description Hashes in base64, from the leaf upwards. */
            hashes: string[];
            /** Format: int64 */
            index: number;
            /** @description The entry, as it is in the log. */
            leaf: string;
            /** @description The hash of the tree, in base64. */
            root: string;
            /** Format: int64 */
            size: number;
        };
        /** @description An issuer without its secrets. */
        Issuer: {
            algorithms: string[];
            /** @description What `aud` must contain. */
            audience?: string | null;
            /** @description What `iss` must be. */
            issuer?: string | null;
            keys: components["schemas"]["IssuerKeys"];
            name: string;
            /** @description What this server puts in front of the names of the issuer's users. */
            user_prefix: string;
            /** @description `connection` and `subscription`. */
            uses: string[];
        };
        /** @description A given key, of which only the id is shown. */
        IssuerKey: {
            id?: string | null;
            kind: string;
        };
        /** @description Where the keys of an issuer come from. */
        IssuerKeys: {
            keys: components["schemas"]["IssuerKey"][];
            /** @enum {string} */
            kind: "given";
        } | {
            /** @enum {string} */
            kind: "url";
            own_authorities: boolean;
            url?: string | null;
        };
        /** @description The issuers. There is always one page. */
        IssuerPage: {
            issuers: components["schemas"]["Issuer"][];
            next_cursor?: string | null;
        };
        /** @description Public keys (RFC 7517). */
        KeySet: {
            keys: components["schemas"]["PublicTokenKey"][];
        };
        /** @description A ban to lift. */
        LiftedBan: {
            /** @description The banned address or network. */
            network: string;
            /** @description Why, for the audit log. */
            reason: string;
        };
        /** @description A revocation in a list. */
        ListedRevocation: {
            actor?: components["schemas"]["UserId"] | null;
            cause: components["schemas"]["Cause"];
            /** Format: date-time */
            created_at: string;
            device?: components["schemas"]["DeviceId"] | null;
            except_session?: components["schemas"]["SessionId"] | null;
            /**
             * Format: int32
             * @description The number of sessions that the operator's role may not end.
             */
            excluded: number;
            id: components["schemas"]["RevocationId"];
            /** @description Whether the target covered more sessions than one revocation ends. */
            more: boolean;
            network?: string | null;
            /** Format: date-time */
            opened_since?: string | null;
            reason: string;
            /** @description The kind of target. */
            scope: string;
            session?: components["schemas"]["SessionId"] | null;
            /**
             * Format: int32
             * @description The number of sessions that ended.
             */
            sessions: number;
            subject?: string | null;
            user?: components["schemas"]["UserId"] | null;
            /**
             * Format: int32
             * @description The number of users that were named, if the target was a list of users.
             */
            users?: number | null;
        };
        /** @description The process answers. */
        Live: {
            status: string;
            version: string;
        };
        /** @description A connection with its id and its live figures, for operators. */
        LiveConnection: components["schemas"]["Connection"] & {
            /**
             * Format: int64
             * @description Seconds since the connection was opened.
             */
            age_seconds: number;
            /** @description The country of the address (ISO 3166-1). Null if no GeoIP database is configured, or if it does not know the address. */
            country?: string | null;
            /**
             * Format: double
             * @description Null until the client has answered a ping.
             */
            ping_round_trip_ms?: number | null;
        };
        /** @description A mail. Its link is never shown. */
        Mail: {
            /** @description The address of the recipient. */
            address: string;
            /**
             * Format: int32
             * @description Attempts since it was written, or since it was sent again.
             */
            attempts: number;
            /** Format: date-time */
            created_at: string;
            /**
             * Format: date-time
             * @description When the next attempt is made, if it waits.
             */
            due_at: string;
            /** @description Why the last attempt failed, or why the mail was given up. */
            failure?: string | null;
            /** Format: uuid */
            id: string;
            kind: string;
            /** @description The language that the user reads; null for the default. */
            language?: string | null;
            /** @description What its link permits: `verify`, `reset` or `not_me`. */
            link?: string | null;
            /**
             * Format: date-time
             * @description Until when the link is good.
             */
            link_expires_at?: string | null;
            /**
             * Format: date-time
             * @description When the link was used.
             */
            link_used_at?: string | null;
            /**
             * Format: int32
             * @description How often an operator had it sent again.
             */
            repetitions: number;
            /**
             * Format: date-time
             * @description When it was sent, or was given up.
             */
            settled_at?: string | null;
            state: string;
            /** Format: int64 */
            user: number;
        };
        /** @description A page of mails. */
        MailPage: {
            mails: components["schemas"]["Mail"][];
            next_cursor?: string | null;
        };
        /** @description The address of an account. */
        MailRequest: {
            email: string;
        };
        /** @description A mail that is sent again. */
        MailSentAgain: {
            mail: components["schemas"]["Mail"];
        };
        /** @description The token of a link, and the new password. */
        MailedPasswordReset: {
            /** Format: password */
            new_password: string;
            /** Format: password */
            token: string;
        };
        /** @description The token of a link. */
        MailedToken: {
            /** Format: password */
            token: string;
        };
        /** @description A page of messages of a channel. */
        MessagePage: {
            epoch: string;
            messages: components["schemas"]["ChannelMessage"][];
            next_cursor?: string | null;
            /**
             * Format: int64
             * @description The newest offset of the channel.
             */
            offset: number;
        };
        /** @description A key to create. */
        NewApiKey: {
            /**
             * Format: date-time
             * @description The end of the key, in the future. Without it, the key does not expire.
             */
            expires_at?: string | null;
            name: string;
            /** @description Why, for the audit log. */
            reason: string;
            /** @description `publish`, `channels`, `history`, `connections`, `tokens`, `events`, or `*` for all. */
            scopes: string[];
        };
        /** @description A ban to make. */
        NewBan: {
            /** @description An address, or a network with a prefix of at least 8 bits (IPv4) or 16 bits (IPv6). */
            network: string;
            /** @description Why, for the audit log. */
            reason: string;
            /**
             * Format: date-time
             * @description The end of the ban, in the future.
             */
            until: string;
        };
        /** @description The account to be created, and the reason. */
        NewUser: {
            display_name?: string | null;
            email: string;
            password?: ("generated" | "none");
            /** @description Why, for the audit log. */
            reason: string;
            /** @description Only admins give another role than `user`, which is the default. */
            role?: components["schemas"]["Role"];
        };
        /** @description A new webhook. */
        NewWebhook: {
            /** @description Groups (`security`, `refusals`, `connections`, `channels`) and types of events. */
            events: string[];
            name: string;
            /** @description Why, for the audit log. */
            reason: string;
            url: string;
        };
        /** @description What the node does now. `publications` and `deliveries` are counted since its start. */
        Node: {
            /** @description The channels with subscribers. */
            channels: number;
            /** @description The open sockets and streams, by transport, also those without a session. */
            connections: {
                [key: string]: number;
            };
            /**
             * Format: int64
             * @description Deliveries of publications to single subscribers.
             */
            deliveries: number;
            /** @description Whether deliveries wait, because the node cannot read revocations. */
            holds_deliveries: boolean;
            /** Format: uuid */
            id: string;
            /** @description The passwords that wait for their hash. */
            passwords_waiting: number;
            process: components["schemas"]["NodeProcess"];
            /** Format: int64 */
            publications: number;
            subscriptions: number;
            /**
             * Format: int64
             * @description How long the node has been running.
             */
            uptime_seconds: number;
            /** @description The different users with connections. */
            users: number;
            version: string;
        };
        /** @description What the process uses of its machine. */
        NodeProcess: {
            /**
             * Format: double
             * @description Of one core, since the last request.
             */
            cpu_percent: number;
            /**
             * Format: int64
             * @description 0 if the operating system does not report it.
             */
            resident_bytes: number;
        };
        /** @description How far a node has carried a revocation out. */
        NodeProgress: {
            /**
             * Format: int64
             * @description Milliseconds from the request until the sockets were closed; on other nodes, from the time of the revocation.
             */
            after_ms?: number | null;
            /** Format: uuid */
            node: string;
            /**
             * Format: int32
             * @description The number of sockets that did not close in time.
             */
            pending: number;
            /** Format: int32 */
            sockets_closed: number;
            /** @description `closing`, `closed`, or `incomplete` if sockets did not close in time. */
            state: string;
        };
        /** @description What an operator should look at. */
        Notice: {
            code: string;
            detail: string;
        };
        /** @description Only the reason. */
        OnlyReason: {
            /** @description Why, for the audit log. */
            reason: string;
        };
        /** @description An attempt, as an operator sees it. */
        OperatorAttempt: components["schemas"]["Attempt"] & {
            /**
             * Format: int32
             * @description The number of the network (autonomous system) of the address.
             */
            network?: number | null;
            /** Format: int64 */
            user_id?: number | null;
        };
        /** @description A page of attempts of all accounts. */
        OperatorAttemptPage: {
            attempts: components["schemas"]["OperatorAttempt"][];
            next_cursor?: string | null;
        };
        /** @description The answer to an operator. */
        OperatorRevoked: components["schemas"]["Revoked"] & {
            /**
             * Format: int32
             * @description How many sessions the operator's role may not end.
             */
            excluded: number;
            /** @description Whether the same request would end further sessions. */
            more: boolean;
        };
        /** @description A request, for the person. */
        OwnErasure: {
            /**
             * Format: date-time
             * @description When it is carried out.
             */
            due_at: string;
            /** Format: date-time */
            requested_at: string;
            state: string;
        };
        /** @description The requested erasure, and what the request has ended. */
        OwnRequestedErasure: {
            erasure: components["schemas"]["OwnErasure"];
            revocation: components["schemas"]["Revoked"];
        };
        Passkey: {
            /** Format: uuid */
            aaguid?: string | null;
            authenticator?: string | null;
            backed_up: boolean;
            /** Format: date-time */
            created_at: string;
            /** Format: uuid */
            id: string;
            /** Format: date-time */
            last_used_at?: string | null;
            name: string;
            suspended: boolean;
        };
        PasskeyAnswer: {
            /** Format: uuid */
            ceremony_id: string;
            credential: unknown;
            trust_device?: boolean | null;
        };
        /** @description The answer to a passkey ceremony that was begun with `step_up`. */
        PasskeyAssertion: {
            /** Format: uuid */
            ceremony_id: string;
            credential: unknown;
        };
        PasskeyBegin: {
            /** Format: uuid */
            challenge_id?: string | null;
            step_up?: boolean;
            username?: string | null;
        };
        /** @description The options of a ceremony, together with its id. */
        PasskeyCeremony: components["schemas"]["CeremonyOptions"] & {
            /** Format: uuid */
            ceremony_id: string;
        };
        /** @description The passkeys of the caller. */
        PasskeyList: {
            credentials: components["schemas"]["Passkey"][];
        };
        PasskeyRegistration: {
            /** Format: uuid */
            ceremony_id: string;
            credential: unknown;
            name?: string | null;
        };
        PasskeyRename: {
            name: string;
        };
        PasswordChange: {
            /** Format: password */
            current_password?: string | null;
            /** Format: password */
            new_password: string;
        };
        PasswordDraft: {
            /** @description The address of the account, whose words count as known to an attacker. */
            email?: string | null;
            /** Format: password */
            password: string;
        };
        /** @description What the user gets instead of the password, and the reason. */
        PasswordReset: {
            password?: ("generated" | "none");
            /** @description Why, for the audit log. */
            reason: string;
        };
        /** @description The strength of a password. */
        PasswordStrength: {
            /** @description Whether a registration or a change of the password accepts it. */
            accepted: boolean;
            /** @description The problem code of the refusal. */
            code?: string | null;
            /** @description The refusal as a sentence. */
            detail?: string | null;
            /** @description What makes the password weak: `keyboard`, `repeat`, `common`, `sequence`, `date`, `word` or `name`. */
            pattern?: string | null;
            /**
             * Format: int32
             * @description From 0 (a few guesses) to 4 (more than 10¹⁰ guesses).
             */
            score: number;
        };
        /** @description A place. */
        Place: {
            city?: string | null;
            country?: string | null;
        };
        /** @description The response body of every refusal (RFC 9457). */
        Problem: {
            code: components["schemas"]["ProblemCode"];
            /** @description A sentence for people. */
            detail: string;
            /** @description The ways to prove presence, if such a proof is missing. */
            methods?: components["schemas"]["ProofMethod"][];
            /** @description The id of the request in the log. */
            request_id: string;
            /**
             * Format: int32
             * @description The HTTP status.
             */
            status: number;
            /** @description The reason phrase of the status. */
            title: string;
            /** @description The id of the trace of the request. */
            trace_id: string;
            /** @description A name of the kind of problem: `urn:portcullis:problem:` and the code. */
            type: string;
        };
        /** @description What a program can act on. */
        ProblemCode: string & ("bad_request" | "token_in_query" | "method_not_allowed" | "head_too_large" | "internal" | "unavailable" | "not_ready" | "malformed_authorization" | "repeated_credential" | "malformed_header" | "key_in_query" | "not_authenticated" | "invalid_token" | "token_expired" | "token_revoked" | "tokens_invalidated" | "session_unknown" | "session_expired" | "session_revoked" | "session_ended" | "invalid_ticket" | "invalid_api_key" | "account_inactive" | "user_blocked" | "insufficient_scope" | "client_certificate_required" | "tls_required" | "origin_not_allowed" | "csrf_token_missing" | "csrf_token_mismatch" | "csrf_token_expired" | "csrf_token_invalid" | "malformed_json" | "malformed_form" | "incomplete_body" | "request_timeout" | "body_too_large" | "unsupported_media_type" | "invalid_body" | "invalid_query" | "invalid_limit" | "invalid_cursor" | "not_found" | "too_many_requests" | "step_up_required" | "sign_in_required" | "one_proof_required" | "no_passkey" | "invalid_credentials" | "invalid_second_factor" | "invalid_refresh_token" | "refresh_reused" | "refresh_superseded" | "registration_closed" | "no_receipt" | "receipt_pending" | "email_taken" | "invalid_email" | "invalid_display_name" | "password_too_short" | "password_too_long" | "password_guessable" | "tokens_renewed" | "factor_gone" | "last_factor" | "no_second_factor" | "totp_already_active" | "totp_not_begun" | "passkey_known" | "too_many_passkeys" | "ceremony_expired" | "passkey_refused" | "passkey_suspended" | "user_verification_required" | "malformed_credential" | "one_purpose_required" | "invalid_name" | "invalid_label" | "invalid_language" | "invalid_link" | "mail_unavailable" | "mail_not_sendable" | "invalid_kind" | "operator_required" | "admin_required" | "not_permitted" | "one_target_required" | "reason_required" | "invalid_subject" | "subject_is_account" | "contradicting_filters" | "auditor_required" | "own_account" | "last_admin" | "drill_running" | "erasure_requested" | "invalid_role" | "one_change_required" | "invalid_search" | "invalid_network" | "network_too_wide" | "invalid_country" | "invalid_users" | "moment_in_future" | "lock_needs_users" | "invalid_threshold" | "invalid_period" | "own_address" | "invalid_scopes" | "invalid_lifetime" | "name_taken" | "invalid_channel" | "no_history" | "unknown_series" | "invalid_step" | "invalid_outcome" | "invalid_number" | "invalid_entry" | "invalid_last_event_id" | "invalid_idempotency_key" | "idempotency_key_reused" | "request_in_progress" | "outcome_unknown" | "api_key_required" | "missing_field" | "missing_stream_id" | "unexpected_stream_id" | "missing_endpoint_url" | "unsupported_delivery" | "invalid_authorization" | "invalid_url" | "invalid_events" | "invalid_status" | "invalid_state" | "invalid_reason" | "too_many_ids" | "too_many_streams" | "verification_waits" | "too_many_receivers" | "receiver_disabled" | "changed_meanwhile" | "upgrade_required" | "unsupported_websocket_version" | "malformed_handshake" | "malformed_request" | "unknown_stream" | "connection_limit" | "too_many_commands");
        ProfileUpdate: {
            display_name?: string | null;
            /** @description The language of mails to the user: two letters, such as `en`. Without it, or with null, it stays as it is. */
            language?: string | null;
        };
        /**
         * @description The ways in which a user can prove presence.
         * @enum {string}
         */
        ProofMethod: "password" | "totp" | "backup_code" | "passkey";
        /** @description A public key, as a JSON Web Key (RFC 7517, RFC 8037). */
        PublicTokenKey: {
            alg: string;
            crv: string;
            /** @description The `kid` of tokens that this key verifies: the thumbprint of the key (RFC 7638). */
            kid: string;
            kty: string;
            use: string;
            /** @description The key in base64url. */
            x: string;
        };
        /** @description The node is ready. */
        Ready: {
            /**
             * Format: date-time
             * @description The end of the certificate of the TLS port.
             */
            certificate_expires_at?: string | null;
            details: components["schemas"]["Notice"][];
            status: string;
        };
        /** @enum {string} */
        Reason: "new_device" | "fingerprint_changed" | "new_network" | "new_country" | "impossible_travel" | "unusual_hour" | "recent_failures" | "many_failures" | "many_accounts";
        /** @description A body that only has the reason of a change. */
        Reasoned: {
            /** @description Why, for the audit log. */
            reason: string;
        };
        /** @description The receipt of a revocation. */
        Receipt: {
            actor?: components["schemas"]["UserId"] | null;
            /** @description The cause, for programs. */
            cause: components["schemas"]["Cause"];
            /**
             * Format: date-time
             * @description The time of the revocation.
             */
            committed_at: string;
            except_session?: components["schemas"]["SessionId"] | null;
            /**
             * Format: int32
             * @description The number of sessions that the role of the actor may not end.
             */
            excluded: number;
            /** @description Whether every node has applied the revocation or has lapsed. */
            final: boolean;
            /** @description Whether the target covers more sessions than one revocation ends. */
            more: boolean;
            /** @description The nodes that had a lease when the revocation was committed, or have noted a result, in the order of their ids. */
            nodes: components["schemas"]["ReceiptNode"][];
            /** @description The salted hash of the reason, in base64. The reason stands beside the receipt, so that it can be erased. */
            reason_hash: string;
            /** @description The id of the revocation. */
            revocation: components["schemas"]["RevocationId"];
            /**
             * Format: int32
             * @description The number of sessions that ended; null if there were too many to count.
             */
            sessions?: number | null;
            slowest?: components["schemas"]["ReceiptSlowest"] | null;
            /**
             * Format: int64
             * @description The sum of the sockets that the nodes have counted.
             */
            sockets_closed: number;
            /** @description What was revoked. */
            target: components["schemas"]["ReceiptTarget"];
            /**
             * Format: int32
             * @description The version of this document: 1.
             */
            version: number;
        };
        /** @description The place of a receipt in its batch, with the proof. */
        ReceiptBatchPlace: {
            /**
             * Format: int64
             * @description The number of the receipt in its batch, from 0.
             */
            index: number;
            /** @description The hashes of the proof in base64, from the leaf upwards. */
            proof: string[];
            /**
             * Format: int64
             * @description The number of receipts in the batch.
             */
            size: number;
        };
        /** @description A node of the receipt. */
        ReceiptNode: {
            /**
             * Format: int64
             * @description Milliseconds until the node had applied the revocation, or until its lease lapsed: on the node that carried it out from
             *     the request, on other nodes from the commit. Null for a pending node.
             */
            after_ms?: number | null;
            /**
             * Format: date-time
             * @description When the node had applied the revocation, or when its lease lapsed. Null for a pending node.
             */
            at?: string | null;
            /**
             * Format: uuid
             * @description The process of the server.
             */
            node: string;
            /**
             * Format: int32
             * @description The sockets that the node closed. Null if they were not counted: by a lapsed or pending node, and by a node that had
             *     missed so many revocations that it judged its sessions instead.
             */
            sockets_closed?: number | null;
            /** @description How far it is. */
            state: components["schemas"]["ReceiptState"];
        };
        /** @description A reason, and what its hash is computed with. */
        ReceiptReason: {
            /**
             * Format: uuid
             * @description Random, so that the hash alone does not let the text be guessed.
             */
            salt: string;
            /** @description The text, without addresses. */
            text: string;
        };
        /** @description The node that was the last to apply the revocation, or to lapse. */
        ReceiptSlowest: {
            /**
             * Format: int64
             * @description Milliseconds, as in the entry of the node.
             */
            after_ms: number;
            /**
             * Format: uuid
             * @description The node.
             */
            node: string;
        };
        /**
         * @description How far a node has carried the revocation out.
         * @enum {string}
         */
        ReceiptState: "applied" | "lapsed" | "pending";
        /**
         * @description What was revoked. Exactly the fields that belong to `kind` are given, and `user` if the revocation was limited to the
         *     sessions of one user.
         */
        ReceiptTarget: {
            device?: components["schemas"]["DeviceId"] | null;
            /** @description `session`, `device`, `user`, `users`, `network`, `opened_since`, `subject` or `all`. */
            kind: string;
            /**
             * Format: date-time
             * @description The moment since which the sessions were opened.
             */
            opened_since?: string | null;
            /**
             * Format: int32
             * @description The number of bits in the prefix of the revoked network.
             */
            prefix?: number | null;
            session?: components["schemas"]["SessionId"] | null;
            /** @description The name that an external issuer gives the user, without addresses. */
            subject?: string | null;
            user?: components["schemas"]["UserId"] | null;
            /**
             * Format: int32
             * @description The number of users that were named.
             */
            users?: number | null;
            /** @description A network that contains the revoked one, and that is too large to be the address of a person. */
            within?: string | null;
        };
        RefreshRequest: {
            /** Format: password */
            refresh_token: string;
        };
        Registration: {
            display_name?: string | null;
            email: string;
            /** Format: password */
            password: string;
        };
        /** @description The message to remove. */
        RemovedMessage: {
            channel: string;
            /** Format: int64 */
            offset: number;
            /** @description Why, for the audit log. */
            reason: string;
        };
        /** @description The requested erasure, and what the request has ended. */
        RequestedErasure: {
            erasure: components["schemas"]["Erasure"];
            revocation: components["schemas"]["Revoked"];
        };
        /** @description The result of a password reset. */
        ResetPassword: components["schemas"]["Revoked"] & {
            /** @description The generated password. It is in the first answer only; otherwise null. */
            password?: string | null;
        };
        /**
         * Format: int64
         * @description The row number of a revocation (`revocations.id`).
         */
        RevocationId: number;
        /** @description A page of revocations. */
        RevocationPage: {
            next_cursor?: string | null;
            revocations: components["schemas"]["ListedRevocation"][];
        };
        /** @description A revocation, and how far each node has carried it out. */
        RevocationProgress: components["schemas"]["ListedRevocation"] & {
            /** @description Null if the progress of this revocation is not stored. */
            nodes?: components["schemas"]["NodeProgress"][] | null;
            /** Format: int64 */
            pending?: number | null;
            /**
             * @description `pending` until every node has carried the revocation out, then `complete`. Null if the revocation gets no receipt, because
             *     it was made before the server wrote receipts.
             */
            receipt?: string | null;
            /** Format: int64 */
            sockets_closed?: number | null;
        };
        /** @description The target of a revocation and the reason. Exactly one of the fields before `lock_password` must be given. */
        RevocationRequest: {
            address?: string | null;
            /** @description All sessions. Only admins may do this. */
            all?: boolean | null;
            device?: components["schemas"]["DeviceId"] | null;
            /** @description With `user` or `users`: the passwords no longer permit a sign-in. Only admins may do this. */
            lock_password?: boolean;
            /** @description A network with a prefix of at least 8 bits (IPv4) or 16 bits (IPv6). */
            network?: string | null;
            /**
             * Format: date-time
             * @description The sessions that were opened since this moment, which is not in the future.
             */
            opened_since?: string | null;
            /** @description Why, for the audit log. */
            reason: string;
            session?: components["schemas"]["SessionId"] | null;
            /** @description The name that an external issuer gives. */
            subject?: string | null;
            user?: components["schemas"]["UserId"] | null;
            users?: components["schemas"]["UserId"][] | null;
        };
        /** @description The answer of every route that revokes. */
        Revoked: {
            /** @description How many sockets are not closed yet. */
            pending: number;
            revocation_id?: components["schemas"]["RevocationId"] | null;
            /** @description How many sessions ended; null if there were too many to count. */
            sessions?: number | null;
            /** @description How many sockets are closed. */
            sockets_closed: number;
        };
        /**
         * @description Which node carried the revocation out.
         * @enum {string}
         */
        RevokedBy: "this_node" | "other_node";
        /**
         * @description The role of a user, ordered by power. Stored in `users.role`.
         * @enum {string}
         */
        Role: "canary" | "user" | "auditor" | "operator" | "admin";
        /** @description The request for a second factor. */
        SecondFactorChallenge: {
            /** Format: uuid */
            challenge_id: string;
            /**
             * Format: int64
             * @description Seconds until the challenge expires.
             */
            expires_in: number;
            methods: components["schemas"]["ProofMethod"][];
            status: string;
        };
        SecondFactorRequest: {
            backup_code?: string | null;
            /** Format: uuid */
            challenge_id: string;
            totp?: string | null;
            trust_device?: boolean | null;
        };
        /** @description A session of an account, as its user or an operator sees it. */
        Session: {
            address?: string | null;
            /** Format: date-time */
            created_at: string;
            current: boolean;
            device_id: components["schemas"]["DeviceId"];
            device_label: string;
            /** Format: date-time */
            expires_at: string;
            id: components["schemas"]["SessionId"];
            /** Format: date-time */
            last_seen_at: string;
            method: components["schemas"]["SignInMethod"];
            open_connections: number;
            place?: components["schemas"]["Place"] | null;
            /** Format: date-time */
            revoked_at?: string | null;
            revoked_cause?: components["schemas"]["Cause"] | null;
            risk?: components["schemas"]["Assessment"] | null;
            user_agent?: string | null;
            /** Format: int64 */
            user_id: number;
        };
        /**
         * Format: uuid
         * @description One sign-in of a user on a device (`sid` in tokens, `sessions.id` in the database).
         */
        SessionId: string;
        /** @description A page of sessions. */
        SessionPage: {
            next_cursor?: string | null;
            sessions: components["schemas"]["Session"][];
        };
        /**
         * @description The method of a sign-in. Stored in `sessions.method` and, for every attempt, in `device_login_attempts.method`.
         * @enum {string}
         */
        SignInMethod: "password" | "second_factor" | "passkey" | "drill";
        /** @description The user of the session. */
        SignedInAccount: {
            email: string;
            /** Format: int64 */
            id: number;
            role: components["schemas"]["Role"];
        };
        /** @description The session of the access token. */
        SignedInSession: {
            /** Format: date-time */
            created_at: string;
            device_id: components["schemas"]["DeviceId"];
            /** Format: date-time */
            expires_at: string;
            id: components["schemas"]["SessionId"];
        };
        /** @description The user of the session. */
        SignedInUser: {
            user: components["schemas"]["User"];
        };
        /** @description What a sign-out has ended. */
        SignedOut: {
            /** @description How many sockets are not closed yet. */
            pending: number;
            /** @description How many sessions ended; null if there were too many to count. */
            sessions?: number | null;
            /** @description How many sockets are closed. */
            sockets_closed: number;
        };
        /** @description A receipt with everything that proves it. */
        SignedReceipt: {
            /** @description The place of the receipt in the batch whose root the entry has. */
            batch: components["schemas"]["ReceiptBatchPlace"];
            /** @description A signed checkpoint of the log (C2SP tlog-checkpoint) that covers the entry. */
            checkpoint: string;
            /** @description The entry of the log: the members of the leaf. */
            entry: Record<string, unknown>;
            /** @description The hashes in base64 that prove the entry in the tree of the checkpoint, from the leaf upwards. */
            proof: string[];
            reason?: components["schemas"]["ReceiptReason"] | null;
            /** @description The receipt. */
            receipt: components["schemas"]["Receipt"];
        };
        /** @description How receivers authorize themselves. */
        SsfAuthorizationScheme: {
            spec_urn: string;
        };
        /** @description What the transmitter can do (OpenID SSF 1.0, 7.1). */
        SsfConfiguration: {
            authorization_schemes: components["schemas"]["SsfAuthorizationScheme"][];
            configuration_endpoint: string;
            critical_subject_members: string[];
            default_subjects: string;
            delivery_methods_supported: string[];
            issuer: string;
            jwks_uri: string;
            spec_version: string;
            status_endpoint: string;
            verification_endpoint: string;
        };
        /** @description How a receiver gets tokens. The authorization of a push is never shown. */
        SsfDelivery: {
            endpoint_url: string;
            method: string;
        };
        /** @description How a receiver gets tokens. */
        SsfDeliveryMethod: {
            /**
             * Format: password
             * @description The value of `Authorization` in a push.
             */
            authorization_header?: string | null;
            /** @description Required for a push; ignored for polling. */
            endpoint_url?: string | null;
            /** @description `urn:ietf:rfc:8935` (push) or `urn:ietf:rfc:8936` (poll). */
            method: string;
        };
        /** @description The public keys of Security Event Tokens (RFC 7517). */
        SsfKeySet: {
            keys: components["schemas"]["PublicTokenKey"][];
        };
        /** @description A poll (RFC 8936, 2.2). */
        SsfPoll: {
            /** @description The ids of tokens that the receiver has. */
            ack?: string[];
            /**
             * Format: int32
             * @description The largest number of tokens. More than 100 counts as 100.
             */
            maxEvents?: number | null;
            /** @description Whether to answer at once if there are no tokens. */
            returnImmediately?: boolean;
            /** @description The tokens that the receiver refuses, by id. */
            setErrs?: {
                [key: string]: components["schemas"]["SsfTokenRefusal"];
            };
        };
        /** @description The answer to a poll (RFC 8936, 2.3). */
        SsfPolled: {
            moreAvailable: boolean;
            /** @description Security Event Tokens, by id. */
            sets: {
                [key: string]: string;
            };
        };
        /** @description The status of a stream. */
        SsfStatus: {
            reason?: string | null;
            status: string;
            /** Format: uuid */
            stream_id: string;
        };
        /** @description A status. */
        SsfStatusChange: {
            reason?: string | null;
            status: string;
            /** Format: uuid */
            stream_id: string;
        };
        /** @description A stream. */
        SsfStream: {
            aud: string;
            delivery: components["schemas"]["SsfDelivery"];
            description: string;
            events_delivered: string[];
            events_requested: string[];
            events_supported: string[];
            iss: string;
            /** Format: uuid */
            stream_id: string;
        };
        /**
         * @description The configuration of a stream. What only the transmitter decides is accepted and ignored, so that a receiver can send back
         *     what it has read.
         */
        SsfStreamConfiguration: {
            aud?: unknown;
            delivery?: components["schemas"]["SsfDeliveryMethod"] | null;
            description?: string | null;
            events_delivered?: unknown;
            events_requested?: string[] | null;
            events_supported?: unknown;
            iss?: unknown;
            /**
             * Format: uuid
             * @description Required for an existing stream, and not permitted for a new one.
             */
            stream_id?: string | null;
        };
        /** @description Why a receiver refuses a token. */
        SsfTokenRefusal: {
            description?: string;
            err: string;
        };
        /** @description A request for a verification event. */
        SsfVerification: {
            state?: string | null;
            /** Format: uuid */
            stream_id: string;
        };
        /** @description The values of some series. */
        Statistics: {
            /** Format: date-time */
            from: string;
            series: components["schemas"]["StatisticsSeries"][];
            /**
             * Format: int32
             * @description The length of a period, in seconds.
             */
            step: number;
            /** Format: date-time */
            to: string;
        };
        /** @description The number of events in a period. */
        StatisticsCount: {
            /** Format: date-time */
            at: string;
            /** Format: int64 */
            count: number;
        };
        /** @description How long the events of a period took. */
        StatisticsDuration: {
            /** Format: date-time */
            at: string;
            /** Format: int64 */
            count: number;
            /** Format: double */
            p50_ms: number | null;
            /** Format: double */
            p99_ms: number | null;
        };
        /** @description The value of a gauge in a period. */
        StatisticsGauge: {
            /** Format: date-time */
            at: string;
            /**
             * Format: int64
             * @description The sum of the largest value of each node.
             */
            highest: number;
            /**
             * Format: double
             * @description The mean of the minutes of the period, summed over all nodes.
             */
            mean: number;
        };
        /** @description The values of a label. A period without events has no point. */
        StatisticsLabel: {
            label: string;
            points: components["schemas"]["StatisticsPoint"][];
        };
        /** @description The values of a period, in the form of the kind of the series. */
        StatisticsPoint: components["schemas"]["StatisticsCount"] | components["schemas"]["StatisticsDuration"] | components["schemas"]["StatisticsGauge"];
        /** @description The values of a series. */
        StatisticsSeries: {
            kind: string;
            labels: components["schemas"]["StatisticsLabel"][];
            name: string;
        };
        /**
         * @description The status of an account. Stored in `users.status`; `users.is_active` is derived from it.
         * @enum {string}
         */
        Status: "pending" | "active" | "suspended" | "deactivated";
        StepUp: {
            /** Format: date-time */
            privileged_until: string;
        };
        StepUpRequest: {
            passkey?: components["schemas"]["PasskeyAssertion"] | null;
            /** Format: password */
            password?: string | null;
            totp?: string | null;
        };
        /** @description An account for which a source had the right password. */
        StuffedAccount: {
            /**
             * Format: int64
             * @description The number of attempts with the right password.
             */
            attempts: number;
            /** @description Null if the account was deleted. */
            email?: string | null;
            /** Format: date-time */
            first_at: string;
            /** Format: date-time */
            last_at: string;
            /**
             * Format: int64
             * @description The number of sessions of the account that have not ended.
             */
            open_sessions: number;
            outcomes: components["schemas"]["AttemptOutcome"][];
            /** Format: int64 */
            source_count: number;
            /** @description Some of the sources, as networks. */
            sources: string[];
            user: components["schemas"]["UserId"];
        };
        /** @description The accounts with a password that a stuffing wave has found. */
        StuffingWave: {
            accounts: components["schemas"]["StuffedAccount"][];
            /**
             * Format: int64
             * @description The number of failures of the sources.
             */
            failures: number;
            next_cursor?: string | null;
            /** Format: date-time */
            since: string;
            /**
             * Format: int64
             * @description The number of sources.
             */
            sources: number;
            /** @description Whether the period has more failures, or more sources, than the search reads. */
            truncated: boolean;
            /** Format: date-time */
            until: string;
        };
        /** @description A page of subscribers of a channel. */
        SubscriberPage: {
            next_cursor?: string | null;
            subscribers: components["schemas"]["ChannelClient"][];
            /** @description The number of subscribers on this node. */
            total: number;
        };
        /** @description The terms as they are written: `info`, `b64info`, `data`, `b64data`, `expire_at`, `override`. */
        SubscriptionTerms: {
            b64data?: string | null;
            b64info?: string | null;
            data?: unknown;
            /** Format: int64 */
            expire_at?: number | null;
            info?: unknown;
            override?: components["schemas"]["Switches"];
        };
        Switch: {
            value?: boolean;
        };
        /** @description `override`: the options that differ from the settings of the namespace, each as `{"value": true}`. */
        Switches: {
            force_positioning?: components["schemas"]["Switch"] | null;
            force_push_join_leave?: components["schemas"]["Switch"] | null;
            force_recovery?: components["schemas"]["Switch"] | null;
            join_leave?: components["schemas"]["Switch"] | null;
            presence?: components["schemas"]["Switch"] | null;
        };
        /** @description A ticket. */
        Ticket: {
            /**
             * Format: int64
             * @description Seconds until the ticket expires.
             */
            expires_in: number;
            ticket: string;
        };
        /** @description The tokens, in the body of an answer. */
        Tokens: {
            access_token: string;
            csrf_token: string;
            /**
             * Format: int64
             * @description Seconds until the access token expires.
             */
            expires_in: number;
            /** @description Missing in answers to browsers, which get it only in a cookie. */
            refresh_token?: string | null;
            session_id: components["schemas"]["SessionId"];
            token_type: string;
        };
        Totp: {
            /** Format: date-time */
            confirmed_at: string;
        };
        TotpConfirmation: {
            totp: string;
        };
        /** @description The secret of an authenticator app, in three forms. */
        TotpSetup: {
            /** @description A QR code of the URI. */
            qr_svg: string;
            /** @description In base32, for typing. */
            secret: string;
            /** @description `otpauth://`. */
            uri: string;
        };
        /**
         * @description The level of trust in a device, ordered from low to high. Stored in `registered_devices.trust`.
         * @enum {string}
         */
        Trust: "new" | "trusted" | "verified";
        /** @description A user, as shown to this user. */
        User: {
            /** Format: date-time */
            created_at: string;
            display_name?: string | null;
            email: string;
            /** Format: int64 */
            id: number;
            is_active: boolean;
            /** @description The language of mails to the user: two letters; null for the default. */
            language?: string | null;
            /** Format: date-time */
            last_login_at?: string | null;
            role: components["schemas"]["Role"];
            status: components["schemas"]["Status"];
        };
        /** @description An account with its factors, and with the numbers of its sessions and devices. */
        UserDetail: components["schemas"]["User"] & {
            /**
             * Format: int64
             * @description The number of devices.
             */
            devices: number;
            /** @description The factors of an account. */
            factors: {
                /**
                 * Format: int32
                 * @description The number of backup codes that are left.
                 */
                backup_codes: number;
                /** Format: int32 */
                passkeys: number;
                /** Format: int32 */
                suspended_passkeys: number;
                /** @description Whether there is an authenticator app. */
                totp: boolean;
            };
            has_password: boolean;
            /**
             * Format: int64
             * @description The number of sessions that have not ended.
             */
            sessions: number;
        };
        /**
         * Format: int64
         * @description A user's account number, as stored in `users.id`.
         */
        UserId: number;
        /** @description A page of users. */
        UserPage: {
            next_cursor?: string | null;
            users: components["schemas"]["User"][];
        };
        /** @description A change of role or status, and the reason. */
        UserPatch: {
            /** @description Why, for the audit log. */
            reason: string;
            role?: components["schemas"]["Role"] | null;
            status?: components["schemas"]["Status"] | null;
        };
        /**
         * @description The trust that a user may set.
         * @enum {string}
         */
        WantedTrust: "new" | "trusted";
        /** @description A webhook. */
        Webhook: {
            /** @description The secret of the signatures. Only the answer to the request that makes it has it; a repetition has null. */
            secret?: string | null;
            webhook: components["schemas"]["EventReceiver"];
        };
        /** @description What changes in a webhook. */
        WebhookChange: {
            /** @description Groups (`security`, `refusals`, `connections`, `channels`) and types of events. */
            events?: string[] | null;
            name?: string | null;
            /** @description Why, for the audit log. */
            reason: string;
            /** @description Whether there is a new secret. Until a moment, deliveries are also signed with the old one. */
            rotate_secret?: boolean;
            status?: string | null;
            url?: string | null;
        };
        /** @description The reason of a deletion. */
        WebhookDeletion: {
            /** @description Why, for the audit log. */
            reason: string;
        };
        /** @description A page of webhooks and streams. */
        WebhookPage: {
            next_cursor?: string | null;
            webhooks: components["schemas"]["EventReceiver"][];
        };
        /** @description Which dead letters are sent again. */
        WebhookReplay: {
            /** @description The ids of events; without it, the oldest 1000 dead letters. */
            events?: string[] | null;
            /** @description Why, for the audit log. */
            reason: string;
        };
        /** @description What is sent again. */
        WebhookReplayed: {
            /**
             * Format: int64
             * @description The number of dead letters.
             */
            replayed: number;
        };
        /** @description The test event that is on its way. */
        WebhookTest: {
            /** Format: uuid */
            event_id: string;
        };
    };
    responses: {
        /** @description Bad Request */
        "BadRequest--w5r": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "bad_request" | "incomplete_body" | "malformed_header" | "malformed_json" | "token_in_query";
                };
            };
        };
        /** @description Bad Request */
        "BadRequest-3U6z": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "bad_request" | "malformed_request" | "token_in_query";
                };
            };
        };
        /** @description Bad Request */
        "BadRequest-5Ch5": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "bad_request" | "incomplete_body" | "malformed_authorization" | "malformed_header" | "malformed_json" | "repeated_credential" | "token_in_query";
                };
            };
        };
        /** @description Bad Request */
        "BadRequest-JA14": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "bad_request" | "incomplete_body" | "key_in_query" | "malformed_authorization" | "malformed_header" | "malformed_json" | "repeated_credential" | "token_in_query";
                };
            };
        };
        /** @description Bad Request */
        "BadRequest-KySg": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "bad_request" | "malformed_authorization" | "malformed_handshake" | "repeated_credential" | "token_in_query";
                };
            };
        };
        /** @description Bad Request */
        "BadRequest-Kzu1": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "bad_request" | "malformed_authorization" | "malformed_request" | "repeated_credential" | "token_in_query";
                };
            };
        };
        /** @description Bad Request */
        "BadRequest-Lb54": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "bad_request" | "key_in_query" | "malformed_authorization" | "malformed_header" | "repeated_credential" | "token_in_query";
                };
            };
        };
        /** @description Bad Request */
        "BadRequest-LyKH": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "bad_request" | "incomplete_body" | "invalid_idempotency_key" | "malformed_authorization" | "malformed_header" | "malformed_json" | "repeated_credential" | "token_in_query";
                };
            };
        };
        /** @description Bad Request */
        "BadRequest-PuAs": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "bad_request" | "malformed_authorization" | "malformed_header" | "repeated_credential" | "token_in_query";
                };
            };
        };
        /** @description Bad Request */
        "BadRequest-X_KX": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "bad_request" | "token_in_query";
                };
            };
        };
        /** @description Bad Request */
        "BadRequest-ZtWU": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "bad_request" | "malformed_authorization" | "repeated_credential" | "token_in_query";
                };
            };
        };
        /** @description Bad Request */
        "BadRequest-iLnu": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "bad_request" | "incomplete_body" | "malformed_authorization" | "malformed_form" | "malformed_header" | "malformed_json" | "repeated_credential" | "token_in_query";
                };
            };
        };
        /** @description Conflict */
        "Conflict-3GaH": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "outcome_unknown" | "request_in_progress";
                };
            };
        };
        /** @description Conflict */
        "Conflict-AxZ7": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "drill_running";
                };
            };
        };
        /** @description Conflict */
        "Conflict-F2ur": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "totp_already_active";
                };
            };
        };
        /** @description Conflict */
        "Conflict-Fne0": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "no_passkey" | "tokens_renewed";
                };
            };
        };
        /** @description Conflict */
        "Conflict-JYK0": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "no_history";
                };
            };
        };
        /** @description Conflict */
        "Conflict-Q10K": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "tokens_renewed";
                };
            };
        };
        /** @description Conflict */
        "Conflict-RpfD": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "factor_gone" | "passkey_known" | "tokens_renewed" | "too_many_passkeys";
                };
            };
        };
        /** @description Conflict */
        "Conflict-UTb2": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "factor_gone" | "no_second_factor" | "tokens_renewed";
                };
            };
        };
        /** @description Conflict */
        "Conflict-UqJW": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "email_taken";
                };
            };
        };
        /** @description Conflict */
        "Conflict-YP0F": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "name_taken" | "outcome_unknown" | "request_in_progress";
                };
            };
        };
        /** @description Conflict */
        "Conflict-aLPq": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "too_many_passkeys";
                };
            };
        };
        /** @description Conflict */
        "Conflict-adgH": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "last_admin";
                };
            };
        };
        /** @description Conflict */
        "Conflict-bXfr": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "receiver_disabled" | "verification_waits";
                };
            };
        };
        /** @description Conflict */
        "Conflict-dUnR": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "outcome_unknown" | "request_in_progress" | "too_many_receivers";
                };
            };
        };
        /** @description Conflict */
        "Conflict-dVQf": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "no_passkey";
                };
            };
        };
        /** @description Conflict */
        "Conflict-ev3F": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "factor_gone" | "last_factor" | "no_second_factor";
                };
            };
        };
        /** @description Conflict */
        "Conflict-eyul": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "email_taken" | "outcome_unknown" | "request_in_progress";
                };
            };
        };
        /** @description Conflict */
        "Conflict-gM7a": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "receiver_disabled";
                };
            };
        };
        /** @description Conflict */
        "Conflict-inE6": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "erasure_requested" | "last_admin";
                };
            };
        };
        /** @description Conflict */
        "Conflict-nKW2": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "factor_gone" | "last_factor" | "tokens_renewed";
                };
            };
        };
        /** @description Conflict */
        "Conflict-pM_a": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "receipt_pending";
                };
            };
        };
        /** @description Conflict */
        "Conflict-puDD": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "mail_not_sendable";
                };
            };
        };
        /** @description Conflict */
        "Conflict-rinO": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "factor_gone" | "tokens_renewed" | "totp_already_active" | "totp_not_begun";
                };
            };
        };
        /** @description Conflict */
        "Conflict-ua0E": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "mail_unavailable";
                };
            };
        };
        /** @description Conflict */
        "Conflict-uz4G": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "too_many_receivers" | "too_many_streams";
                };
            };
        };
        /** @description Conflict */
        "Conflict-vjJa": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "changed_meanwhile";
                };
            };
        };
        /** @description Forbidden */
        "Forbidden-2Rkz": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "csrf_token_expired" | "csrf_token_invalid" | "csrf_token_mismatch" | "origin_not_allowed" | "registration_closed";
                };
            };
        };
        /** @description Forbidden */
        "Forbidden-2rrq": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "account_inactive" | "admin_required" | "client_certificate_required" | "csrf_token_expired" | "csrf_token_invalid" | "csrf_token_mismatch" | "csrf_token_missing" | "insufficient_scope" | "not_permitted" | "operator_required" | "origin_not_allowed" | "sign_in_required" | "step_up_required" | "user_blocked";
                };
            };
        };
        /** @description Forbidden */
        "Forbidden-4WFi": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "origin_not_allowed";
                };
            };
        };
        /** @description Forbidden */
        "Forbidden-8FIr": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "csrf_token_expired" | "csrf_token_invalid" | "csrf_token_mismatch" | "origin_not_allowed";
                };
            };
        };
        /** @description Forbidden */
        "Forbidden-HLsG": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "account_inactive" | "origin_not_allowed" | "tls_required" | "user_blocked";
                };
            };
        };
        /** @description Forbidden */
        "Forbidden-JY3N": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "account_inactive" | "client_certificate_required" | "csrf_token_expired" | "csrf_token_invalid" | "csrf_token_mismatch" | "csrf_token_missing" | "insufficient_scope" | "not_permitted" | "operator_required" | "origin_not_allowed" | "user_blocked";
                };
            };
        };
        /** @description Forbidden */
        "Forbidden-Lhzf": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "account_inactive" | "csrf_token_expired" | "csrf_token_invalid" | "csrf_token_mismatch" | "csrf_token_missing" | "origin_not_allowed" | "user_blocked";
                };
            };
        };
        /** @description Forbidden */
        "Forbidden-TgMg": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "account_inactive" | "client_certificate_required" | "insufficient_scope" | "not_permitted" | "operator_required" | "user_blocked";
                };
            };
        };
        /** @description Forbidden */
        "Forbidden-Tw0k": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "account_inactive" | "admin_required" | "client_certificate_required" | "csrf_token_expired" | "csrf_token_invalid" | "csrf_token_mismatch" | "csrf_token_missing" | "insufficient_scope" | "not_permitted" | "operator_required" | "origin_not_allowed" | "own_account" | "sign_in_required" | "step_up_required" | "user_blocked";
                };
            };
        };
        /** @description Forbidden */
        "Forbidden-_Bhd": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "account_inactive" | "client_certificate_required" | "csrf_token_expired" | "csrf_token_invalid" | "csrf_token_mismatch" | "csrf_token_missing" | "insufficient_scope" | "not_permitted" | "operator_required" | "origin_not_allowed" | "own_account" | "sign_in_required" | "step_up_required" | "user_blocked";
                };
            };
        };
        /** @description Forbidden */
        "Forbidden-aP8d": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "account_inactive" | "insufficient_scope" | "sign_in_required" | "step_up_required" | "user_blocked";
                };
            };
        };
        /** @description Forbidden */
        "Forbidden-evNA": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "account_inactive" | "client_certificate_required" | "insufficient_scope" | "not_permitted" | "operator_required" | "own_account" | "sign_in_required" | "step_up_required" | "user_blocked";
                };
            };
        };
        /** @description Forbidden */
        "Forbidden-gd7A": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "account_inactive" | "origin_not_allowed" | "user_blocked";
                };
            };
        };
        /** @description Forbidden */
        "Forbidden-h27Y": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "account_inactive" | "auditor_required" | "client_certificate_required" | "insufficient_scope" | "user_blocked";
                };
            };
        };
        /** @description Forbidden */
        "Forbidden-iGoU": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "account_inactive" | "auditor_required" | "client_certificate_required" | "insufficient_scope" | "sign_in_required" | "step_up_required" | "user_blocked";
                };
            };
        };
        /** @description Forbidden */
        "Forbidden-k5qN": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "account_inactive" | "insufficient_scope" | "user_blocked";
                };
            };
        };
        /** @description Forbidden */
        "Forbidden-oSuA": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "account_inactive" | "csrf_token_expired" | "csrf_token_invalid" | "csrf_token_mismatch" | "csrf_token_missing" | "insufficient_scope" | "origin_not_allowed" | "user_blocked";
                };
            };
        };
        /** @description Forbidden */
        "Forbidden-phyR": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "account_inactive" | "api_key_required" | "client_certificate_required" | "csrf_token_expired" | "csrf_token_invalid" | "csrf_token_mismatch" | "csrf_token_missing" | "insufficient_scope" | "not_permitted" | "operator_required" | "origin_not_allowed" | "user_blocked";
                };
            };
        };
        /** @description Forbidden */
        "Forbidden-q6ET": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "account_inactive" | "client_certificate_required" | "csrf_token_expired" | "csrf_token_invalid" | "csrf_token_mismatch" | "csrf_token_missing" | "insufficient_scope" | "not_permitted" | "operator_required" | "origin_not_allowed" | "sign_in_required" | "step_up_required" | "user_blocked";
                };
            };
        };
        /** @description Forbidden */
        "Forbidden-rrr-": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "account_inactive" | "csrf_token_expired" | "csrf_token_invalid" | "csrf_token_mismatch" | "csrf_token_missing" | "insufficient_scope" | "origin_not_allowed" | "sign_in_required" | "step_up_required" | "user_blocked";
                };
            };
        };
        /** @description Internal Server Error */
        "InternalServerError-Modh": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "internal";
                };
            };
        };
        /** @description Not Found */
        "NotFound-cFqQ": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "not_found";
                };
            };
        };
        /** @description Not Found */
        "NotFound-eplN": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "unknown_stream";
                };
            };
        };
        /** @description Not Found */
        "NotFound-z4Yo": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "no_receipt" | "not_found";
                };
            };
        };
        /** @description Payload Too Large */
        "PayloadTooLarge-0AU-": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "body_too_large";
                };
            };
        };
        /** @description Request Header Fields Too Large */
        "RequestHeaderFieldsTooLarge-EBKU": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "head_too_large";
                };
            };
        };
        /** @description Request Timeout */
        "RequestTimeout-O0Jd": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "request_timeout";
                };
            };
        };
        /** @description Service Unavailable */
        "ServiceUnavailable-MlC4": {
            headers: {
                "Retry-After": components["headers"]["RetryAfter"];
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "unavailable";
                };
            };
        };
        /** @description Service Unavailable */
        "ServiceUnavailable-g7-U": {
            headers: {
                "Retry-After": components["headers"]["RetryAfter"];
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "not_ready";
                };
            };
        };
        /** @description Too Many Requests */
        "TooManyRequests-IfX_": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                "Retry-After": components["headers"]["RetryAfter"];
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "connection_limit" | "too_many_commands";
                };
            };
        };
        /** @description Too Many Requests */
        "TooManyRequests-SGuP": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                "Retry-After": components["headers"]["RetryAfter"];
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "connection_limit" | "too_many_requests";
                };
            };
        };
        /** @description Too Many Requests */
        "TooManyRequests-vyG1": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                "Retry-After": components["headers"]["RetryAfter"];
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "connection_limit";
                };
            };
        };
        /** @description Unauthorized */
        "Unauthorized--9k2": {
            headers: {
                "WWW-Authenticate": components["headers"]["WwwAuthenticate"];
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "ceremony_expired" | "invalid_second_factor" | "origin_not_allowed" | "passkey_refused" | "passkey_suspended" | "user_verification_required";
                };
            };
        };
        /** @description Unauthorized */
        "Unauthorized-1yoI": {
            headers: {
                "WWW-Authenticate": components["headers"]["WwwAuthenticate"];
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "ceremony_expired" | "invalid_token" | "not_authenticated" | "origin_not_allowed" | "passkey_refused" | "passkey_suspended" | "session_ended" | "session_expired" | "session_revoked" | "session_unknown" | "token_expired" | "token_revoked" | "tokens_invalidated" | "user_verification_required";
                };
            };
        };
        /** @description Unauthorized */
        "Unauthorized-79yb": {
            headers: {
                "WWW-Authenticate": components["headers"]["WwwAuthenticate"];
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_second_factor";
                };
            };
        };
        /** @description Unauthorized */
        "Unauthorized-H2aU": {
            headers: {
                "WWW-Authenticate": components["headers"]["WwwAuthenticate"];
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_ticket" | "invalid_token" | "session_ended" | "session_expired" | "session_revoked" | "session_unknown" | "token_expired" | "token_revoked" | "tokens_invalidated";
                };
            };
        };
        /** @description Unauthorized */
        "Unauthorized-V2B6": {
            headers: {
                "WWW-Authenticate": components["headers"]["WwwAuthenticate"];
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_credentials";
                };
            };
        };
        /** @description Unauthorized */
        "Unauthorized-fA_9": {
            headers: {
                "WWW-Authenticate": components["headers"]["WwwAuthenticate"];
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_api_key" | "invalid_token" | "not_authenticated" | "session_ended" | "session_expired" | "session_revoked" | "session_unknown" | "token_expired" | "token_revoked" | "tokens_invalidated";
                };
            };
        };
        /** @description Unauthorized */
        "Unauthorized-jNa-": {
            headers: {
                "WWW-Authenticate": components["headers"]["WwwAuthenticate"];
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_token" | "session_ended" | "session_expired" | "session_revoked" | "session_unknown" | "token_expired" | "token_revoked" | "tokens_invalidated";
                };
            };
        };
        /** @description Unauthorized */
        "Unauthorized-mgx8": {
            headers: {
                "WWW-Authenticate": components["headers"]["WwwAuthenticate"];
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_credentials" | "invalid_token" | "not_authenticated" | "session_ended" | "session_expired" | "session_revoked" | "session_unknown" | "token_expired" | "token_revoked" | "tokens_invalidated";
                };
            };
        };
        /** @description Unauthorized */
        "Unauthorized-ugiW": {
            headers: {
                "WWW-Authenticate": components["headers"]["WwwAuthenticate"];
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "ceremony_expired" | "invalid_credentials" | "invalid_second_factor" | "invalid_token" | "not_authenticated" | "origin_not_allowed" | "passkey_refused" | "passkey_suspended" | "session_ended" | "session_expired" | "session_revoked" | "session_unknown" | "token_expired" | "token_revoked" | "tokens_invalidated" | "user_verification_required";
                };
            };
        };
        /** @description Unauthorized */
        "Unauthorized-vXKM": {
            headers: {
                "WWW-Authenticate": components["headers"]["WwwAuthenticate"];
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_token" | "not_authenticated" | "session_ended" | "session_expired" | "session_revoked" | "session_unknown" | "token_expired" | "token_revoked" | "tokens_invalidated";
                };
            };
        };
        /** @description Unauthorized */
        "Unauthorized-vY_5": {
            headers: {
                "WWW-Authenticate": components["headers"]["WwwAuthenticate"];
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_refresh_token" | "not_authenticated" | "refresh_reused" | "refresh_superseded" | "session_ended" | "session_expired" | "session_revoked" | "token_revoked" | "tokens_invalidated";
                };
            };
        };
        /** @description Unauthorized */
        "Unauthorized-zyeI": {
            headers: {
                "WWW-Authenticate": components["headers"]["WwwAuthenticate"];
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_second_factor" | "invalid_token" | "not_authenticated" | "session_ended" | "session_expired" | "session_revoked" | "session_unknown" | "token_expired" | "token_revoked" | "tokens_invalidated";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-1GRx": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "reason_required";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-1fvi": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "invalid_display_name" | "invalid_email" | "password_guessable" | "password_too_long" | "password_too_short";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-1udb": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_cursor" | "invalid_limit" | "invalid_query" | "invalid_state";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-2ezg": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_query" | "reason_required";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-4zh8": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "one_purpose_required";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-5YhG": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_number" | "invalid_outcome" | "invalid_query" | "reason_required";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-9A6w": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "invalid_network" | "reason_required";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-9CMj": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_query";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-A5Zp": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "idempotency_key_reused" | "invalid_body" | "reason_required";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-AVy-": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "invalid_display_name" | "invalid_language";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-BPla": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "contradicting_filters" | "invalid_cursor" | "invalid_limit" | "invalid_query" | "invalid_search";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-BsJD": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_last_event_id" | "invalid_number" | "invalid_outcome" | "invalid_query";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-EOWe": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_country" | "invalid_cursor" | "invalid_limit" | "invalid_network" | "invalid_query" | "invalid_search" | "invalid_subject";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-F1VV": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_authorization" | "invalid_body" | "invalid_events" | "invalid_name" | "invalid_url" | "missing_endpoint_url" | "unexpected_stream_id" | "unsupported_delivery";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-Fddj": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_period" | "invalid_query" | "invalid_step" | "unknown_series";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-FrRh": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "invalid_events" | "invalid_name" | "invalid_status" | "invalid_url" | "reason_required";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-HY_W": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_cursor" | "invalid_limit" | "invalid_query";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-IEWd": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "invalid_link";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-IGYj": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "idempotency_key_reused" | "invalid_body" | "invalid_events" | "invalid_name" | "invalid_url" | "missing_field" | "reason_required";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-JF0r": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_cursor" | "invalid_period" | "invalid_query" | "invalid_threshold";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-KMd2": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_cursor" | "invalid_kind" | "invalid_limit" | "invalid_query" | "invalid_search" | "invalid_state";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-KiFr": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_channel" | "invalid_query";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-MZNe": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_authorization" | "invalid_body" | "invalid_events" | "invalid_name" | "invalid_url" | "missing_endpoint_url" | "missing_stream_id" | "unsupported_delivery";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-OZLO": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "invalid_state";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-PFAA": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "too_many_ids";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-Puan": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "contradicting_filters" | "invalid_country" | "invalid_cursor" | "invalid_limit" | "invalid_network" | "invalid_query";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-Qz4n": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_cursor" | "invalid_limit" | "invalid_outcome" | "invalid_query";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-RZnZ": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "malformed_credential";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-Stz3": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "invalid_link" | "password_guessable" | "password_too_long" | "password_too_short";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-TZhS": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "invalid_channel" | "invalid_cursor" | "reason_required";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-TiXB": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_number" | "invalid_query";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-Vny5": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "invalid_name";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-VwbV": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "idempotency_key_reused" | "invalid_body" | "invalid_network" | "invalid_subject" | "invalid_users" | "lock_needs_users" | "moment_in_future" | "network_too_wide" | "one_target_required" | "reason_required" | "subject_is_account";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-WPOm": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "invalid_events" | "reason_required";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-XaLj": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "malformed_credential" | "one_proof_required";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-Zds4": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_channel" | "invalid_cursor" | "invalid_limit" | "invalid_query";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-aWlf": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "invalid_reason" | "invalid_status";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-bspE": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-eb9Y": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "invalid_email";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-hpRB": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "idempotency_key_reused" | "invalid_body" | "invalid_display_name" | "invalid_email" | "invalid_role" | "reason_required";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-jTXs": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "invalid_name" | "malformed_credential";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-jiE8": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_query" | "missing_stream_id";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-kkrv": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "invalid_label";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-mL0i": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "invalid_role" | "one_change_required" | "reason_required";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-mXpy": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_entry" | "invalid_number" | "invalid_query";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-osAV": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "password_guessable" | "password_too_long" | "password_too_short";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-p4a-": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "invalid_subject" | "reason_required";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-s3ij": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "idempotency_key_reused" | "invalid_body" | "invalid_network" | "invalid_period" | "network_too_wide" | "own_address" | "reason_required";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-wLH4": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "contradicting_filters" | "invalid_country" | "invalid_cursor" | "invalid_limit" | "invalid_network" | "invalid_query" | "invalid_search" | "invalid_subject";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-x0KU": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "idempotency_key_reused" | "invalid_body" | "invalid_lifetime" | "invalid_name" | "invalid_scopes" | "reason_required";
                };
            };
        };
        /** @description Unprocessable Entity */
        "UnprocessableEntity-zX2-": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "invalid_body" | "one_proof_required";
                };
            };
        };
        /** @description Unsupported Media Type */
        "UnsupportedMediaType-d8fQ": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "unsupported_media_type";
                };
            };
        };
        /** @description Upgrade Required */
        "UpgradeRequired-JMgO": {
            headers: {
                "X-Request-ID": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"] & {
                    /** @enum {unknown} */
                    code?: "unsupported_websocket_version" | "upgrade_required";
                };
            };
        };
    };
    parameters: {
        /** @description The CSRF token of the pre-session or of a session. It is not required here, and must be valid if it is sent. */
        CsrfToken: string;
        /** @description The sealed id of the device. In development without TLS, its name is `device_id`. */
        Device: string;
        /** @description A text that the client chooses for this request. A repetition with the same key and body does nothing, and gets the first answer again, in which secrets are null. */
        IdempotencyKey: string;
        /** @description The sealed id of the browser before a sign-in. In development without TLS, its name is `psid`. */
        Presession: string;
        /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
        RequestId: string;
    };
    requestBodies: never;
    headers: {
        /** @description How long the answer may be kept. */
        CacheControl: string;
        /** @description Tells the browser to forget what the page has stored. */
        ClearSiteData: string;
        /** @description The name of the file. */
        ContentDisposition: string;
        /** @description The CSRF token to use from now on, which is also in the cookie `csrf_token`. */
        CsrfToken: string;
        /** @description The date from which the path is deprecated (RFC 9745). */
        Deprecation: string;
        /** @description The version of the content. A request with it in `If-None-Match` gets a 304. */
        ETag: string;
        /** @description `true` if the answer is that of an earlier request with the same `Idempotency-Key`. */
        IdempotencyReplayed: "true";
        /** @description The successor of the path. */
        Link: string;
        /** @description What is left of the limit, and when it starts again. */
        RateLimit: string;
        /** @description The limit that refused the request, with its quota and window. */
        RateLimitPolicy: string;
        /** @description Removes the cookies of the session. */
        RemoveCookies: string;
        /** @description The id of the request in the log: that of the request, or a new one. */
        RequestId: string;
        /** @description The seconds after which a retry makes sense. */
        RetryAfter: number;
        /** @description Sets the cookies `access_token`, `refresh_token`, `csrf_token` and `__Host-device_id`. */
        SetCookie: string;
        /** @description Sets the cookie `__Host-device_id`. */
        SetDeviceCookie: string;
        /** @description May set the cookies `csrf_token` and `__Host-psid`. */
        SetPresessionCookies: string;
        /** @description The scheme of credentials (RFC 6750, 3). */
        WwwAuthenticate: string;
    };
    pathItems: never;
}
export type $defs = Record<string, unknown>;
export interface operations {
    acmeChallenge: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The token of the challenge. */
                token: string;
            };
        };
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
        };
    };
    keySet: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The keys. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/jwk-set+json": components["schemas"]["KeySet"];
                };
            };
        };
    };
    ssfConfiguration: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The configuration. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SsfConfiguration"];
                };
            };
        };
    };
    ssfKeySet: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The keys. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/jwk-set+json": components["schemas"]["SsfKeySet"];
                };
            };
        };
    };
    apiBatch: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description `transport` turns errors into statuses. */
                "X-Centrifugo-Error-Mode"?: string;
            };
        };
        requestBody: {
            content: {
                "application/json": {
                    commands: Record<string, unknown>[];
                    /** @description Run several commands at the same time. */
                    parallel?: boolean | null;
                };
            };
        };
        responses: {
            /** @description The replies in the order of the commands, or an error. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        replies: Record<string, unknown>[];
                    } | {
                        error: components["schemas"]["ApiError"];
                    };
                };
            };
        };
    };
    apiBlockUser: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description `transport` turns errors into statuses. */
                "X-Centrifugo-Error-Mode"?: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiUserRequest"] & components["schemas"]["ApiDenial"];
            };
        };
        responses: {
            /** @description The result, or the error of the method. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        result: components["schemas"]["ApiClosed"];
                    } | {
                        error: components["schemas"]["ApiError"];
                    };
                };
            };
        };
    };
    apiBroadcast: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description `transport` turns errors into statuses. */
                "X-Centrifugo-Error-Mode"?: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiPublish"] & unknown;
            };
        };
        responses: {
            /** @description The result, or the error of the method. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        result: components["schemas"]["ApiBroadcast"];
                    } | {
                        error: components["schemas"]["ApiError"];
                    };
                };
            };
        };
    };
    apiChannels: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description `transport` turns errors into statuses. */
                "X-Centrifugo-Error-Mode"?: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiChannelsRequest"];
            };
        };
        responses: {
            /** @description The result, or the error of the method. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        result: components["schemas"]["ApiChannels"];
                    } | {
                        error: components["schemas"]["ApiError"];
                    };
                };
            };
        };
    };
    apiConnections: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description `transport` turns errors into statuses. */
                "X-Centrifugo-Error-Mode"?: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiUserRequest"] & components["schemas"]["ApiConnectionsRequest"];
            };
        };
        responses: {
            /** @description The result, or the error of the method. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        result: components["schemas"]["ApiConnections"];
                    } | {
                        error: components["schemas"]["ApiError"];
                    };
                };
            };
        };
    };
    apiDisconnect: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description `transport` turns errors into statuses. */
                "X-Centrifugo-Error-Mode"?: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiUserRequest"] & components["schemas"]["ApiDisconnect"];
            };
        };
        responses: {
            /** @description The result, or the error of the method. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        result: components["schemas"]["ApiClosed"];
                    } | {
                        error: components["schemas"]["ApiError"];
                    };
                };
            };
        };
    };
    apiHistory: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description `transport` turns errors into statuses. */
                "X-Centrifugo-Error-Mode"?: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiHistoryRequest"];
            };
        };
        responses: {
            /** @description The result, or the error of the method. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        result: components["schemas"]["ApiHistory"];
                    } | {
                        error: components["schemas"]["ApiError"];
                    };
                };
            };
        };
    };
    apiHistoryRemove: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description `transport` turns errors into statuses. */
                "X-Centrifugo-Error-Mode"?: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiChannelRequest"];
            };
        };
        responses: {
            /** @description The result, or the error of the method. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        result: components["schemas"]["ApiEmpty"];
                    } | {
                        error: components["schemas"]["ApiError"];
                    };
                };
            };
        };
    };
    apiInfo: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description `transport` turns errors into statuses. */
                "X-Centrifugo-Error-Mode"?: string;
            };
        };
        requestBody: {
            content: {
                "application/json": unknown;
            };
        };
        responses: {
            /** @description The result, or the error of the method. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        result: components["schemas"]["ApiInfo"];
                    } | {
                        error: components["schemas"]["ApiError"];
                    };
                };
            };
        };
    };
    apiInvalidateUserTokens: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description `transport` turns errors into statuses. */
                "X-Centrifugo-Error-Mode"?: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiUserRequest"] & components["schemas"]["ApiDenial"];
            };
        };
        responses: {
            /** @description The result, or the error of the method. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        result: components["schemas"]["ApiClosed"];
                    } | {
                        error: components["schemas"]["ApiError"];
                    };
                };
            };
        };
    };
    apiPresence: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description `transport` turns errors into statuses. */
                "X-Centrifugo-Error-Mode"?: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiChannelRequest"];
            };
        };
        responses: {
            /** @description The result, or the error of the method. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        result: components["schemas"]["ApiPresence"];
                    } | {
                        error: components["schemas"]["ApiError"];
                    };
                };
            };
        };
    };
    apiPresenceStats: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description `transport` turns errors into statuses. */
                "X-Centrifugo-Error-Mode"?: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiChannelRequest"];
            };
        };
        responses: {
            /** @description The result, or the error of the method. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        result: components["schemas"]["ApiPresenceStats"];
                    } | {
                        error: components["schemas"]["ApiError"];
                    };
                };
            };
        };
    };
    apiPublish: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description `transport` turns errors into statuses. */
                "X-Centrifugo-Error-Mode"?: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiPublish"] & unknown;
            };
        };
        responses: {
            /** @description The result, or the error of the method. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        result: components["schemas"]["ApiPosition"];
                    } | {
                        error: components["schemas"]["ApiError"];
                    };
                };
            };
        };
    };
    apiRefresh: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description `transport` turns errors into statuses. */
                "X-Centrifugo-Error-Mode"?: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiUserRequest"] & components["schemas"]["ApiRefresh"];
            };
        };
        responses: {
            /** @description The result, or the error of the method. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        result: components["schemas"]["ApiDone"];
                    } | {
                        error: components["schemas"]["ApiError"];
                    };
                };
            };
        };
    };
    apiRevokeToken: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description `transport` turns errors into statuses. */
                "X-Centrifugo-Error-Mode"?: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiDenial"] & unknown;
            };
        };
        responses: {
            /** @description The result, or the error of the method. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        result: components["schemas"]["ApiClosed"];
                    } | {
                        error: components["schemas"]["ApiError"];
                    };
                };
            };
        };
    };
    apiSubscribe: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description `transport` turns errors into statuses. */
                "X-Centrifugo-Error-Mode"?: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiUserRequest"] & components["schemas"]["ApiSubscribe"] & components["schemas"]["SubscriptionTerms"];
            };
        };
        responses: {
            /** @description The result, or the error of the method. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        result: components["schemas"]["ApiDone"];
                    } | {
                        error: components["schemas"]["ApiError"];
                    };
                };
            };
        };
    };
    apiUnblockUser: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description `transport` turns errors into statuses. */
                "X-Centrifugo-Error-Mode"?: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiUserRequest"] & components["schemas"]["ApiDenial"];
            };
        };
        responses: {
            /** @description The result, or the error of the method. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        result: components["schemas"]["ApiEmpty"];
                    } | {
                        error: components["schemas"]["ApiError"];
                    };
                };
            };
        };
    };
    apiUnsubscribe: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description `transport` turns errors into statuses. */
                "X-Centrifugo-Error-Mode"?: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiUserRequest"] & components["schemas"]["ApiChannelRequest"];
            };
        };
        responses: {
            /** @description The result, or the error of the method. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        result: components["schemas"]["ApiDone"];
                    } | {
                        error: components["schemas"]["ApiError"];
                    };
                };
            };
        };
    };
    listFactors: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The factors. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Factors"];
                };
            };
        };
    };
    replaceBackupCodes: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The codes. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tokens"] & components["schemas"]["BackupCodes"];
                };
            };
        };
    };
    beginTotp: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The secret for the app. Only this answer shows it. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TotpSetup"];
                };
            };
        };
    };
    removeTotp: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The app is removed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tokens"] & components["schemas"]["Revoked"];
                };
            };
        };
    };
    confirmTotp: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TotpConfirmation"];
            };
        };
        responses: {
            /** @description The app is set up. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tokens"] & components["schemas"]["Totp"];
                };
            };
        };
    };
    adminListApiKeys: {
        parameters: {
            query?: {
                /** @description The number of entries. */
                limit?: number;
                /** @description The cursor from the answer with the previous page. */
                cursor?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description A page of keys, without their secrets. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApiKeyPage"];
                };
            };
        };
    };
    adminCreateApiKey: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description A text that the client chooses for this request. A repetition with the same key and body does nothing, and gets the first answer again, in which secrets are null. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewApiKey"];
            };
        };
        responses: {
            /** @description The key. Only this answer shows it. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedApiKey"];
                };
            };
        };
    };
    adminRevokeApiKey: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The id of the key. */
                key: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Reasoned"];
            };
        };
        responses: {
            /** @description The key is revoked. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    adminListAttempts: {
        parameters: {
            query?: {
                outcome?: "success" | "challenged" | "unknown_account" | "wrong_password" | "wrong_factor" | "inactive_account" | "superseded" | "risk_refused" | "credential_cloned" | "invalid_passkey";
                /** @description The number of an account. */
                user?: number;
                address?: string;
                /** @description A network, such as `203.0.113.0/24` or `2001:db8::/32`, or an address. */
                network?: string;
                /** @description A country, as two letters (ISO 3166-1). */
                country?: string;
                since?: string;
                until?: string;
                /** @description The number of entries. */
                limit?: number;
                /** @description The cursor from the answer with the previous page. */
                cursor?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description A page of attempts. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OperatorAttemptPage"];
                };
            };
        };
    };
    adminFindStuffing: {
        parameters: {
            query?: {
                /** @description The beginning of the period, which has at most 7 days. */
                since?: string;
                until?: string;
                /** @description By what attempts are grouped. */
                by?: "address" | "network";
                /** @description The least number of failures of a source. */
                min_failures?: number;
                /** @description The least number of accounts of a source. */
                min_accounts?: number;
                /** @description The least share of failures of a source. */
                min_failed_percent?: number;
                /** @description The number of accounts. */
                limit?: number;
                /** @description The cursor from the answer with the previous page. */
                cursor?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description A page of accounts. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StuffingWave"];
                };
            };
        };
    };
    adminListAuditEvents: {
        parameters: {
            query?: {
                /** @description The name of an event. */
                event?: string;
                outcome?: string;
                /** @description The number of the account that the act concerns. */
                user?: number;
                /** @description The number of the account that performed the act. */
                actor?: number;
                session?: string;
                /** @description The id of an event. */
                id?: string;
                since?: string;
                until?: string;
                /** @description The number of entries. */
                limit?: number;
                /** @description The cursor from the answer with the previous page. */
                cursor?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description A page of entries, with personal fields in the clear. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditEventPage"];
                };
            };
        };
    };
    adminFollowAudit: {
        parameters: {
            query?: {
                /** @description The name of an event. */
                event?: string;
                outcome?: string;
                /** @description The number of the account that the act concerns. */
                user?: number;
                /** @description The number of the account that performed the act. */
                actor?: number;
                /** @description The number of the first entry. */
                from?: number;
                /** @description Personal fields in the clear. Only for exports; followers always get them. */
                readable?: boolean;
                /** @description Why the personal fields are needed. Required with `readable=true`. */
                reason?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description The number of the last entry that the client has. */
                "Last-Event-ID"?: number;
            };
        };
        responses: {
            /** @description Events `entry`. Their data are entries, and their ids are the numbers of the entries. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
        };
    };
    adminExportAudit: {
        parameters: {
            query?: {
                /** @description The name of an event. */
                event?: string;
                outcome?: string;
                /** @description The number of the account that the act concerns. */
                user?: number;
                /** @description The number of the account that performed the act. */
                actor?: number;
                /** @description The number of the first entry. */
                from?: number;
                /** @description Personal fields in the clear. Only for exports; followers always get them. */
                readable?: boolean;
                /** @description Why the personal fields are needed. Required with `readable=true`. */
                reason?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description One line of JSON per entry. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": string;
                };
            };
        };
    };
    adminProveConsistency: {
        parameters: {
            query: {
                /** @description The number of entries of the older tree. */
                from: number;
                /** @description The number of entries of the newer tree; by default the newest. */
                to?: number;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The proof. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConsistencyProof"];
                };
            };
        };
    };
    adminProveInclusion: {
        parameters: {
            query?: {
                /** @description The number of the entry. Either this or `id` is required. */
                index?: number;
                /** @description The id of the event. */
                id?: string;
                /** @description The number of entries of the tree; by default the newest. */
                size?: number;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The proof. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InclusionProof"];
                };
            };
        };
    };
    adminListBans: {
        parameters: {
            query?: {
                /** @description The bans that concern this address. */
                address?: string;
                /** @description The number of entries. */
                limit?: number;
                /** @description The cursor from the answer with the previous page. */
                cursor?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description A page of bans. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BanPage"];
                };
            };
        };
    };
    adminBan: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description A text that the client chooses for this request. A repetition with the same key and body does nothing, and gets the first answer again, in which secrets are null. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewBan"];
            };
        };
        responses: {
            /** @description The ban. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ban"];
                };
            };
        };
    };
    adminLiftBan: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LiftedBan"];
            };
        };
        responses: {
            /** @description The ban is lifted. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    adminListChannels: {
        parameters: {
            query?: {
                /** @description Which channels are listed. */
                kind?: "occupied" | "durable";
                /** @description The number of entries. */
                limit?: number;
                /** @description The cursor from the answer with the previous page. */
                cursor?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description A page of channels. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChannelPage"];
                };
            };
        };
    };
    adminListMessages: {
        parameters: {
            query: {
                /** @description The name of the channel. */
                channel: string;
                /** @description The number of entries. */
                limit?: number;
                /** @description The cursor from the answer with the previous page. */
                cursor?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description A page of messages. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MessagePage"];
                };
            };
        };
    };
    adminEraseMessages: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ErasedPerson"];
            };
        };
        responses: {
            /** @description What was erased. With `more`, the request must be repeated. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErasedMessages"];
                };
            };
        };
    };
    adminRemoveMessage: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RemovedMessage"];
            };
        };
        responses: {
            /** @description What was erased. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErasedMessages"];
                };
            };
        };
    };
    adminListSubscribers: {
        parameters: {
            query: {
                /** @description The name of the channel. */
                channel: string;
                /** @description The number of entries. */
                limit?: number;
                /** @description The cursor from the answer with the previous page. */
                cursor?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description A page of subscribers. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubscriberPage"];
                };
            };
        };
    };
    adminListConnections: {
        parameters: {
            query?: {
                /** @description The number of an account, or the name that an external issuer gives. */
                user?: string;
                session?: string;
                device?: string;
                address?: string;
                /** @description A network, such as `203.0.113.0/24` or `2001:db8::/32`, or an address. */
                network?: string;
                /** @description The country of the address, as two letters (ISO 3166-1). Needs a GeoIP database. */
                country?: string;
                transport?: "websocket" | "http_stream" | "sse";
                protocol?: "json" | "protobuf";
                /** @description A channel to which the connection is subscribed. */
                channel?: string;
                /** @description A part of the name and version that the client gives. */
                client?: string;
                /** @description Older than this number of seconds. */
                older_than?: number;
                /** @description Younger than this number of seconds. */
                younger_than?: number;
                /**
                 * @description The order; `-` means the newest, the longest or the slowest first. The page of `-queued` or `-ping` is the top of the connections
                 *     that it has examined.
                 */
                sort?: "connected" | "-connected" | "-queued" | "-ping";
                /** @description The number of entries. */
                limit?: number;
                /** @description The cursor from the answer with the previous page. */
                cursor?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description A page of connections. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConnectionPage"];
                };
            };
        };
    };
    adminDrill: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DrillRequest"];
            };
        };
        responses: {
            /** @description What the drill has shown. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DrillReport"];
                };
            };
        };
    };
    adminListErasures: {
        parameters: {
            query?: {
                state?: string;
                /** @description The number of entries. */
                limit?: number;
                /** @description The cursor from the answer with the previous page. */
                cursor?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description A page of erasures. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErasurePage"];
                };
            };
        };
    };
    adminListIssuers: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The issuers, without secrets. There is always one page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IssuerPage"];
                };
            };
        };
    };
    adminListMail: {
        parameters: {
            query?: {
                state?: string;
                /** @description Only mails of this kind, for example `reset_password`. */
                kind?: string;
                /** @description Only mails to this user. */
                user?: number;
                /** @description Only mails to this address, as it is written in the account. */
                address?: string;
                /** @description The number of entries. */
                limit?: number;
                /** @description The cursor from the answer with the previous page. */
                cursor?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description A page of mails. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MailPage"];
                };
            };
        };
    };
    adminSendMailAgain: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The id of the mail. */
                mail: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Reasoned"];
            };
        };
        responses: {
            /** @description The mail, which waits again. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MailSentAgain"];
                };
            };
        };
    };
    adminShowNode: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The figures of the node. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Node"];
                };
            };
        };
    };
    adminListRevocations: {
        parameters: {
            query?: {
                cause?: "revoked" | "signed_out" | "password_changed" | "account_disabled" | "refresh_reused" | "device_removed" | "role_changed" | "session_expired" | "session_limit" | "factor_changed" | "credential_cloned" | "drill";
                /** @description The number of the account whose sessions were ended. */
                user?: number;
                /** @description The number of the account that requested the revocation. */
                actor?: number;
                since?: string;
                /** @description The number of entries. */
                limit?: number;
                /** @description The cursor from the answer with the previous page. */
                cursor?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description A page of revocations. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RevocationPage"];
                };
            };
        };
    };
    adminRevoke: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description A text that the client chooses for this request. A repetition with the same key and body does nothing, and gets the first answer again, in which secrets are null. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RevocationRequest"];
            };
        };
        responses: {
            /** @description What has ended. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OperatorRevoked"];
                };
            };
            /** @description What has ended. Some sockets are not closed yet. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OperatorRevoked"];
                };
            };
        };
    };
    adminReadRevocation: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The id of the revocation. */
                revocation: string;
            };
        };
        responses: {
            /** @description The revocation. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RevocationProgress"];
                };
            };
        };
    };
    adminReadReceipt: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The id of the revocation. */
                revocation: string;
            };
        };
        responses: {
            /** @description The receipt, with its proofs. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignedReceipt"];
                };
            };
        };
    };
    adminListSessions: {
        parameters: {
            query?: {
                /** @description The id of a session. */
                session?: string;
                /** @description The number of an account. */
                user?: number;
                device?: string;
                /** @description The name that an external issuer gives. */
                subject?: string;
                /** @description Only sessions that have not ended. */
                active?: boolean;
                address?: string;
                /** @description A network, such as `203.0.113.0/24` or `2001:db8::/32`, or an address. */
                network?: string;
                /** @description A country, as two letters (ISO 3166-1). */
                country?: string;
                /** @description A part of the `User-Agent`. */
                client?: string;
                /** @description Older than this number of seconds. */
                older_than?: number;
                /** @description Younger than this number of seconds. */
                younger_than?: number;
                /** @description The order; `-` means the newest first. */
                sort?: "created" | "-created";
                /** @description The number of entries. */
                limit?: number;
                /** @description The cursor from the answer with the previous page. */
                cursor?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description A page of sessions. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AnySessionPage"];
                };
            };
        };
    };
    adminListSettings: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The settings, without secrets. There is always one page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        next_cursor: null;
                        settings: {
                            /** @description Whether the value is not the default. */
                            changed: boolean;
                            default: string | null;
                            name: string;
                            /** @description Why the value cannot be read. */
                            problem: string | null;
                            /** @description Whether the value is a secret, which is not shown. */
                            redacted: boolean;
                            reloadable: boolean;
                            section: string;
                            /** @description Where the value comes from. */
                            source: {
                                /** @enum {unknown} */
                                kind: "default" | "environment" | "env_file" | "file" | "systemd_credential";
                            };
                            value: string | null;
                        }[];
                    };
                };
            };
        };
    };
    adminReadStatistics: {
        parameters: {
            query: {
                /** @description Names of series, with commas between them. */
                series: string;
                /** @description The beginning; the span has at most 1,000 periods. By default a day. */
                from?: string;
                to?: string;
                /** @description The length of a period, in seconds: a divisor of a day, in whole minutes, or from an hour on in whole hours. */
                step?: number;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The values, by series and label. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Statistics"];
                };
            };
        };
    };
    adminListUsers: {
        parameters: {
            query?: {
                /** @description The number of an account. */
                id?: number;
                /** @description How the e-mail address begins. */
                email?: string;
                /** @description How the display name begins. */
                name?: string;
                role?: "canary" | "user" | "auditor" | "operator" | "admin";
                status?: "pending" | "active" | "suspended" | "deactivated";
                /** @description The order; `-` means from the end. By default the newest come first. */
                sort?: "created" | "-created" | "email" | "-email" | "name" | "-name";
                /** @description The number of entries. */
                limit?: number;
                /** @description The cursor from the answer with the previous page. */
                cursor?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description A page of users. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserPage"];
                };
            };
        };
    };
    adminCreateUser: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description A text that the client chooses for this request. A repetition with the same key and body does nothing, and gets the first answer again, in which secrets are null. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewUser"];
            };
        };
        responses: {
            /** @description The account, and its generated password. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedUser"];
                };
            };
        };
    };
    adminReadUser: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The number of the account. */
                id: number;
            };
        };
        responses: {
            /** @description The user. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserDetail"];
                };
            };
        };
    };
    adminChangeUser: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The number of the account. */
                id: number;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UserPatch"];
            };
        };
        responses: {
            /** @description The user, and what has ended. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChangedUser"];
                };
            };
        };
    };
    adminListDevices: {
        parameters: {
            query?: {
                /** @description The number of entries. */
                limit?: number;
                /** @description The cursor from the answer with the previous page. */
                cursor?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The number of the account. */
                id: number;
            };
        };
        responses: {
            /** @description A page of devices. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DevicePage"];
                };
            };
        };
    };
    adminReadDevice: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The number of the account. */
                id: number;
                /** @description The id of the device. */
                device: string;
            };
        };
        responses: {
            /** @description The device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
        };
    };
    adminDistrustDevice: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The number of the account. */
                id: number;
                /** @description The id of the device. */
                device: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["OnlyReason"];
            };
        };
        responses: {
            /** @description The device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
        };
    };
    adminForgetDevice: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The number of the account. */
                id: number;
                /** @description The id of the device. */
                device: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["OnlyReason"];
            };
        };
        responses: {
            /** @description What has ended. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Revoked"];
                };
            };
        };
    };
    adminRequestErasure: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The number of the account. */
                id: number;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ErasureChange"];
            };
        };
        responses: {
            /** @description The request, and what has ended. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RequestedErasure"];
                };
            };
        };
    };
    adminCancelErasure: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The number of the account. */
                id: number;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ErasureChange"];
            };
        };
        responses: {
            /** @description The erasure is cancelled. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    adminExportUser: {
        parameters: {
            query: {
                /** @description Why, for the audit log. */
                reason: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The number of the account. */
                id: number;
            };
        };
        responses: {
            /** @description The data. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, unknown>;
                };
            };
        };
    };
    adminResetFactors: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The number of the account. */
                id: number;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["OnlyReason"];
            };
        };
        responses: {
            /** @description What has ended. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Revoked"];
                };
            };
        };
    };
    adminResetPassword: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description A text that the client chooses for this request. A repetition with the same key and body does nothing, and gets the first answer again, in which secrets are null. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path: {
                /** @description The number of the account. */
                id: number;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasswordReset"];
            };
        };
        responses: {
            /** @description The generated password, and what has ended. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ResetPassword"];
                };
            };
        };
    };
    adminListWebhooks: {
        parameters: {
            query?: {
                /** @description The number of entries. */
                limit?: number;
                /** @description The cursor from the answer with the previous page. */
                cursor?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description A page of receivers. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookPage"];
                };
            };
        };
    };
    adminCreateWebhook: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description A text that the client chooses for this request. A repetition with the same key and body does nothing, and gets the first answer again, in which secrets are null. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewWebhook"];
            };
        };
        responses: {
            /** @description The webhook and its secret. Only this answer shows the secret. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
        };
    };
    adminReadWebhook: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The id of the receiver. */
                webhook: string;
            };
        };
        responses: {
            /** @description The receiver. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
        };
    };
    adminDeleteWebhook: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The id of the receiver. */
                webhook: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookDeletion"];
            };
        };
        responses: {
            /** @description The webhook is deleted. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    adminChangeWebhook: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The id of the receiver. */
                webhook: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookChange"];
            };
        };
        responses: {
            /** @description The webhook, and its secret if that is new. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
        };
    };
    adminListDeliveries: {
        parameters: {
            query?: {
                state?: string;
                /** @description The number of entries. */
                limit?: number;
                /** @description The cursor from the answer with the previous page. */
                cursor?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The id of the receiver. */
                webhook: string;
            };
        };
        responses: {
            /** @description A page of deliveries. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeliveryPage"];
                };
            };
        };
    };
    adminReplayDeliveries: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The id of the receiver. */
                webhook: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookReplay"];
            };
        };
        responses: {
            /** @description How many dead letters are sent again. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookReplayed"];
                };
            };
        };
    };
    adminTestWebhook: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The id of the receiver. */
                webhook: string;
            };
        };
        responses: {
            /** @description The id of the event. Its delivery is in the list of deliveries. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookTest"];
                };
            };
        };
    };
    auditCheckpoint: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The text. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain; charset=utf-8": string;
                };
            };
        };
    };
    auditKey: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The text. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain; charset=utf-8": string;
                };
            };
        };
    };
    verifySecondFactor: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description The CSRF token of the pre-session or of a session. It is not required here, and must be valid if it is sent. */
                "X-CSRF-Token"?: components["parameters"]["CsrfToken"];
            };
            cookie?: {
                /** @description The sealed id of the browser before a sign-in. In development without TLS, its name is `psid`. */
                "__Host-psid"?: components["parameters"]["Presession"];
                /** @description The sealed id of the device. In development without TLS, its name is `device_id`. */
                "__Host-device_id"?: components["parameters"]["Device"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SecondFactorRequest"];
            };
        };
        responses: {
            /** @description The session is open. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tokens"] & components["schemas"]["SignedInUser"];
                };
            };
        };
    };
    issueCsrfToken: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            cookie?: {
                /** @description The sealed id of the device. In development without TLS, its name is `device_id`. */
                "__Host-device_id"?: components["parameters"]["Device"];
            };
        };
        responses: {
            /** @description The token, which is also in a cookie and in a header. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CsrfToken"];
                };
            };
        };
    };
    forgotPassword: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description The CSRF token of the pre-session or of a session. It is not required here, and must be valid if it is sent. */
                "X-CSRF-Token"?: components["parameters"]["CsrfToken"];
            };
            cookie?: {
                /** @description The sealed id of the browser before a sign-in. In development without TLS, its name is `psid`. */
                "__Host-psid"?: components["parameters"]["Presession"];
                /** @description The sealed id of the device. In development without TLS, its name is `device_id`. */
                "__Host-device_id"?: components["parameters"]["Device"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MailRequest"];
            };
        };
        responses: {
            /** @description If there is such an account, its user gets a mail. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    signIn: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description The CSRF token of the pre-session or of a session. It is not required here, and must be valid if it is sent. */
                "X-CSRF-Token"?: components["parameters"]["CsrfToken"];
            };
            cookie?: {
                /** @description The sealed id of the browser before a sign-in. In development without TLS, its name is `psid`. */
                "__Host-psid"?: components["parameters"]["Presession"];
                /** @description The sealed id of the device. In development without TLS, its name is `device_id`. */
                "__Host-device_id"?: components["parameters"]["Device"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Credentials"];
                "application/x-www-form-urlencoded": components["schemas"]["Credentials"];
                "multipart/form-data": components["schemas"]["Credentials"];
            };
        };
        responses: {
            /** @description The session is open, or a second factor is required. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": (components["schemas"]["Tokens"] & components["schemas"]["SignedInUser"]) | components["schemas"]["SecondFactorChallenge"];
                };
            };
        };
    };
    signInAtTheOlderPath: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description The CSRF token of the pre-session or of a session. It is not required here, and must be valid if it is sent. */
                "X-CSRF-Token"?: components["parameters"]["CsrfToken"];
            };
            cookie?: {
                /** @description The sealed id of the browser before a sign-in. In development without TLS, its name is `psid`. */
                "__Host-psid"?: components["parameters"]["Presession"];
                /** @description The sealed id of the device. In development without TLS, its name is `device_id`. */
                "__Host-device_id"?: components["parameters"]["Device"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Credentials"];
                "application/x-www-form-urlencoded": components["schemas"]["Credentials"];
                "multipart/form-data": components["schemas"]["Credentials"];
            };
        };
        responses: {
            /** @description The session is open, or a second factor is required. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": (components["schemas"]["Tokens"] & components["schemas"]["SignedInUser"]) | components["schemas"]["SecondFactorChallenge"];
                };
            };
        };
    };
    signOut: {
        parameters: {
            query?: {
                /** @description Which sessions of the user to end. */
                scope?: "local" | "others" | "global";
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description The CSRF token of the pre-session or of a session. It is not required here, and must be valid if it is sent. */
                "X-CSRF-Token"?: components["parameters"]["CsrfToken"];
            };
            cookie?: {
                /** @description The sealed id of the browser before a sign-in. In development without TLS, its name is `psid`. */
                "__Host-psid"?: components["parameters"]["Presession"];
                /** @description The sealed id of the device. In development without TLS, its name is `device_id`. */
                "__Host-device_id"?: components["parameters"]["Device"];
            };
        };
        responses: {
            /** @description What has ended. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignedOut"];
                };
            };
            /** @description There was no session to end. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    signOutByDelete: {
        parameters: {
            query?: {
                /** @description Which sessions of the user to end. */
                scope?: "local" | "others" | "global";
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description The CSRF token of the pre-session or of a session. It is not required here, and must be valid if it is sent. */
                "X-CSRF-Token"?: components["parameters"]["CsrfToken"];
            };
            cookie?: {
                /** @description The sealed id of the browser before a sign-in. In development without TLS, its name is `psid`. */
                "__Host-psid"?: components["parameters"]["Presession"];
                /** @description The sealed id of the device. In development without TLS, its name is `device_id`. */
                "__Host-device_id"?: components["parameters"]["Device"];
            };
        };
        responses: {
            /** @description What has ended. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignedOut"];
                };
            };
            /** @description There was no session to end. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    notMe: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description The CSRF token of the pre-session or of a session. It is not required here, and must be valid if it is sent. */
                "X-CSRF-Token"?: components["parameters"]["CsrfToken"];
            };
            cookie?: {
                /** @description The sealed id of the browser before a sign-in. In development without TLS, its name is `psid`. */
                "__Host-psid"?: components["parameters"]["Presession"];
                /** @description The sealed id of the device. In development without TLS, its name is `device_id`. */
                "__Host-device_id"?: components["parameters"]["Device"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MailedToken"];
            };
        };
        responses: {
            /** @description What has ended. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Revoked"];
                };
            };
        };
    };
    judgePassword: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description The CSRF token of the pre-session or of a session. It is not required here, and must be valid if it is sent. */
                "X-CSRF-Token"?: components["parameters"]["CsrfToken"];
            };
            cookie?: {
                /** @description The sealed id of the browser before a sign-in. In development without TLS, its name is `psid`. */
                "__Host-psid"?: components["parameters"]["Presession"];
                /** @description The sealed id of the device. In development without TLS, its name is `device_id`. */
                "__Host-device_id"?: components["parameters"]["Device"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasswordDraft"];
            };
        };
        responses: {
            /** @description The strength. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PasswordStrength"];
                };
            };
        };
    };
    refresh: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            cookie?: {
                /** @description The sealed id of the device. In development without TLS, its name is `device_id`. */
                "__Host-device_id"?: components["parameters"]["Device"];
            };
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["RefreshRequest"];
            };
        };
        responses: {
            /** @description New tokens. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tokens"] & components["schemas"]["SignedInUser"];
                };
            };
        };
    };
    register: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description The CSRF token of the pre-session or of a session. It is not required here, and must be valid if it is sent. */
                "X-CSRF-Token"?: components["parameters"]["CsrfToken"];
            };
            cookie?: {
                /** @description The sealed id of the browser before a sign-in. In development without TLS, its name is `psid`. */
                "__Host-psid"?: components["parameters"]["Presession"];
                /** @description The sealed id of the device. In development without TLS, its name is `device_id`. */
                "__Host-device_id"?: components["parameters"]["Device"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Registration"];
            };
        };
        responses: {
            /** @description The account. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
        };
    };
    resetPassword: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description The CSRF token of the pre-session or of a session. It is not required here, and must be valid if it is sent. */
                "X-CSRF-Token"?: components["parameters"]["CsrfToken"];
            };
            cookie?: {
                /** @description The sealed id of the browser before a sign-in. In development without TLS, its name is `psid`. */
                "__Host-psid"?: components["parameters"]["Presession"];
                /** @description The sealed id of the device. In development without TLS, its name is `device_id`. */
                "__Host-device_id"?: components["parameters"]["Device"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MailedPasswordReset"];
            };
        };
        responses: {
            /** @description What has ended. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Revoked"];
                };
            };
        };
    };
    authStatus: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description Whether there is a session, and which. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuthStatus"];
                };
            };
        };
    };
    stepUp: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["StepUpRequest"];
            };
        };
        responses: {
            /** @description New tokens with privilege. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tokens"] & components["schemas"]["StepUp"];
                };
            };
        };
    };
    verifyEmail: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description The CSRF token of the pre-session or of a session. It is not required here, and must be valid if it is sent. */
                "X-CSRF-Token"?: components["parameters"]["CsrfToken"];
            };
            cookie?: {
                /** @description The sealed id of the browser before a sign-in. In development without TLS, its name is `psid`. */
                "__Host-psid"?: components["parameters"]["Presession"];
                /** @description The sealed id of the device. In development without TLS, its name is `device_id`. */
                "__Host-device_id"?: components["parameters"]["Device"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MailedToken"];
            };
        };
        responses: {
            /** @description The account is active. Its user can sign in. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    resendVerification: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description The CSRF token of the pre-session or of a session. It is not required here, and must be valid if it is sent. */
                "X-CSRF-Token"?: components["parameters"]["CsrfToken"];
            };
            cookie?: {
                /** @description The sealed id of the browser before a sign-in. In development without TLS, its name is `psid`. */
                "__Host-psid"?: components["parameters"]["Presession"];
                /** @description The sealed id of the device. In development without TLS, its name is `device_id`. */
                "__Host-device_id"?: components["parameters"]["Device"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MailRequest"];
            };
        };
        responses: {
            /** @description If there is such an account, its user gets a mail. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    readChannelTerms: {
        parameters: {
            query: {
                /** @description The name of the channel. */
                channel: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The terms. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChannelTerms"];
                };
            };
        };
    };
    listDevices: {
        parameters: {
            query?: {
                /** @description The number of entries. */
                limit?: number;
                /** @description The cursor from the answer with the previous page. */
                cursor?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description A page of devices. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DevicePage"];
                };
            };
        };
    };
    forgetDevice: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The id of the device. */
                id: string;
            };
        };
        responses: {
            /** @description What has ended. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Revoked"];
                };
            };
        };
    };
    changeDevice: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The id of the device. */
                id: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeviceChange"];
            };
        };
        responses: {
            /** @description The device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
        };
    };
    readProfile: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The account. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
        };
    };
    updateProfile: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProfileUpdate"];
            };
        };
        responses: {
            /** @description The account. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
        };
    };
    eraseProfile: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Departure"];
            };
        };
        responses: {
            /** @description The request, and what has ended. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OwnRequestedErasure"];
                };
            };
        };
    };
    listAttempts: {
        parameters: {
            query?: {
                /** @description The number of entries. */
                limit?: number;
                /** @description The cursor from the answer with the previous page. */
                cursor?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description A page of attempts. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AttemptPage"];
                };
            };
        };
    };
    debugRequest: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            cookie?: {
                /** @description The sealed id of the device. In development without TLS, its name is `device_id`. */
                "__Host-device_id"?: components["parameters"]["Device"];
            };
        };
        responses: {
            /** @description The request, without its credentials. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DebugRequest"];
                };
            };
        };
    };
    exportProfile: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The data. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, unknown>;
                };
            };
        };
    };
    changePassword: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasswordChange"];
            };
        };
        responses: {
            /** @description The password has changed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tokens"] & components["schemas"]["Revoked"];
                };
            };
        };
    };
    listSessions: {
        parameters: {
            query?: {
                /** @description The number of entries. */
                limit?: number;
                /** @description The cursor from the answer with the previous page. */
                cursor?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description A page of sessions. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionPage"];
                };
            };
        };
    };
    endOtherSessions: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description What has ended. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Revoked"];
                };
            };
        };
    };
    endSession: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The id of the session. */
                sid: string;
            };
        };
        responses: {
            /** @description What has ended. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Revoked"];
                };
            };
        };
    };
    ssfPoll: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The id of the stream. */
                id: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SsfPoll"];
            };
        };
        responses: {
            /** @description The tokens. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SsfPolled"];
                };
            };
        };
    };
    ssfReadStatus: {
        parameters: {
            query?: {
                /** @description The id of a stream. */
                stream_id?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The status. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SsfStatus"];
                };
            };
        };
    };
    ssfChangeStatus: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SsfStatusChange"];
            };
        };
        responses: {
            /** @description The status. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SsfStatus"];
                };
            };
        };
    };
    ssfReadStreams: {
        parameters: {
            query?: {
                /** @description The id of a stream. */
                stream_id?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The stream, or without `stream_id` a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SsfStream"] | components["schemas"]["SsfStream"][];
                };
            };
        };
    };
    ssfReplaceStream: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SsfStreamConfiguration"];
            };
        };
        responses: {
            /** @description The stream. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SsfStream"];
                };
            };
        };
    };
    ssfCreateStream: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SsfStreamConfiguration"];
            };
        };
        responses: {
            /** @description The stream. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SsfStream"];
                };
            };
        };
    };
    ssfDeleteStream: {
        parameters: {
            query?: {
                /** @description The id of a stream. */
                stream_id?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The stream is deleted. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    ssfChangeStream: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SsfStreamConfiguration"];
            };
        };
        responses: {
            /** @description The stream. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SsfStream"];
                };
            };
        };
    };
    ssfVerify: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SsfVerification"];
            };
        };
        responses: {
            /** @description The event is on its way. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listPasskeys: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The passkeys. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PasskeyList"];
                };
            };
        };
    };
    removePasskey: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The id of the passkey. */
                id: string;
            };
        };
        responses: {
            /** @description The passkey is removed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tokens"] & components["schemas"]["Revoked"];
                };
            };
        };
    };
    renamePasskey: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The id of the passkey. */
                id: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasskeyRename"];
            };
        };
        responses: {
            /** @description The passkey. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Passkey"];
                };
            };
        };
    };
    beginPasskeyLogin: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description The CSRF token of the pre-session or of a session. It is not required here, and must be valid if it is sent. */
                "X-CSRF-Token"?: components["parameters"]["CsrfToken"];
            };
            cookie?: {
                /** @description The sealed id of the browser before a sign-in. In development without TLS, its name is `psid`. */
                "__Host-psid"?: components["parameters"]["Presession"];
                /** @description The sealed id of the device. In development without TLS, its name is `device_id`. */
                "__Host-device_id"?: components["parameters"]["Device"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasskeyBegin"];
            };
        };
        responses: {
            /** @description The options for the browser. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PasskeyCeremony"];
                };
            };
        };
    };
    finishPasskeyLogin: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description The CSRF token of the pre-session or of a session. It is not required here, and must be valid if it is sent. */
                "X-CSRF-Token"?: components["parameters"]["CsrfToken"];
            };
            cookie?: {
                /** @description The sealed id of the browser before a sign-in. In development without TLS, its name is `psid`. */
                "__Host-psid"?: components["parameters"]["Presession"];
                /** @description The sealed id of the device. In development without TLS, its name is `device_id`. */
                "__Host-device_id"?: components["parameters"]["Device"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasskeyAnswer"];
            };
        };
        responses: {
            /** @description The session is open. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tokens"] & components["schemas"]["SignedInUser"];
                };
            };
        };
    };
    beginPasskeyRegistration: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The options for the browser. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PasskeyCeremony"];
                };
            };
        };
    };
    finishPasskeyRegistration: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasskeyRegistration"];
            };
        };
        responses: {
            /** @description The passkey. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tokens"] & components["schemas"]["Passkey"];
                };
            };
        };
    };
    openSocket: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: never;
    };
    issueTicket: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The ticket. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ticket"];
                };
            };
        };
    };
    openStream: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        requestBody?: {
            content: {
                "application/json": unknown;
                "application/octet-stream": unknown;
            };
        };
        responses: {
            /** @description Messages, one per line. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                    "application/octet-stream": unknown;
                };
            };
        };
    };
    openEvents: {
        parameters: {
            query: {
                /** @description The first command. */
                cf_connect: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description Messages, one per event. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": unknown;
                };
            };
        };
    };
    openSocketForSdks: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: never;
    };
    developmentMails: {
        parameters: {
            query?: {
                /** @description Only mails to this address. */
                to?: string;
            };
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The mails. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DevelopmentMails"];
                    "text/html; charset=utf-8": unknown;
                };
            };
        };
    };
    developmentMail: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The id of the mail. */
                mail: string;
            };
        };
        responses: {
            /** @description The mail. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DevelopmentMail"];
                    "text/html; charset=utf-8": unknown;
                };
            };
        };
    };
    developmentMailHtml: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The id of the mail. */
                mail: string;
            };
        };
        responses: {
            /** @description The mail. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html; charset=utf-8": string;
                };
            };
        };
    };
    docs: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The file. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html; charset=utf-8": string;
                };
            };
        };
    };
    docsStyle: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The file. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/css; charset=utf-8": string;
                };
            };
        };
    };
    docsScript: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The file. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/javascript; charset=utf-8": string;
                };
            };
        };
    };
    sendCommands: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        requestBody?: {
            content: {
                "application/json": unknown;
                "application/octet-stream": unknown;
            };
        };
        responses: {
            /** @description The commands are passed to the stream. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    health: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description It does. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Live"];
                };
            };
        };
    };
    live: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description It does. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Live"];
                };
            };
        };
    };
    ready: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
            };
        };
        responses: {
            /** @description The node is ready. `details` is for operators. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ready"];
                };
            };
        };
    };
    openapi: {
        parameters: {
            header?: {
                /** @description An id for the request of 1 to 64 visible ASCII characters. The server uses a new id instead of another text. */
                "X-Request-ID"?: components["parameters"]["RequestId"];
                /** @description The `ETag` of the copy that the client has. */
                "If-None-Match"?: string;
            };
        };
        responses: {
            /** @description The document. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, unknown>;
                };
            };
        };
    };
}
