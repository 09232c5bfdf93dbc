//! The table of problem codes: the status and the meaning of each, and the groups of codes that many operations share.
//!
//! The descriptions in `operations` name codes and groups of this table. A code of the server that is not in this table fails
//! `tests/it/openapi.rs`.

/// A problem code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Code {
    /// The HTTP status of the answer.
    pub(crate) status: u16,
    /// The code, in snake case.
    pub(crate) code: &'static str,
    /// When the server answers with the code.
    pub(crate) meaning: &'static str,
}

macro_rules! codes {
    ($($name:ident = $status:literal $code:literal $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            pub(super) const $name: Code = Code { status: $status, code: $code, meaning: $meaning };
        )*

        /// Every code. A code that is used with two statuses is in the table twice.
        pub(crate) const ALL: &[Code] = &[$($name,)*];
    };
}

codes! {
    // Every request.
    BAD_REQUEST = 400 "bad_request" "The request cannot be understood.";
    TOKEN_IN_QUERY = 400 "token_in_query" "The query has a token. Queries are written to logs.";
    METHOD_NOT_ALLOWED = 405 "method_not_allowed" "The path does not have this method. `Allow` names the methods that it has.";
    HEAD_TOO_LARGE = 431 "head_too_large" "The request line and the headers are too large.";
    INTERNAL = 500 "internal" "The server has failed. The log has the cause, under the id of the request.";
    UNAVAILABLE = 503 "unavailable" "The server cannot answer at the moment, for example because it does not reach its database.";
    NOT_READY = 503 "not_ready" "The server is stopping, or cannot write to its database.";

    // Credentials.
    MALFORMED_AUTHORIZATION = 400 "malformed_authorization" "The header `Authorization` does not have the form `Bearer <token>`.";
    REPEATED_CREDENTIAL = 400 "repeated_credential" "The request has different credentials.";
    MALFORMED_HEADER = 400 "malformed_header" "A header that the server reads is not UTF-8.";
    KEY_IN_QUERY = 400 "key_in_query" "The query has an API key. Queries are written to logs.";
    NOT_AUTHENTICATED = 401 "not_authenticated" "The request has no credential.";
    INVALID_TOKEN = 401 "invalid_token" "The token is not valid.";
    TOKEN_EXPIRED = 401 "token_expired" "The token has expired. The client may refresh it.";
    TOKEN_REVOKED = 401 "token_revoked" "The token has been revoked.";
    TOKENS_INVALIDATED = 401 "tokens_invalidated" "All tokens of the user up to a moment have been revoked.";
    SESSION_UNKNOWN = 401 "session_unknown" "The session of the token does not exist.";
    SESSION_EXPIRED = 401 "session_expired" "The session was idle for too long, or has reached its end.";
    SESSION_REVOKED = 401 "session_revoked" "The session has been revoked.";
    SESSION_ENDED = 401 "session_ended" "The session has ended.";
    INVALID_TICKET = 401 "invalid_ticket" "The ticket is not valid, has expired, or was used before.";
    INVALID_API_KEY = 401 "invalid_api_key" "The API key is missing, not valid, expired or revoked.";
    ACCOUNT_INACTIVE = 403 "account_inactive" "The account is not active.";
    USER_BLOCKED = 403 "user_blocked" "The user is blocked.";
    INSUFFICIENT_SCOPE = 403 "insufficient_scope" "The token or the API key does not permit this.";
    CLIENT_CERTIFICATE_REQUIRED = 403 "client_certificate_required" "The path needs TLS and a client certificate of the server's authority.";
    TLS_REQUIRED = 403 "tls_required" "WebSockets need TLS here.";

    // Requests that a browser may have been made to send.
    ORIGIN_NOT_ALLOWED = 403 "origin_not_allowed" "The request comes from a page of another site.";
    CSRF_TOKEN_MISSING = 403 "csrf_token_missing" "The credential is a cookie, and the header `X-CSRF-Token` is missing.";
    CSRF_TOKEN_MISMATCH = 403 "csrf_token_mismatch" "The header `X-CSRF-Token` and the cookie `csrf_token` differ.";
    CSRF_TOKEN_EXPIRED = 403 "csrf_token_expired" "The CSRF token has expired.";
    CSRF_TOKEN_INVALID = 403 "csrf_token_invalid" "The CSRF token is not valid for this session.";

    // Bodies, queries and lists.
    MALFORMED_JSON = 400 "malformed_json" "The body is not valid JSON.";
    MALFORMED_FORM = 400 "malformed_form" "The body is not a valid form.";
    INCOMPLETE_BODY = 400 "incomplete_body" "The body did not arrive completely.";
    REQUEST_TIMEOUT = 408 "request_timeout" "The body took too long to arrive.";
    BODY_TOO_LARGE = 413 "body_too_large" "The body is too large.";
    UNSUPPORTED_MEDIA_TYPE = 415 "unsupported_media_type" "The body has another media type or charset than the server accepts.";
    INVALID_BODY = 422 "invalid_body" "The body lacks a field, or has an unknown field or a value of another type.";
    INVALID_QUERY = 422 "invalid_query" "The query lacks a parameter, or has an unknown parameter or a value of another type.";
    INVALID_LIMIT = 422 "invalid_limit" "The size of the page is outside of its limits.";
    INVALID_CURSOR = 422 "invalid_cursor" "The cursor is not one of this list.";
    NOT_FOUND = 404 "not_found" "There is no such resource, or the caller may not see it.";

    // Limits and proofs of presence.
    TOO_MANY_REQUESTS = 429 "too_many_requests" "A limit is exceeded. `RateLimit-Policy` names the limit, `Retry-After` the time to wait.";
    STEP_UP_REQUIRED = 403 "step_up_required" "The request needs a recent proof of presence. `methods` are the ways to give one.";
    SIGN_IN_REQUIRED = 403 "sign_in_required" "The request needs a recent proof of presence, and the user has no way to give one except a new sign-in.";
    ONE_PROOF_REQUIRED = 422 "one_proof_required" "The body must have exactly one proof.";
    NO_PASSKEY = 409 "no_passkey" "The account has no passkey that can prove presence.";

    // Sign-in and registration.
    INVALID_CREDENTIALS = 401 "invalid_credentials" "The e-mail address or the password is wrong.";
    INVALID_SECOND_FACTOR = 401 "invalid_second_factor" "The code is wrong, expired or already used.";
    INVALID_REFRESH_TOKEN = 401 "invalid_refresh_token" "The refresh token is not valid.";
    REFRESH_REUSED = 401 "refresh_reused" "The refresh token was used before, so it may have been copied. The session has ended.";
    REFRESH_SUPERSEDED = 401 "refresh_superseded" "A step-up or a change of credentials has replaced the refresh token. The session has not ended.";
    REGISTRATION_CLOSED = 403 "registration_closed" "The server does not accept registrations.";
    NO_RECEIPT = 404 "no_receipt" "The revocation was made before the server wrote receipts.";
    RECEIPT_PENDING = 409 "receipt_pending" "A node has not carried the revocation out, or the audit log does not contain the receipt yet. Ask again after a second.";
    EMAIL_TAKEN = 409 "email_taken" "There is an account with this e-mail address.";
    INVALID_EMAIL = 422 "invalid_email" "The e-mail address is not valid.";
    INVALID_DISPLAY_NAME = 422 "invalid_display_name" "The display name is too long or has characters that are not permitted.";
    PASSWORD_TOO_SHORT = 422 "password_too_short" "The password is too short.";
    PASSWORD_TOO_LONG = 422 "password_too_long" "The password is too long.";
    PASSWORD_GUESSABLE = 422 "password_guessable" "The password is easy to guess.";

    // Factors and passkeys.
    TOKENS_RENEWED = 409 "tokens_renewed" "The change was made, and another request has renewed the tokens since.";
    FACTOR_GONE = 409 "factor_gone" "The factor does not exist, or was changed at the same time.";
    LAST_FACTOR = 409 "last_factor" "Without this factor the user could not sign in.";
    NO_SECOND_FACTOR = 409 "no_second_factor" "The account has no second factor.";
    TOTP_ALREADY_ACTIVE = 409 "totp_already_active" "The account has an authenticator app.";
    TOTP_NOT_BEGUN = 409 "totp_not_begun" "The setup of the authenticator app was not begun, or has expired.";
    PASSKEY_KNOWN = 409 "passkey_known" "The passkey is registered already.";
    TOO_MANY_PASSKEYS = 409 "too_many_passkeys" "The account has as many passkeys as it may have.";
    CEREMONY_EXPIRED = 401 "ceremony_expired" "The ceremony does not exist, has expired, or was answered before.";
    PASSKEY_REFUSED = 401 "passkey_refused" "The answer of the passkey is not valid.";
    PASSKEY_SUSPENDED = 401 "passkey_suspended" "The passkey may have been copied, and is suspended.";
    PASSKEY_ORIGIN = 401 "origin_not_allowed" "The passkey was used on a page of another site.";
    USER_VERIFICATION_REQUIRED = 401 "user_verification_required" "The authenticator must verify its user, by PIN or fingerprint for example.";
    MALFORMED_CREDENTIAL = 422 "malformed_credential" "The credential does not have the form of a passkey's answer.";
    ONE_PURPOSE_REQUIRED = 422 "one_purpose_required" "The body must have at most one purpose.";
    INVALID_NAME = 422 "invalid_name" "The name is empty or too long.";
    INVALID_LABEL = 422 "invalid_label" "The label is empty or too long.";

    INVALID_LANGUAGE = 422 "invalid_language" "There are no mails in this language. `detail` names the languages that there are.";
    INVALID_LINK = 422 "invalid_link" "The link of the mail is not genuine, was used, has expired, or is void because the account has changed.";
    MAIL_UNAVAILABLE = 409 "mail_unavailable" "This server sends no mail.";
    MAIL_NOT_SENDABLE = 409 "mail_not_sendable" "The mail is still on its way, or its link was used or has expired.";
    INVALID_KIND = 422 "invalid_kind" "There is no such kind of mail.";

    // Operators.
    OPERATOR_REQUIRED = 403 "operator_required" "Only operators may do this.";
    ADMIN_REQUIRED = 403 "admin_required" "Only admins may do this.";
    NOT_PERMITTED = 403 "not_permitted" "The role of the caller may not act on this.";
    ONE_TARGET_REQUIRED = 422 "one_target_required" "The body must have exactly one target.";
    REASON_REQUIRED = 422 "reason_required" "A reason of 1 to 500 characters is missing.";
    INVALID_SUBJECT = 422 "invalid_subject" "A name of a realtime user is too long, or has a NUL character.";
    SUBJECT_IS_ACCOUNT = 422 "subject_is_account" "The subject is the number of an account, which must be named as `user`.";
    CONTRADICTING_FILTERS = 422 "contradicting_filters" "The filters exclude each other.";

    AUDITOR_REQUIRED = 403 "auditor_required" "Only auditors and admins may read the audit log.";
    OWN_ACCOUNT = 403 "own_account" "The operator's own account cannot be changed here.";
    LAST_ADMIN = 409 "last_admin" "The account is that of the last active admin.";
    DRILL_RUNNING = 409 "drill_running" "A drill of this node is running.";
    ERASURE_REQUESTED = 409 "erasure_requested" "The erasure of the account is requested already.";
    INVALID_ROLE = 422 "invalid_role" "The role is not one that users have.";
    ONE_CHANGE_REQUIRED = 422 "one_change_required" "The body must change exactly one of the role and the status.";
    INVALID_SEARCH = 422 "invalid_search" "A text to search for has 1 to 255 bytes and no NUL character.";
    INVALID_NETWORK = 422 "invalid_network" "The text is neither an address nor a network.";
    NETWORK_TOO_WIDE = 422 "network_too_wide" "The prefix of the network has less than 8 bits (IPv4) or 16 bits (IPv6).";
    INVALID_COUNTRY = 422 "invalid_country" "A country has two letters.";
    INVALID_USERS = 422 "invalid_users" "The list of users is empty or too long.";
    MOMENT_IN_FUTURE = 422 "moment_in_future" "The moment is in the future.";
    LOCK_NEEDS_USERS = 422 "lock_needs_users" "Only the passwords of named users can be locked.";
    INVALID_THRESHOLD = 422 "invalid_threshold" "A threshold or the limit is outside of its bounds.";
    INVALID_PERIOD = 422 "invalid_period" "The period is empty or too long, or its end is in the past.";
    OWN_ADDRESS = 422 "own_address" "The network has the address of the operator. The ban would lock the operator out.";
    INVALID_SCOPES = 422 "invalid_scopes" "The key has no scope, or an unknown one.";
    INVALID_LIFETIME = 422 "invalid_lifetime" "The end of the key is in the past.";
    NAME_TAKEN = 409 "name_taken" "Another key has this name.";
    INVALID_CHANNEL = 422 "invalid_channel" "The text cannot be the name of a channel.";
    NO_HISTORY = 409 "no_history" "The channel keeps no history.";
    UNKNOWN_SERIES = 422 "unknown_series" "There is no such series. `detail` names the series that there are.";
    INVALID_STEP = 422 "invalid_step" "The length of the periods is not a number of seconds that the statistics have.";
    INVALID_OUTCOME = 422 "invalid_outcome" "The outcome is not one of the audit log.";
    INVALID_NUMBER = 422 "invalid_number" "The number is larger than that of any entry of the audit log.";
    INVALID_ENTRY = 422 "invalid_entry" "The query must have either `index` or `id`.";
    INVALID_LAST_EVENT_ID = 422 "invalid_last_event_id" "The header `Last-Event-ID` is not the number of an entry.";

    // Requests with `Idempotency-Key`.
    INVALID_IDEMPOTENCY_KEY = 400 "invalid_idempotency_key" "The header `Idempotency-Key` is repeated, or has another form than 1 to 255 visible ASCII characters.";
    IDEMPOTENCY_KEY_REUSED = 422 "idempotency_key_reused" "The key was used for another request.";
    REQUEST_IN_PROGRESS = 409 "request_in_progress" "The request with this key is being carried out.";
    OUTCOME_UNKNOWN = 409 "outcome_unknown" "It is not known whether the request with this key was carried out.";

    // Receivers of events.
    API_KEY_REQUIRED = 403 "api_key_required" "Only a key of the server API may poll.";
    MISSING_FIELD = 422 "missing_field" "A webhook has a name, a URL and events.";
    MISSING_STREAM_ID = 422 "missing_stream_id" "The request must name a stream.";
    UNEXPECTED_STREAM_ID = 422 "unexpected_stream_id" "A new stream has no id yet.";
    MISSING_ENDPOINT_URL = 422 "missing_endpoint_url" "A push needs a URL.";
    UNSUPPORTED_DELIVERY = 422 "unsupported_delivery" "The method of delivery is neither that of RFC 8935 nor that of RFC 8936.";
    INVALID_AUTHORIZATION = 422 "invalid_authorization" "The value of `Authorization` for a push is empty or too long, or has other characters than printable ASCII.";
    INVALID_URL = 422 "invalid_url" "The server does not send events to this URL. `detail` says why.";
    INVALID_EVENTS = 422 "invalid_events" "The list of events is empty or too long, or has an unknown word.";
    INVALID_STATUS = 422 "invalid_status" "The status is not one of a receiver.";
    INVALID_STATE = 422 "invalid_state" "The state is unknown or too long.";
    INVALID_REASON = 422 "invalid_reason" "The reason is too long.";
    TOO_MANY_IDS = 422 "too_many_ids" "A poll names at most 1000 ids.";
    TOO_MANY_STREAMS = 409 "too_many_streams" "The API key has as many streams as one key may have.";
    VERIFICATION_WAITS = 409 "verification_waits" "A verification event of this stream has not been delivered yet.";
    TOO_MANY_RECEIVERS = 409 "too_many_receivers" "There are as many receivers as there may be.";
    RECEIVER_DISABLED = 409 "receiver_disabled" "The receiver is disabled.";
    CHANGED_MEANWHILE = 409 "changed_meanwhile" "The receiver was changed at the same time.";

    // WebSockets and emulated streams.
    UPGRADE_REQUIRED = 426 "upgrade_required" "The path accepts only WebSockets.";
    UNSUPPORTED_WEBSOCKET_VERSION = 426 "unsupported_websocket_version" "Only version 13 of the WebSocket protocol is supported.";
    MALFORMED_HANDSHAKE = 400 "malformed_handshake" "The WebSocket handshake is malformed.";
    MALFORMED_REQUEST = 400 "malformed_request" "The request is not one of an emulated stream.";
    UNKNOWN_STREAM = 404 "unknown_stream" "This node has no such stream.";
    CONNECTION_LIMIT = 429 "connection_limit" "The largest number of connections is reached.";
    TOO_MANY_COMMANDS = 429 "too_many_commands" "The stream has too many unanswered commands.";
}

