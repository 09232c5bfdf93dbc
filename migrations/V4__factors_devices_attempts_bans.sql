-- Second factors, passkeys, the challenges that ask for them, trust in devices, sign-in attempts, bans.

-- A password hash of '!' matches no password: the account has none. What a passkey's authenticator keeps as the user's
-- name is random, so that it tells nothing and survives a changed address.
ALTER TABLE users
    ADD COLUMN webauthn_user_handle uuid NOT NULL DEFAULT gen_random_uuid();
CREATE UNIQUE INDEX users_webauthn_user_handle ON users (webauthn_user_handle);

ALTER TABLE registered_devices
    ADD COLUMN label         text        CHECK (char_length(label) BETWEEN 1 AND 100),
    ADD COLUMN trust         text        NOT NULL DEFAULT 'new' CHECK (trust IN ('new', 'trusted', 'verified')),
    -- Trust ends by itself; it is granted with an end or not at all.
    ADD COLUMN trusted_until timestamptz,
    -- Where it last was, as far as an address tells: ISO 3166-1 country, and a city for people to read.
    ADD COLUMN country       text        CHECK (char_length(country) = 2),
    ADD COLUMN city          text        CHECK (char_length(city) <= 100),
    ADD CONSTRAINT registered_devices_trust_ends CHECK ((trust = 'new') = (trusted_until IS NULL));

ALTER TABLE sessions
    -- How risky the sign-in looked, 0 to 100, and why.
    ADD COLUMN risk_score   smallint CHECK (risk_score BETWEEN 0 AND 100),
    ADD COLUMN risk_reasons text[]   NOT NULL DEFAULT '{}';

ALTER TABLE revocations DROP CONSTRAINT revocations_cause_check;
ALTER TABLE revocations ADD CONSTRAINT revocations_cause_check
    CHECK (cause IN ('revoked', 'signed_out', 'password_changed', 'account_disabled', 'refresh_reused', 'device_removed',
                     'role_changed', 'session_expired', 'session_limit', 'factor_changed', 'credential_cloned'));

-- One authenticator app per user. A row without `confirmed_at` is being set up and counts for nothing.
CREATE TABLE user_two_factor (
    user_id      bigint      PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    -- Sealed with the data encryption key `key_id`, with the user's id as associated data.
    secret       bytea       NOT NULL,
    key_id       text        NOT NULL CHECK (key_id <> ''),
    -- The last time step that was accepted: each is accepted once (RFC 6238, 5.2).
    last_step    bigint      NOT NULL DEFAULT 0 CHECK (last_step >= 0),
    created_at   timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_used_at timestamptz
);

CREATE TABLE backup_codes (
    user_id    bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    -- A keyed hash of the code; the code is stored nowhere.
    hash       bytea       NOT NULL CHECK (octet_length(hash) = 32),
    created_at timestamptz NOT NULL,
    used_at    timestamptz,
    PRIMARY KEY (user_id, hash)
);

CREATE TABLE passkey_credentials (
    id            uuid        PRIMARY KEY,
    user_id       bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    credential_id bytea       NOT NULL UNIQUE CHECK (octet_length(credential_id) BETWEEN 1 AND 1023),
    -- The public key, its counter and its flags, as the library keeps them.
    passkey       jsonb       NOT NULL CHECK (jsonb_typeof(passkey) = 'object'),
    counter       bigint      NOT NULL DEFAULT 0 CHECK (counter >= 0),
    aaguid        uuid,
    name          text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    created_at    timestamptz NOT NULL,
    last_used_at  timestamptz,
    -- Its counter went back: somebody may have a copy. It opens nothing any more.
    suspended_at  timestamptz
);

CREATE INDEX passkey_credentials_user ON passkey_credentials (user_id, created_at);

-- What a proof is asked for: the rest of a sign-in, or a ceremony of WebAuthn. Used once.
CREATE TABLE two_factor_challenges (
    id             uuid        PRIMARY KEY,
    kind           text        NOT NULL
                               CHECK (kind IN ('sign_in', 'passkey_registration', 'passkey_sign_in', 'passkey_factor',
                                               'passkey_step_up')),
    -- Whose; unknown as long as a passkey has not said so.
    user_id        bigint      REFERENCES users ON DELETE CASCADE,
    -- By whom it may be answered: the browser that asked, or the session that asked.
    presession_id  uuid,
    session_id     uuid        REFERENCES sessions ON DELETE CASCADE,
    -- What the first factor was checked against; if it has changed since, the answer opens nothing.
    generation     integer,
    revoked_all    bigint,
    -- What the kind needs: the library's state of a ceremony, the risk of a sign-in.
    state          jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(state) = 'object'),
    attempts       integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    CHECK (num_nonnulls(presession_id, session_id) = 1)
);

CREATE INDEX two_factor_challenges_expires_at ON two_factor_challenges (expires_at);
CREATE INDEX two_factor_challenges_user ON two_factor_challenges (user_id) WHERE user_id IS NOT NULL;

-- Every attempt to sign in, also for accounts that do not exist. By month, so that what is old goes in one piece.
CREATE TABLE device_login_attempts (
    id           uuid        NOT NULL,
    at           timestamptz NOT NULL,
    -- No foreign keys: the partitions outlive whom they speak of.
    user_id      bigint,
    -- Keyed hash of the name that was typed, also when nobody has it.
    identifier   text        NOT NULL CHECK (char_length(identifier) = 32),
    method       text        NOT NULL CHECK (method IN ('password', 'second_factor', 'passkey')),
    outcome      text        NOT NULL
                             CHECK (outcome IN ('success', 'challenged', 'unknown_account', 'wrong_password',
                                                'wrong_factor', 'inactive_account', 'superseded', 'risk_refused',
                                                'credential_cloned', 'invalid_passkey')),
    device_id    uuid,
    session_id   uuid,
    address      inet,
    user_agent   text        CHECK (octet_length(user_agent) <= 1024),
    fingerprint  text        CHECK (char_length(fingerprint) = 32),
    country      text        CHECK (char_length(country) = 2),
    city         text        CHECK (char_length(city) <= 100),
    latitude     double precision,
    longitude    double precision,
    accuracy_km  integer     CHECK (accuracy_km >= 0),
    network      bigint,
    risk_score   smallint    CHECK (risk_score BETWEEN 0 AND 100),
    risk_reasons text[]      NOT NULL DEFAULT '{}',
    PRIMARY KEY (at, id)
) PARTITION BY RANGE (at);

-- Takes what no month was made for in time.
CREATE TABLE device_login_attempts_default PARTITION OF device_login_attempts DEFAULT;

CREATE INDEX device_login_attempts_user ON device_login_attempts (user_id, at DESC) WHERE user_id IS NOT NULL;
CREATE INDEX device_login_attempts_address ON device_login_attempts (address, at DESC);

CREATE TABLE bans (
    -- Whom: an address as limits count it, `203.0.113.9` or `2001:db8:1:2::/64`.
    key        text        PRIMARY KEY CHECK (key <> '' AND octet_length(key) <= 100),
    reason     text        NOT NULL DEFAULT '' CHECK (octet_length(reason) <= 1000),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CHECK (expires_at > created_at)
);

CREATE INDEX bans_expires_at ON bans (expires_at);
