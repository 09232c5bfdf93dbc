-- The channels of which publications were replaced. The index is built apart from the column of V19, whose lock keeps readers out.
CREATE INDEX channels_erased_in ON channels (erased_in) WHERE erased_in IS NOT NULL;
