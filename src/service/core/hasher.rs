//! Password hashing within bounds: as many at once as there are cores but one, a short queue, and then "come back later".
//!
//! Called by everything that makes or checks a password. A signed-in user has one at a time, so that no session can fill
//! the queue for everybody. Never runs on a thread that serves sockets.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use protocol::id::UserId;
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use crate::core::failure::Failure;
use domain::account::{
    email::Email,
    password::{self, HashError, HashParams, NO_PASSWORD, Verification},
};

/// How much more polite than other threads those that hash are (`nice`).
const NICE: i32 = 10;

/// How many more than there are threads have a turn: while the others hash, this one asks the database whom to judge.
const PREPARING: usize = 1;

/// The right to have something hashed, until it is dropped.
pub(crate) struct Turn {
    _permit: OwnedSemaphorePermit,
}

/// The bounded hasher. Clones share the bound.
#[derive(Clone)]
pub struct Hasher {
    threads: Arc<Threads>,
    turns: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    /// How many may wait.
    queue: usize,
    /// The users who are having something hashed for themselves.
    busy: Arc<Mutex<HashSet<UserId>>>,
    /// For whom this one works, if it is for one user alone.
    place: Option<Arc<Place>>,
}

/// Threads for hashing alone. A hash takes a core for milliseconds, and a scheduler lets who runs finish a slice of as many:
/// sockets would wait for it. So one core is left to everybody else, and on the others these threads stand back. Not as far
/// as they could: where sockets or neighbours keep every core busy, a thread that runs only on idle ones (`SCHED_IDLE`)
/// would hash nothing, and nobody could sign in.
struct Threads {
    handle: Handle,
    own: Option<Runtime>,
}

impl Threads {
    /// So many; if they cannot be had, those of `fallback`.
    fn start(count: usize, fallback: Handle) -> Self {
        let own = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(count)
            .thread_name("hasher")
            .on_thread_start(stand_back)
            .build();
        match own {
            Ok(own) => Self { handle: own.handle().clone(), own: Some(own) },
            Err(error) => {
                tracing::warn!(%error, "hashing has no threads of its own");
                Self { handle: fallback, own: None }
            }
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // A hash under way is of no use to anybody any more.
        if let Some(own) = self.own.take() {
            own.shutdown_background();
        }
    }
}

/// Lowers the priority of this thread. On Linux a thread has one of its own; elsewhere nothing is done.
fn stand_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE) {
        tracing::debug!(%error, "hashing runs at full priority");
    }
}

/// A user's one place, until it is dropped.
struct Place {
    busy: Arc<Mutex<HashSet<UserId>>>,
    user: UserId,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.busy.lock().remove(&self.user);
    }
}

/// Counts one that waits, for as long as it lives.
struct Waiting(Arc<AtomicUsize>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
        metrics::gauge!("password_hashes_waiting").decrement(1);
    }
}

/// One that runs, for as long as it lives.
struct Running {
    began: Instant,
    _turn: Turn,
    _place: Option<Arc<Place>>,
}

impl Running {
    fn begin(turn: Turn, place: Option<Arc<Place>>) -> Self {
        metrics::gauge!("password_hashes_running").increment(1);
        Self { began: Instant::now(), _turn: turn, _place: place }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        metrics::gauge!("password_hashes_running").decrement(1);
        metrics::histogram!("password_hash_seconds").record(self.began.elapsed());
    }
}

