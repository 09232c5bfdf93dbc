//! Errors of the server API: the error codes of the protocol, in a body or as a status.

use actix_web::{HttpResponse, http::StatusCode};
use domain::tokens::subscription_terms::MalformedPayload;
use protocol::{ErrorCode, channel_name::ChannelNameError};
use serde::Serialize;
use utoipa::ToSchema;

/// Why a method failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(in crate::http) struct ApiError {
    code: u16,
    message: &'static str,
}

impl ApiError {
    /// The request is malformed or has unacceptable values.
    pub(super) const BAD_REQUEST: Self = Self { code: 107, message: "bad request" };
    /// This server does not have the method or the option.
    pub(super) const NOT_AVAILABLE: Self = Self { code: 108, message: "not available" };

    /// The answer by default, as in Centrifugo: 200 with the error in the body.
    pub(super) fn as_answer(self) -> HttpResponse {
        #[derive(Serialize)]
        struct Answer {
            error: ApiError,
        }
        HttpResponse::Ok().json(Answer { error: self })
    }

    /// The answer in the error mode `transport`: an HTTP status, with the error as the whole body.
    pub(super) fn as_status(self) -> HttpResponse {
        HttpResponse::build(self.status()).json(self)
    }

    fn status(self) -> StatusCode {
        match self.code {
            101 => StatusCode::UNAUTHORIZED,
            103 => StatusCode::FORBIDDEN,
            102 | 104 => StatusCode::NOT_FOUND,
            111 => StatusCode::TOO_MANY_REQUESTS,
            112 => StatusCode::RANGE_NOT_SATISFIABLE,
            113 => StatusCode::CONFLICT,
            100 => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self { code: code.code(), message: code.message() }
    }
}

impl From<ChannelNameError> for ApiError {
    fn from(error: ChannelNameError) -> Self {
        ErrorCode::from(error).into()
    }
}

impl From<MalformedPayload> for ApiError {
    fn from(_: MalformedPayload) -> Self {
        Self::BAD_REQUEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_code_gives_the_http_status() {
        for (code, status) in [
            (ErrorCode::Internal, 500),
            (ErrorCode::UnknownChannel, 404),
            (ErrorCode::BadRequest, 400),
            (ErrorCode::NotAvailable, 400),
            (ErrorCode::UnrecoverablePosition, 416),
        ] {
            assert_eq!(ApiError::from(code).status().as_u16(), status);
        }
    }
}
