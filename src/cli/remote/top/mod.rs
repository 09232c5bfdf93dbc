//! `portcullis top`: what a running server does, live in the terminal. `figures` reads it, `view` makes lines of it, `screen` owns the
//! terminal.

mod figures;
mod screen;
mod view;

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use clap::Args;
use time::OffsetDateTime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::{
    figures::Figures,
    screen::{Keys, Screen},
};
use super::{output, run::block_on, server_args::ServerArgs, signed_in::SignedIn, terminal};
use crate::cli::error::CliError;

/// How long a request that is under way may delay the end. It may be a renewal of the tokens.
const LAST_REQUEST: Duration = Duration::from_secs(2);

/// Shows what a running server does, live in the terminal: nodes, sockets, sign-ins, revocations, deliveries. `q` ends it.
///
/// Nodes appear when they answer; behind a load balancer, each node appears after a while. The sums over all nodes are statistics,
/// which nodes write every ten seconds. Every look is an entry of the audit log. Without a terminal, it prints one look.
#[derive(Debug, Args)]
pub(in crate::cli) struct Top {
    #[command(flatten)]
    server: ServerArgs,
    /// The seconds between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    every: u32,
}

impl Top {
    pub(in crate::cli) fn run(self) -> Result<(), CliError> {
        block_on(async {
            let server = SignedIn::open(&self.server)?;
            let mut figures = Figures::new(server.server());
            if !io::stdout().is_terminal() {
                figures.read(&server).await?;
                return output::line(&view::lines(&figures, OffsetDateTime::now_utc()).join("\n"));
            }
            // The first look is outside of the screen, where questions and errors can be read.
            figures.read(&server).await?;
            self.live(&server, &mut figures).await
        })
    }

    async fn live(&self, server: &SignedIn, figures: &mut Figures) -> Result<(), CliError> {
        let mut ends = Ends::listen()?;
        let screen = Screen::enter()?;
        let every = Duration::from_secs(self.every.into());
        loop {
            draw(&screen, figures)?;
            let woken = tokio::select! {
                () = ends.asked() => return Ok(()),
                () = tokio::time::sleep(every) => true,
                () = screen::resized() => false,
            };
            if !woken {
                continue;
            }
            let read = {
                let read = figures.read(server);
                tokio::pin!(read);
                tokio::select! {
                    read = &mut read => Some(read),
                    () = ends.asked() => {
                        let _ = tokio::time::timeout(LAST_REQUEST, read).await;
                        None
                    }
                }
            };
            let Some(read) = read else { return Ok(()) };
            match read {
                Err(CliError::Unreachable(text)) => figures.note(text),
                read => read?,
            }
        }
    }
}

fn draw(screen: &Screen, figures: &Figures) -> Result<(), CliError> {
    let (width, height) = terminal::size().unwrap_or((80, 24));
    screen.show(&view::lines(figures, OffsetDateTime::now_utc()), width, height)
}

/// What ends the view: a key, or a signal.
struct Ends {
    keys: Keys,
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Ends {
    fn listen() -> Result<Self, CliError> {
        Ok(Self {
            keys: Keys::listen(),
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            () = self.keys.quit() => {}
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