/// The problems of every path.
pub(super) const EVERY: &[Code] = &[BAD_REQUEST, TOKEN_IN_QUERY, CONNECTION_LIMIT, HEAD_TOO_LARGE, INTERNAL];

/// The problems of a request with the access token of a caller.
pub(super) const CALLER: &[Code] = &[
    MALFORMED_AUTHORIZATION,
    REPEATED_CREDENTIAL,
    NOT_AUTHENTICATED,
    INVALID_TOKEN,
    TOKEN_EXPIRED,
    TOKEN_REVOKED,
    TOKENS_INVALIDATED,
    SESSION_UNKNOWN,
    SESSION_EXPIRED,
    SESSION_REVOKED,
    SESSION_ENDED,
    ACCOUNT_INACTIVE,
    USER_BLOCKED,
    INSUFFICIENT_SCOPE,
    UNAVAILABLE,
];

/// The problems of a change by a caller, in addition to [`CALLER`].
pub(super) const CHANGE: &[Code] = &[
    MALFORMED_HEADER,
    ORIGIN_NOT_ALLOWED,
    CSRF_TOKEN_MISSING,
    CSRF_TOKEN_MISMATCH,
    CSRF_TOKEN_EXPIRED,
    CSRF_TOKEN_INVALID,
    TOO_MANY_REQUESTS,
];

