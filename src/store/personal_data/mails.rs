//! The table of mails in the list of tables.

use super::{
    columns::MAIL,
    table::{Effect, PAGE, PersonalTable, withheld},
};

pub(super) const MAILS: PersonalTable = PersonalTable {
    name: "mails",
    holds: "mails to the person, and where they are on their way",
    of_person: "t.user_id = $1",
    order: &[("id", "uuid")],
    member: Some("mails"),
    page: PAGE,
    exported: MAIL,
    withheld: &[
        withheld("the number of the account", &["user_id"]),
        withheld("derived from the account", &["bound_key", "bound_password"]),
        withheld("state of the server", &["due_at", "waiting_from", "attempt_id", "leased_until"]),
    ],
    effect: Effect::Deleted,
};
