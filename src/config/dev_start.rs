//! The facts that `portcullis dev` and the tools must know before there is a database.

use std::path::PathBuf;

use super::{
    error::ConfigError,
    reader::{Command, Reader},
    table::{API_PORT, DATA_DIR, DEBUG, HTTP_PORT, TLS_PORT},
    traces::{TraceSettings, traces},
    variables::Variables,
};

/// The facts that `portcullis dev` must know before it can read the other settings.
#[derive(Clone, Debug)]
pub struct DevStart {
    /// `DEBUG`.
    pub debug: bool,
    /// `OTEL_…`.
    pub traces: Option<TraceSettings>,
    /// `DATA_DIR`.
    pub data_dir: PathBuf,
    /// `API_PORT`.
    pub http_port: u16,
    /// `TLS_PORT`.
    pub https_port: u16,
}

impl DevStart {
    /// Reads these settings. A value of the command line replaces the setting, which is then not read.
    ///
    /// # Errors
    /// Everything that is wrong with these settings and their sources.
    pub fn read(
        variables: &Variables,
        data_dir: Option<PathBuf>,
        http_port: Option<u16>,
        https_port: Option<u16>,
    ) -> Result<Self, ConfigError> {
        let mut read = Reader::new(variables, Command::Dev);
        let start = Self {
            debug: read.flag(&DEBUG),
            traces: traces(&mut read),
            data_dir: data_dir.unwrap_or_else(|| directory(&mut read)),
            http_port: http_port.unwrap_or_else(|| port(&mut read)),
            https_port: https_port.unwrap_or_else(|| read.number(&TLS_PORT)),
        };
        read.finish(start)
    }
}

/// `DATA_DIR` for tools.
///
/// # Errors
/// Everything that is wrong with the setting and its sources.
pub fn data_dir(variables: &Variables) -> Result<PathBuf, ConfigError> {
    let mut read = Reader::new(variables, Command::Dev);
    let directory = directory(&mut read);
    read.finish(directory)
}

/// `API_PORT`. Plain HTTP of a development server cannot be off, because the addresses in its summary use it.
fn port(read: &mut Reader<'_>) -> u16 {
    read.port(&API_PORT).unwrap_or_else(|| {
        read.problem("API_PORT: a development server always serves plain HTTP, so `off` is not possible");
        HTTP_PORT
    })
}

fn directory(read: &mut Reader<'_>) -> PathBuf {
    read.path(&DATA_DIR).map(PathBuf::from).unwrap_or_default()
}