/// The problems of a route that needs no session, such as sign-in.
pub(super) const PUBLIC_CHANGE: &[Code] = &[
    MALFORMED_AUTHORIZATION,
    REPEATED_CREDENTIAL,
    MALFORMED_HEADER,
    ORIGIN_NOT_ALLOWED,
    CSRF_TOKEN_MISMATCH,
    CSRF_TOKEN_EXPIRED,
    CSRF_TOKEN_INVALID,
    TOO_MANY_REQUESTS,
    UNAVAILABLE,
];

/// The problems of a body in JSON.
pub(super) const BODY: &[Code] =
    &[MALFORMED_JSON, INCOMPLETE_BODY, REQUEST_TIMEOUT, BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, INVALID_BODY];

/// The problems of the query of a list that clients read page by page.
pub(super) const PAGE: &[Code] = &[INVALID_LIMIT, INVALID_CURSOR];

/// The problems of a request that needs a recent sign-in or step-up.
pub(super) const PRIVILEGED: &[Code] = &[STEP_UP_REQUIRED, SIGN_IN_REQUIRED];

/// The problem of a path of operators for a caller of another role.
pub(super) const OPERATOR: &[Code] =
    &[CLIENT_CERTIFICATE_REQUIRED, OPERATOR_REQUIRED, NOT_PERMITTED, TOO_MANY_REQUESTS];

