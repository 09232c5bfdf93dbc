//! Makes the settings of mails: reads the templates and the certificates that the settings name.

use mail::{Composer, SmtpServer, SmtpSettings, Templates};
use service::MailSettings;

use crate::config::{Environment, MailSetup, Settings};

/// The settings of mails. `bound` are the origins of the server itself, in development: without `PUBLIC_URL`, links lead to the first.
///
/// # Errors
/// One sentence that begins with the name of the setting.
pub(super) fn mail_settings(settings: &Settings, bound: &[String]) -> Result<MailSettings, String> {
    let MailSetup { smtp, authorities, from, templates, max_age, public_url, show } = &*settings.mail;
    let domain = &settings.web.domain;
    let site = public_url.clone().or_else(|| bound.first().cloned());
    let site = site.unwrap_or_else(|| format!("https://{domain}"));
    let templates = Templates::load(templates.as_deref())
        .and_then(|all| Composer::new(all, from.service_name(domain), &site));
    let server = match smtp {
        Some(smtp) => Some(server(smtp.clone(), authorities.as_deref())?),
        None => None,
    };
    Ok(MailSettings {
        server,
        from: from.clone(),
        composer: templates.map_err(|error| format!("MAIL_TEMPLATES_DIR: {error}"))?,
        max_age: *max_age,
        development: settings.environment == Environment::Development,
        show: *show,
    })
}

fn server(smtp: SmtpSettings, authorities: Option<&std::path::Path>) -> Result<SmtpServer, String> {
    let authorities = match authorities {
        Some(path) => {
            let unreadable = |error: std::io::Error| {
                format!("SMTP_CA_FILE: {} cannot be read ({})", path.display(), error.kind())
            };
            Some(std::fs::read(path).map_err(unreadable)?)
        }
        None => None,
    };
    let name = if authorities.is_some() { "SMTP_CA_FILE" } else { "SMTP_URL" };
    SmtpServer::new(SmtpSettings { authorities, ..smtp }).map_err(|error| format!("{name}: {error}"))
}
