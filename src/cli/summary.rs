//! The summary that `portcullis dev` gives when the server is ready: on the terminal for people, and in `dev.json` for
//! programs.

use std::path::Path;

use secrecy::ExposeSecret;
use serde_json::json;

use super::{demo_users::DemoUser, error::CliError};
use crate::{app::App, postgres::Cluster, secrets};

/// Writes `<data-dir>/dev.json`: `{"http", "https", "metrics", "users": [{"email", "password", "role"}], "database", "pid"}`.
pub(super) fn write(data_dir: &Path, app: &App, users: &[DemoUser], socket: &Path) -> Result<(), CliError> {
    let users: Vec<_> = users
        .iter()
        .map(|user| {
            json!({"email": user.email, "password": user.password.expose_secret(), "role": user.role.as_str()})
        })
        .collect();
    let (http, https) = addresses(app);
    let facts = json!({
        "http": http,
        "https": https,
        "metrics": metrics_url(app),
        "users": users,
        "database": format!("host={} user=postgres dbname=portcullis", socket.display()),
        "pid": std::process::id(),
    });
    let text = format!("{facts:#}\n");
    Ok(secrets::replace_private(&data_dir.join("dev.json"), &text)?)
}

/// Prints the summary for people.
pub(super) fn print(data_dir: &Path, app: &App, users: &[DemoUser], cluster: &Cluster) {
    let (http, https) = addresses(app);
    println!("\nPortcullis {} is ready (development, loopback only)\n", env!("CARGO_PKG_VERSION"));
    println!("  HTTP       {http}");
    println!("  HTTPS      {https}   (development certificate: curl -k)");
    println!("  WebSocket  {}/api/v1/ws/chat   and   /connection/websocket", http.replacen("http", "ws", 1));
    if let Some(metrics) = metrics_url(app) {
        println!("  Metrics    {metrics}");
    }
    for user in users {
        println!("  {:9}  {} / {}", user.role.as_str(), user.email, user.password.expose_secret());
    }
    println!("  Database   psql -h {} -U postgres portcullis", cluster.socket_dir().display());
    println!(
        "  Data       {}   (the facts above: {})",
        data_dir.display(),
        data_dir.join("dev.json").display()
    );
    println!("\nStop it with Ctrl-C.\n");
}

fn metrics_url(app: &App) -> Option<String> {
    app.metrics().map(|address| format!("http://{address}/metrics"))
}

fn addresses(app: &App) -> (String, String) {
    let url = |scheme: &str, address: Option<std::net::SocketAddr>| {
        address.map_or_else(String::new, |address| {
            let host = if address.ip() == std::net::Ipv4Addr::LOCALHOST {
                "localhost".to_owned()
            } else if address.is_ipv6() {
                format!("[{}]", address.ip())
            } else {
                address.ip().to_string()
            };
            format!("{scheme}://{host}:{}", address.port())
        })
    };
    (url("http", app.http()), url("https", app.https()))
}
