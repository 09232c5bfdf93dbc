//! Mails to users: `/api/v1/admin/mail`.

use super::parts::{INVALID_KIND, INVALID_SEARCH, INVALID_STATE, MAIL_NOT_SENDABLE, Operation, get, post};
use crate::http::resources::admin::{
    Reasoned,
    mail::{MailPage, MailsQuery, SentAgainView},
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/api/v1/admin/mail", "adminListMail", "The mails to users, newest first.")
            .about("No entry has the link or the text of its mail.")
            .operator()
            .page::<MailsQuery>()
            .refuses(&[INVALID_STATE, INVALID_KIND, INVALID_SEARCH])
            .answers::<MailPage>(200, "A page of mails."),
        post("/api/v1/admin/mail/{mail}/send-again", "adminSendMailAgain", "Sends a mail again.")
            .about("It has the same link and another Message-ID.")
            .operator_change()
            .path_id("mail", "The id of the mail.")
            .body::<Reasoned>()
            .refuses(&[MAIL_NOT_SENDABLE])
            .answers::<SentAgainView>(200, "The mail, which waits again."),
    ]
}
