//! `/api/v1/admin/node`: what the node that answers does now.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use service::{NodeFigures, Services};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::{
    extractors::{authenticated::Authenticated, client::Client},
    problem::Problem,
};

/// What the node does now. `publications` and `deliveries` are counted since its start.
#[derive(Serialize, ToSchema)]
#[schema(as = Node)]
pub(crate) struct NodeView {
    /// The channels with subscribers.
    channels: usize,
    /// The open sockets and streams, by transport, also those without a session.
    connections: BTreeMap<&'static str, usize>,
    /// Deliveries of publications to single subscribers.
    deliveries: u64,
    /// Whether deliveries wait, because the node cannot read revocations.
    holds_deliveries: bool,
    id: Uuid,
    /// The passwords that wait for their hash.
    passwords_waiting: usize,
    process: NodeProcessView,
    publications: u64,
    subscriptions: usize,
    /// How long the node has been running.
    uptime_seconds: u64,
    /// The different users with connections.
    users: usize,
    version: &'static str,
}

/// What the process uses of its machine.
#[derive(Serialize, ToSchema)]
#[schema(as = NodeProcess)]
struct NodeProcessView {
    /// Of one core, since the last request.
    cpu_percent: f64,
    /// 0 if the operating system does not report it.
    resident_bytes: u64,
}

impl NodeView {
    fn of(figures: &NodeFigures) -> Self {
        let NodeFigures { info, .. } = figures;
        Self {
            channels: info.channels,
            connections: figures.connections.iter().map(|(kind, count)| (kind.as_str(), *count)).collect(),
            deliveries: figures.deliveries,
            holds_deliveries: figures.holds_deliveries,
            id: info.id,
            passwords_waiting: figures.passwords_waiting,
            process: NodeProcessView { cpu_percent: info.process.cpu, resident_bytes: info.process.rss },
            publications: figures.publications,
            subscriptions: info.subscriptions,
            uptime_seconds: info.uptime.as_secs(),
            users: info.users,
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// `GET /api/v1/admin/node`.
pub(crate) async fn show(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let figures = services.operators.node.read(&auth.caller, &client.0).await?;
    Ok(HttpResponse::Ok().json(json!(NodeView::of(&figures))))
}