impl Hasher {
    /// A hasher with threads of its own, or, if they cannot be had, the blocking threads of this runtime; as many hashes run
    /// at once as there are cores but one, and `queue` may wait.
    #[must_use]
    pub fn new(runtime: Handle, queue: usize) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let at_once = at_once(cores);
        let threads = Threads::start(at_once, runtime);
        // Threads that are shared bound nothing: there, the turns alone do.
        let turns = at_once + if threads.own.is_some() { PREPARING } else { 0 };
        Self {
            threads: Arc::new(threads),
            turns: Arc::new(Semaphore::new(turns)),
            waiting: Arc::default(),
            queue,
            busy: Arc::default(),
            place: None,
        }
    }

    /// The same hasher for what a signed-in user asks about their own password. There is one per user, until it is dropped
    /// and what it began is done.
    ///
    /// # Errors
    /// `TooMany` while there is another.
    pub fn for_user(&self, user: UserId) -> Result<Self, Failure> {
        if !self.busy.lock().insert(user) {
            return Err(Failure::too_many(Duration::from_secs(1), "password_hash_user", 1));
        }
        let place = Place { busy: Arc::clone(&self.busy), user };
        Ok(Self { place: Some(Arc::new(place)), ..self.clone() })
    }

    /// The hash of a password that is good enough for the account `email`. Judging costs as much as hashing, so it has
    /// the same bounds.
    ///
    /// # Errors
    /// `BadRequest` with what is wrong with it, `Unavailable` if too many are waiting.
    pub async fn hash_if_strong(
        &self,
        password: SecretString,
        email: Email,
    ) -> Result<SecretString, Failure> {
        self.run(move || {
            password::check(password.expose_secret(), &email)
                .map_err(|weakness| Failure::bad_request(weakness.code(), weakness.detail()))?;
            salted(&password)
        })
        .await?
    }

    /// The hash of a password, whatever it is worth, with a fresh salt.
    ///
    /// # Errors
    /// `Unavailable` if too many are waiting.
    pub async fn hash(&self, password: SecretString) -> Result<SecretString, Failure> {
        self.run(move || salted(&password)).await?
    }

    /// Whether the password is that of the hash; without a hash the same work is done for the answer no.
    ///
    /// # Errors
    /// `Unavailable` if too many are waiting.
    pub async fn verify(&self, password: SecretString, phc: Option<String>) -> Result<Verification, Failure> {
        self.verify_in(self.turn().await?, password, phc).await
    }

    /// The same in a turn that was had before.
    ///
    /// # Errors
    /// `Internal` only.
    pub(crate) async fn verify_in(
        &self,
        turn: Turn,
        password: SecretString,
        phc: Option<String>,
    ) -> Result<Verification, Failure> {
        self.run_in(turn, move || {
            let current = HashParams::default();
            if let Some(phc) = phc.filter(|phc| phc != NO_PASSWORD) {
                match password::verify(&password, &phc, current) {
                    Ok(verification) => return verification,
                    Err(error) => tracing::warn!(%error, "a stored password hash cannot be used"),
                }
            }
            // The result is of no interest, the time is.
            let _ = password::verify(&password, password::dummy_hash(), current);
            Verification { ok: false, rehash: false }
        })
        .await
    }

    /// Waits for a turn, if there is still room to wait in. Whoever has to ask the database before anything can be hashed
    /// takes the turn first: what a crowd asks then spreads over the time in which it is hashed, and whoever finds no room
    /// has cost next to nothing.
    ///
    /// # Errors
    /// `Unavailable` if too many are waiting.
    pub(crate) async fn turn(&self) -> Result<Turn, Failure> {
        if let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() {
            metrics::histogram!("password_hash_wait_seconds").record(0.0);
            return Ok(Turn { _permit: turn });
        }
        metrics::gauge!("password_hashes_waiting").increment(1);
        let queued = Waiting(Arc::clone(&self.waiting));
        if self.waiting.fetch_add(1, Ordering::AcqRel) >= self.queue {
            metrics::counter!("password_hashes_refused_total").increment(1);
            return Err(Failure::unavailable());
        }
        let began = Instant::now();
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| Failure::unavailable())?;
        drop(queued);
        metrics::histogram!("password_hash_wait_seconds").record(began.elapsed());
        Ok(Turn { _permit: turn })
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
        self.run_in(self.turn().await?, work).await
    }

    async fn run_in<T: Send + 'static>(
        &self,
        turn: Turn,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let place = self.place.clone();
        self.threads
            .handle
            .spawn_blocking(move || {
                // Held until the work is done, also when nobody waits for it any more.
                let _running = Running::begin(turn, place);
                work()
            })
            .await
            .map_err(|_| Failure::Internal)
    }
}

/// How many hashes run at once on so many cores: one core is for everybody else.
fn at_once(cores: usize) -> usize {
    cores.saturating_sub(1).max(1)
}

fn salted(password: &SecretString) -> Result<SecretString, Failure> {
    let mut salt = [0; 16];
    let filled = getrandom::fill(&mut salt).map_err(|_| HashError::Failed);
    filled
        .and_then(|()| password::hash(password, salt, HashParams::default()))
        .map(SecretString::from)
        .map_err(|error| {
            tracing::error!(%error, "a password could not be hashed");
            Failure::Internal
        })
}

#[cfg(test)]
#[path = "hasher_tests.rs"]
mod tests;
