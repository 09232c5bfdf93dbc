-- The counter of the last refresh token that was issued for a proof of presence or a change of credentials, instead of a
-- refresh. The token before it is never answered with this one, also not as a retry: a copy of that token would gain the
-- privilege that only the client with the proof has.
ALTER TABLE sessions ADD COLUMN renewed_counter bigint CHECK (renewed_counter <= refresh_counter);
