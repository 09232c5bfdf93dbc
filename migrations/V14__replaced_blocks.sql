-- A row about the block of a user counts until a later row about the user replaces it, and a row that lifts a block denies
-- nothing. Since when, is noted in the row: retention finds such rows by it, and does not compare all blocks that hold.
ALTER TABLE denials ADD COLUMN replaced_at timestamptz;

UPDATE denials d SET replaced_at = n.replaced_at
FROM (SELECT id, coalesce(lead(created_at) OVER (PARTITION BY subject ORDER BY id),
                          CASE WHEN lifted THEN created_at END) AS replaced_at
      FROM denials WHERE kind = 'user') n
WHERE n.id = d.id AND n.replaced_at IS NOT NULL;

CREATE INDEX denials_replaced_at ON denials (replaced_at) WHERE replaced_at IS NOT NULL;

-- By a trigger, because a server of the release before notes nothing. Rows of one user are written one after another.
CREATE FUNCTION note_replaced_blocks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE denials SET replaced_at = NEW.created_at
    WHERE subject = NEW.subject AND kind = 'user' AND replaced_at IS NULL;
    IF NEW.lifted THEN
        NEW.replaced_at := NEW.created_at;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER denials_replaced BEFORE INSERT ON denials
    FOR EACH ROW WHEN (NEW.kind = 'user') EXECUTE FUNCTION note_replaced_blocks();
