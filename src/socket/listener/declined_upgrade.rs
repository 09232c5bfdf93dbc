//! Requests that offer another protocol than WebSocket, such as `h2c` for HTTP/2.
//!
//! Such a request is answered in HTTP/1.1. After the answer the HTTP layer closes the connection, but the answer does not say
//! so. Without the header that is added here, a client that reuses connections would lose its next request.

use std::future::Future;

use actix_http::{ConnectionType, Request, Response};
use actix_service::Service;

/// Lets `app` answer a request. If the request offers another protocol, the answer says that the connection closes.
pub(crate) fn answer<S, B>(
    request: Request,
    app: &S,
) -> impl Future<Output = Result<Response<B>, S::Error>> + use<S, B>
where
    S: Service<Request>,
    S::Response: Into<Response<B>>,
{
    let offers_another_protocol = request.upgrade();
    let answered = app.call(request);
    async move {
        let mut response: Response<B> = answered.await?.into();
        if offers_another_protocol {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        Ok(response)
    }
}
