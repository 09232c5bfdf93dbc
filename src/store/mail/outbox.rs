//! The outbox: writes the mails that audit events cause.
//!
//! The rows are written in the transaction of the audit event, so both are committed or neither. A row has no secret: the token of
//! a link is computed when the mail is sent.

use deadpool_postgres::GenericClient;
use domain::{
    account::email::Email,
    mail::{
        audit_mapping::{caused_mail, mail_id},
        caused_mail::CausedMail,
        kind::MailKind,
        link::link_end,
    },
};
use protocol::audit::AuditEvent;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::StoreError,
    row_mapping::{moment, storable},
};

/// The most mails of one kind that a user gets in an hour. Further ones are not written: they would only fill the mailbox.
const MOST_IN_AN_HOUR: i64 = 20;

/// Writes mails to users that can be reached: not to the canary, and not to accounts that are disabled or erased. The device and the
/// place are those that the user's device has at this moment.
const INSERT: &str = "
    INSERT INTO mails (id, user_id, kind, address, language, detail, created_at, waiting_from, due_at, link,
                       link_expires_at, bound_key, bound_password)
    SELECT e.id, u.id, e.kind, coalesce(e.address, u.email), u.language,
           e.detail || jsonb_strip_nulls(jsonb_build_object('user_agent', d.user_agent, 'city', d.city, 'country', d.country)),
           e.at, e.at, e.at, e.link, e.link_end,
           CASE WHEN e.link IS NOT NULL THEN u.account_key END,
           CASE WHEN e.link IS NOT NULL THEN sha256(convert_to(u.password_hash, 'UTF8')) END
    FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::jsonb[], $6::timestamptz[], $7::text[],
                $8::timestamptz[], $9::uuid[])
         AS e (id, user_id, kind, address, detail, at, link, link_end, device)
    JOIN users u ON u.id = e.user_id
    LEFT JOIN registered_devices d ON d.user_id = u.id AND d.id = e.device AND d.forgotten_at IS NULL
    WHERE u.role <> 'canary' AND u.account_key IS NOT NULL AND u.status IN ('active', 'pending')
      AND (SELECT count(*) FROM (SELECT FROM mails m WHERE m.user_id = u.id AND m.kind = e.kind
                                 AND m.created_at > e.at - interval '1 hour' LIMIT $10) recent) < $10
    ON CONFLICT (id) DO NOTHING";

/// A mail to be written.
struct NewMail {
    mail: CausedMail,
    user: i64,
    device: Option<Uuid>,
    /// Another address than that of the account.
    address: Option<String>,
    at: OffsetDateTime,
}

/// Writes the mails that these audit events cause, on the caller's connection or transaction.
pub(crate) async fn enqueue_caused(
    client: &impl GenericClient,
    events: &[AuditEvent],
) -> Result<(), StoreError> {
    let mut mails = Vec::new();
    for event in events {
        let (Some(mail), Some(user)) = (caused_mail(event), event.user) else { continue };
        let device = event.device.map(|device| device.0).filter(|_| mail.own);
        mails.push(NewMail { mail, user: user.0, device, address: None, at: moment(event.at_ms)? });
    }
    if mails.is_empty() { Ok(()) } else { insert(client, &mails).await }
}

/// Writes the mail about a changed address to the former address. The event is the one that causes the mail to the new address.
pub(crate) async fn tell_former_address(
    client: &impl GenericClient,
    user: i64,
    former: &str,
    event: &AuditEvent,
) -> Result<(), StoreError> {
    let Some(mail) = caused_mail(event).filter(|_| Email::parse(former).is_ok()) else { return Ok(()) };
    let mail = CausedMail { id: mail_id(mail.id, MailKind::AddressChanged), ..mail };
    let (device, at) = (None, moment(event.at_ms)?);
    insert(client, &[NewMail { mail, user, device, address: Some(former.to_owned()), at }]).await
}

async fn insert(client: &impl GenericClient, mails: &[NewMail]) -> Result<(), StoreError> {
    fn column<T>(mails: &[NewMail], of: impl Fn(&NewMail) -> T) -> Vec<T> {
        mails.iter().map(of).collect()
    }
    let link = |new: &NewMail| new.mail.kind.link();
    let statement = client.prepare_cached(INSERT).await?;
    client
        .execute(
            &statement,
            &[
                &column(mails, |new| new.mail.id),
                &column(mails, |new| new.user),
                &column(mails, |new| new.mail.kind.as_str()),
                &column(mails, |new| new.address.clone()),
                &column(mails, |new| storable(Value::Object(new.mail.detail.clone()))),
                &column(mails, |new| new.at),
                &column(mails, |new| link(new).map(|purpose| purpose.as_str())),
                &column(mails, |new| link(new).map(|purpose| link_end(new.at, purpose))),
                &column(mails, |new| new.device),
                &MOST_IN_AN_HOUR,
            ],
        )
        .await?;
    Ok(())
}