/// The problem of a path of auditors for a caller of another role.
pub(super) const AUDITOR: &[Code] = &[CLIENT_CERTIFICATE_REQUIRED, AUDITOR_REQUIRED, TOO_MANY_REQUESTS];

/// The problems of a change by an operator.
pub(super) const OPERATOR_CHANGE: &[Code] = &[STEP_UP_REQUIRED, SIGN_IN_REQUIRED, REASON_REQUIRED];

/// The problems of a request with `Idempotency-Key`.
pub(super) const IDEMPOTENT: &[Code] =
    &[INVALID_IDEMPOTENCY_KEY, IDEMPOTENCY_KEY_REUSED, REQUEST_IN_PROGRESS, OUTCOME_UNKNOWN];

/// The problems of a request with an API key.
pub(super) const API_KEY: &[Code] = &[
    KEY_IN_QUERY,
    REPEATED_CREDENTIAL,
    MALFORMED_HEADER,
    INVALID_API_KEY,
    INSUFFICIENT_SCOPE,
    CLIENT_CERTIFICATE_REQUIRED,
    TOO_MANY_REQUESTS,
    UNAVAILABLE,
];

/// The problems of a new password.
pub(super) const NEW_PASSWORD: &[Code] = &[PASSWORD_TOO_SHORT, PASSWORD_TOO_LONG, PASSWORD_GUESSABLE];

/// The problems of an answer of a passkey.
pub(super) const PASSKEY_ANSWER: &[Code] = &[
    CEREMONY_EXPIRED,
    PASSKEY_REFUSED,
    PASSKEY_SUSPENDED,
    PASSKEY_ORIGIN,
    USER_VERIFICATION_REQUIRED,
    MALFORMED_CREDENTIAL,
];

/// Codes outside of all operations: the answer to a method that a path does not have.
pub(super) const OUTSIDE: &[Code] = &[METHOD_NOT_ALLOWED];
