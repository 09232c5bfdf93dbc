//! An export: a JSON document that is sent piece by piece, so that no part of the server holds all of it.

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_DISPOSITION},
};
use bytes::Bytes;
use futures_util::stream;
use protocol::id::UserId;
use service::{Failure, PersonExport};

/// The answer with an export. If the database fails meanwhile, the connection is closed before the end of the body.
pub(crate) fn answer_with_export(export: PersonExport, user: UserId) -> HttpResponse {
    let pieces = stream::try_unfold(export, |mut export| async move {
        let piece = export.next().await?;
        Ok::<_, Failure>(piece.map(|piece| (Bytes::from(piece), export)))
    });
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"user-{user}.json\"")))
        .streaming(Box::pin(pieces))
}
