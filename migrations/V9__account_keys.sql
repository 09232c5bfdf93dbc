-- The key of an account: its address in NFKC with full Unicode case folding, computed by the server. Accounts are found by it,
-- and it is unique, whatever the locale of the database. The server gives it to existing accounts after this migration. If two
-- accounts have one key, the older one gets it; the other has none until its address is changed, and cannot be found by address.
ALTER TABLE users ADD COLUMN account_key text COLLATE "C" CHECK (octet_length(account_key) BETWEEN 1 AND 1024);
CREATE UNIQUE INDEX users_account_key ON users (account_key);
CREATE INDEX users_without_account_key ON users (id) WHERE account_key IS NULL;
DROP INDEX users_email_key;

-- A server of an earlier release writes no key. For a plain ASCII address folding is lower case, which the database can do.
CREATE FUNCTION account_key_of_ascii_address() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.account_key IS NULL AND NEW.email COLLATE "C" ~ '^[!-~]+$' THEN
        NEW.account_key := lower(NEW.email COLLATE "C");
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER users_account_key BEFORE INSERT ON users
    FOR EACH ROW EXECUTE FUNCTION account_key_of_ascii_address();
