-- A channel in which nothing is kept, and nothing was published for long, is forgotten: its row is deleted. So that its offsets
-- are not given again if it comes back, every channel without a row begins above this floor, which is raised, in the
-- transaction that deletes, above the newest offset of whatever is deleted: to a power of two, so that it moves a few times
-- in the life of a database, and seldom for those who wait in a channel that has not begun.
ALTER TABLE channel_epoch ADD COLUMN floor bigint NOT NULL DEFAULT 0 CHECK (floor >= 0);

-- When the channel is looked at next. A publication makes it due at once, if it is not: only then an index is changed.
ALTER TABLE channels ADD COLUMN due_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX channels_due_at ON channels (due_at);
