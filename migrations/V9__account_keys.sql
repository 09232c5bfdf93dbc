-- The key of an account: its address in NFKC with full Unicode case folding, computed by the server. Accounts are found by it,
-- and it is unique, whatever the locale of the database. If two accounts have one key, the older one gets it; the other has none
-- until its address is changed, and cannot be found by address.
ALTER TABLE users ADD COLUMN account_key text COLLATE "C" CHECK (octet_length(account_key) BETWEEN 1 AND 1024);

-- For a plain ASCII address folding is lower case, which the database can do. Such accounts have their keys as soon as there are
-- keys, so no registration can take one. The server gives the others their keys under the same lock, after this migration.
CREATE FUNCTION account_key_of_ascii_address(email text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT lower(email COLLATE "C") WHERE email COLLATE "C" ~ '^[!-~]+$' AND octet_length(email) <= 1024
$$;
UPDATE users u SET account_key = k.key
FROM (SELECT DISTINCT ON (key) id, account_key_of_ascii_address(email) AS key FROM users ORDER BY key, id) k
WHERE u.id = k.id AND k.key IS NOT NULL;

CREATE UNIQUE INDEX users_account_key ON users (account_key);
CREATE INDEX users_without_account_key ON users (id) WHERE account_key IS NULL;
-- The index users_email_key stays for one more release: servers of the release before find accounts by it, and it keeps them from
-- registering an address twice. In some locales it also refuses an address that differs from another one by today's rule.

-- A server of the release before writes no key.
CREATE FUNCTION account_key_by_default() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.account_key := coalesce(NEW.account_key, account_key_of_ascii_address(NEW.email));
    RETURN NEW;
END
$$;
CREATE TRIGGER users_account_key BEFORE INSERT ON users
    FOR EACH ROW EXECUTE FUNCTION account_key_by_default();
