//! The database settings in the form for programs of PostgreSQL: as environment variables of libpq. Every user of the machine
//! can read the command line of a program, but only its own user and root can read its environment.
//!
//! The connection of the program is never less strict than that of the server.

use std::{
    ffi::OsString,
    os::unix::ffi::OsStringExt as _,
    path::{Path, PathBuf},
};

use tokio_postgres::config::{ChannelBinding, Host};

use crate::{
    settings::DatabaseSettings,
    tls_mode::{Roots, TlsMode},
};

/// The first version of libpq that can use the authorities of the operating system.
const SYSTEM_ROOTS_SINCE: u32 = 16;
/// The file of the operating system's authorities, for older versions of libpq.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

impl DatabaseSettings {
    /// The environment variables for a program of PostgreSQL with this major version of libpq, to reach the database.
    #[must_use]
    pub fn libpq_environment(&self, major: u32) -> Vec<(&'static str, OsString)> {
        let config = &self.config;
        let mut variables: Vec<(&'static str, OsString)> = vec![
            ("PGSSLMODE", self.tls.as_str().into()),
            ("PGAPPNAME", "portcullis".into()),
            // Only these variables count: no file of the user may change the connection.
            ("PGPASSFILE", "/dev/null".into()),
            ("PGSERVICEFILE", "/dev/null".into()),
        ];
        let hosts = config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone().into(),
            Host::Unix(path) => path.clone().into_os_string(),
        });
        variables.extend(listed(hosts).map(|hosts| ("PGHOST", hosts)));
        let addresses = config.get_hostaddrs().iter().map(|address| address.to_string().into());
        variables.extend(listed(addresses).map(|addresses| ("PGHOSTADDR", addresses)));
        let ports = config.get_ports().iter().map(|port| port.to_string().into());
        variables.extend(listed(ports).map(|ports| ("PGPORT", ports)));
        let mut text = |name, value: Option<&str>| variables.extend(value.map(|value| (name, value.into())));
        text("PGUSER", config.get_user());
        text("PGDATABASE", config.get_dbname());
        text("PGOPTIONS", config.get_options());
        text("PGTARGETSESSIONATTRS", Some(self.target.as_str()));
        text("PGCHANNELBINDING", binding(config.get_channel_binding()));
        if let Some(password) = config.get_password() {
            variables.push(("PGPASSWORD", OsString::from_vec(password.to_vec())));
        }
        variables.extend(roots(&self.tls, major).map(|file| ("PGSSLROOTCERT", file.into_os_string())));
        if let Some(identity) = &self.identity {
            variables.push(("PGSSLCERT", identity.certificate.clone().into_os_string()));
            variables.push(("PGSSLKEY", identity.key.clone().into_os_string()));
        }
        // Whole seconds. In libpq, 0 means no limit, and older versions take 1 as 2.
        let seconds = self.connect_timeout().as_secs_f64().ceil();
        variables.push(("PGCONNECT_TIMEOUT", seconds.to_string().into()));
        variables
    }
}

fn listed(values: impl Iterator<Item = OsString>) -> Option<OsString> {
    let values: Vec<_> = values.collect();
    (!values.is_empty()).then(|| values.join(",".as_ref()))
}

fn roots(mode: &TlsMode, major: u32) -> Option<PathBuf> {
    match mode {
        TlsMode::Disable | TlsMode::Prefer | TlsMode::Require => None,
        TlsMode::VerifyCa(Roots::File(file)) | TlsMode::VerifyFull(Roots::File(file)) => Some(file.clone()),
        TlsMode::VerifyCa(Roots::System) | TlsMode::VerifyFull(Roots::System) => {
            let name = if major >= SYSTEM_ROOTS_SINCE { "system" } else { SYSTEM_ROOTS };
            Some(Path::new(name).to_owned())
        }
    }
}

fn binding(binding: ChannelBinding) -> Option<&'static str> {
    match binding {
        ChannelBinding::Disable => Some("disable"),
        ChannelBinding::Require => Some("require"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str, major: u32) -> Vec<String> {
        let settings = DatabaseSettings::parse(&url.to_owned().into()).expect("a URL");
        let variables = settings.libpq_environment(major);
        variables.iter().map(|(name, value)| format!("{name}={}", value.display())).collect()
    }

    fn has(found: &[String], expected: &str) {
        assert!(found.iter().any(|variable| variable == expected), "{expected} is not in {found:?}");
    }

    #[test]
    fn every_part_of_a_url_reaches_the_program() {
        let url = "postgresql://ada:p%40ss@one:5433,two:5434/app?sslmode=verify-full&sslrootcert=/ca.pem\
                   &channel_binding=require&target_session_attrs=primary&options=-c%20search_path%3Dx\
                   &sslcert=/client.pem&sslkey=/client.key&connect_timeout=7";
        let found = of(url, 15);
        for expected in [
            "PGHOST=one,two",
            "PGPORT=5433,5434",
            "PGUSER=ada",
            "PGPASSWORD=p@ss",
            "PGDATABASE=app",
            "PGSSLMODE=verify-full",
            "PGSSLROOTCERT=/ca.pem",
            "PGCHANNELBINDING=require",
            "PGTARGETSESSIONATTRS=primary",
            "PGOPTIONS=-c search_path=x",
            "PGSSLCERT=/client.pem",
            "PGSSLKEY=/client.key",
            "PGCONNECT_TIMEOUT=7",
        ] {
            has(&found, expected);
        }
    }

    #[test]
    fn of_several_servers_the_program_uses_the_one_that_accepts_writes() {
        let found = of("postgresql://ada@one,two/app?sslmode=require", 15);
        has(&found, "PGTARGETSESSIONATTRS=read-write");
        has(&found, "PGCONNECT_TIMEOUT=5");
        assert!(!found.iter().any(|variable| variable.starts_with("PGSSLCERT=")), "{found:?}");
    }

    #[test]
    fn the_authorities_of_the_system_are_named_as_the_version_needs() {
        let url = "postgresql://ada@one/app?sslmode=verify-full";
        has(&of(url, 15), "PGSSLROOTCERT=/etc/ssl/certs/ca-certificates.crt");
        has(&of(url, 16), "PGSSLROOTCERT=system");
    }

    #[test]
    fn a_socket_directory_is_the_host_of_a_program() {
        let settings = DatabaseSettings::embedded(Path::new("/run/pg"), "app");
        let found = settings.libpq_environment(15);
        assert!(
            found.contains(&("PGHOST", "/run/pg".into())) && found.contains(&("PGSSLMODE", "disable".into()))
        );
    }
}
