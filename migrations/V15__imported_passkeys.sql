-- Passkeys that were registered with another system, and imported.
ALTER TABLE passkey_credentials
    -- The user handle that the authenticator keeps, if it is not `users.webauthn_user_handle`. Null for passkeys that were
    -- registered here.
    ADD COLUMN user_handle    bytea   CHECK (octet_length(user_handle) BETWEEN 1 AND 64),
    -- The other system did not say whether the passkey may be copied to other devices. The first use tells.
    ADD COLUMN backup_unknown boolean NOT NULL DEFAULT false;
