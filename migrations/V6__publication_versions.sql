-- The newest version of what was published in a durable channel, if its publisher counts versions: what is not newer says
-- nothing new. Kept with the channel's top, and changed under the same lock.
ALTER TABLE channels
    ADD COLUMN version       bigint CHECK (version > 0),
    ADD COLUMN version_epoch text   CHECK (octet_length(version_epoch) <= 255),
    ADD CHECK ((version IS NULL) = (version_epoch IS NULL));
