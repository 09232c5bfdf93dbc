//! Bounded password hashing: on all cores but one, with a short queue. When the queue is full, requests are refused, and the
//! refusal says when to retry.
//!
//! Every password that is set or checked is hashed here. For each signed-in user, at most one hash of the user's own password
//! waits or runs, so that one session cannot fill the queue. No hash runs on a thread that serves sockets.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use domain::account::{
    password::{self, HashError, HashParams, MAX_BYTES, NO_PASSWORD, Verification},
    password_strength::Strength,
};
use parking_lot::Mutex;
use protocol::id::UserId;
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use crate::core::failure::Failure;

/// The `nice` value of hashing threads.
const NICE: i32 = 10;

/// Unicode composition (NFC) shortens a text at most by this factor, in bytes of UTF-8 (Unicode, UAX 15).
const COMPOSED_FROM: usize = 4;

/// The number of permits in addition to one permit for each hashing thread. So the next sign-in can load its user while all
/// threads are hashing.
const PREPARING: usize = 1;

/// The permit to hash one password. When it is dropped, another request can get it.
pub(crate) struct HashPermit {
    _permit: OwnedSemaphorePermit,
}

/// The bounded hasher. Clones share the bounds.
#[derive(Clone)]
pub struct PasswordHasher {
    threads: Arc<HashThreads>,
    permits: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    /// How many of the waiting requests belong to signed-in users.
    waiting_users: Arc<AtomicUsize>,
    /// The highest number of requests that may wait. Signed-in users may take half of these places, so that they cannot block
    /// sign-ins.
    queue: usize,
    /// The users that have a hasher of their own (see [`Self::for_user`]). A user stays here until that hasher is dropped and
    /// its hash is done.
    busy: Arc<Mutex<HashSet<UserId>>>,
    /// The place of the user in `busy`, if this hasher was made for one user.
    slot: Option<Arc<UserSlot>>,
}

/// Threads for hashing only. A hash occupies a core for milliseconds, about as long as a time slice of the scheduler, so
/// sockets would wait for it. Therefore one core is left to other threads, and the hashing threads have a lower priority on the
/// other cores. They do not use `SCHED_IDLE`: such threads would never run while sockets or other processes keep every core
/// busy, and sign-ins would fail.
struct HashThreads {
    handle: Handle,
    own: Option<Runtime>,
}

impl HashThreads {
    /// Starts `count` threads. If that fails, the blocking threads of `fallback` are used.
    fn start(count: usize, fallback: Handle) -> Self {
        let own = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(count)
            .thread_name("hasher")
            .on_thread_start(lower_priority)
            .build();
        match own {
            Ok(own) => Self { handle: own.handle().clone(), own: Some(own) },
            Err(error) => {
                tracing::warn!(%error, "could not start hashing threads; using the shared blocking threads");
                Self { handle: fallback, own: None }
            }
        }
    }
}

impl Drop for HashThreads {
    fn drop(&mut self) {
        // The results of running hashes are not needed at shutdown.
        if let Some(own) = self.own.take() {
            own.shutdown_background();
        }
    }
}

/// Lowers the priority of this thread. Only on Linux: on other systems, a `nice` value applies to the whole process.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE) {
        tracing::debug!(%error, "could not lower the priority of a hashing thread");
    }
}

/// The place of a user in `busy`. The place is free again when this is dropped.
struct UserSlot {
    busy: Arc<Mutex<HashSet<UserId>>>,
    user: UserId,
}

impl Drop for UserSlot {
    fn drop(&mut self) {
        self.busy.lock().remove(&self.user);
    }
}

/// A waiting request. It is counted until it is dropped.
struct QueuedHash(Arc<AtomicUsize>);

impl QueuedHash {
    /// Takes a place in a queue with at most `most` places.
    ///
    /// # Errors
    /// `Busy` if the queue is full.
    fn enter(waiting: &Arc<AtomicUsize>, most: usize) -> Result<Self, Failure> {
        let queued = Self(Arc::clone(waiting));
        if waiting.fetch_add(1, Ordering::AcqRel) >= most {
            metrics::counter!("password_hashes_refused_total").increment(1);
            return Err(Failure::busy());
        }
        Ok(queued)
    }
}

impl Drop for QueuedHash {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A running hash. It is counted and timed until it is dropped.
struct RunningHash {
    began: Instant,
    _permit: HashPermit,
    _slot: Option<Arc<UserSlot>>,
}

impl RunningHash {
    fn begin(permit: HashPermit, slot: Option<Arc<UserSlot>>) -> Self {
        metrics::gauge!("password_hashes_running").increment(1);
        Self { began: Instant::now(), _permit: permit, _slot: slot }
    }
}

impl Drop for RunningHash {
    fn drop(&mut self) {
        metrics::gauge!("password_hashes_running").decrement(1);
        metrics::histogram!("password_hash_seconds").record(self.began.elapsed());
    }
}

impl PasswordHasher {
    /// A hasher with threads of its own. If they cannot be started, it uses the blocking threads of `runtime`. The number of
    /// hashes at a time is the number of cores minus one, but at least one. At most `queue` requests may wait.
    #[must_use]
    pub fn new(runtime: Handle, queue: usize) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let at_once = at_once(cores);
        let threads = HashThreads::start(at_once, runtime);
        // Shared threads do not limit the number of hashes, so the permits alone must limit it.
        let permits = at_once + if threads.own.is_some() { PREPARING } else { 0 };
        Self {
            threads: Arc::new(threads),
            permits: Arc::new(Semaphore::new(permits)),
            waiting: Arc::default(),
            waiting_users: Arc::default(),
            queue,
            busy: Arc::default(),
            slot: None,
        }
    }

    /// How many requests wait for a hash.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// The hasher for a signed-in user's own password. A user can have one such hasher at a time. The user can get another one
    /// when the first one was dropped and its hash has ended.
    ///
    /// # Errors
    /// `TooMany` while the user has another hasher.
    pub fn for_user(&self, user: UserId) -> Result<Self, Failure> {
        if !self.busy.lock().insert(user) {
            return Err(Failure::too_many(Duration::from_secs(1), "password_hash_user", 1));
        }
        let slot = UserSlot { busy: Arc::clone(&self.busy), user };
        Ok(Self { slot: Some(Arc::new(slot)), ..self.clone() })
    }

    /// The hash of a password that is strong enough for the account `email`. Checking the strength may cost as much as a hash,
    /// so the check has the same bounds.
    ///
    /// # Errors
    /// `BadRequest` that says what is wrong with the password; `Busy` if too many requests wait.
    pub async fn hash_if_strong(
        &self,
        password: SecretString,
        email: String,
    ) -> Result<SecretString, Failure> {
        self.run(move || {
            password::check(&password, &email)
                .map_err(|weakness| Failure::bad_request(weakness.code(), weakness.detail()))?;
            salted(&password)
        })
        .await?
    }

    /// The strength of a password that a user is choosing. This never waits and takes no place of a sign-in: while hashes wait, it is
    /// refused.
    ///
    /// # Errors
    /// `Busy` if no thread is free.
    pub(crate) async fn strength(&self, password: SecretString, email: String) -> Result<Strength, Failure> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| Failure::busy())?;
        let password = truncated(&password);
        self.run_with(HashPermit { _permit: permit }, move || password::strength(&password, &email)).await
    }

    /// The hash of a password of any strength, with a fresh salt.
    ///
    /// # Errors
    /// `Busy` if too many requests wait.
    pub async fn hash(&self, password: SecretString) -> Result<SecretString, Failure> {
        self.run(move || salted(&password)).await?
    }

    /// Whether the password matches the hash. If there is no hash, the answer is no, after the same work.
    ///
    /// # Errors
    /// `Busy` if too many requests wait.
    pub async fn verify(
        &self,
        password: &SecretString,
        phc: Option<String>,
    ) -> Result<Verification, Failure> {
        self.verify_with(self.permit().await?, password, phc).await
    }

    /// The same as `verify`, with a permit that was taken before.
    ///
    /// # Errors
    /// Only `Internal`, if the work panicked.
    pub(crate) async fn verify_with(
        &self,
        permit: HashPermit,
        password: &SecretString,
        phc: Option<String>,
    ) -> Result<Verification, Failure> {
        let password = truncated(password);
        self.run_with(permit, move || {
            let current = HashParams::default();
            if let Some(phc) = phc.filter(|phc| phc != NO_PASSWORD) {
                match password::verify(&password, &phc, current) {
                    Ok(verification) => return verification,
                    Err(error) => tracing::warn!(%error, "a stored password hash cannot be used"),
                }
            }
            // Without a usable hash, this comparison takes the same time. Its result is ignored.
            let _ = password::verify(&password, password::dummy_hash(), current);
            Verification { ok: false, rehash: false }
        })
        .await
    }

    /// Waits for a permit, if the queue is not full. A request that asks the database before it hashes takes its permit first.
    /// So the queries of many simultaneous requests are spread over the time of the hashes, and a refused request costs almost
    /// nothing.
    ///
    /// # Errors
    /// `Busy` if too many requests wait.
    pub(crate) async fn permit(&self) -> Result<HashPermit, Failure> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            metrics::histogram!("password_hash_wait_seconds").record(0.0);
            return Ok(HashPermit { _permit: permit });
        }
        let _of_users = match &self.slot {
            Some(_) => Some(QueuedHash::enter(&self.waiting_users, self.queue.div_ceil(2))?),
            None => None,
        };
        let queued = QueuedHash::enter(&self.waiting, self.queue)?;
        metrics::gauge!("password_hashes_waiting").set(self.waiting.load(Ordering::Acquire) as f64);
        let began = Instant::now();
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Failure::unavailable())?;
        drop(queued);
        metrics::gauge!("password_hashes_waiting").set(self.waiting.load(Ordering::Acquire) as f64);
        metrics::histogram!("password_hash_wait_seconds").record(began.elapsed());
        Ok(HashPermit { _permit: permit })
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
        self.run_with(self.permit().await?, work).await
    }

    async fn run_with<T: Send + 'static>(
        &self,
        permit: HashPermit,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let slot = self.slot.clone();
        let span = tracing::trace_span!(target: "traces", "password_hash");
        self.threads
            .handle
            .spawn_blocking(move || {
                let _entered = span.entered();
                // The permit is held until the work is done, even if the request has been dropped.
                let _running = RunningHash::begin(permit, slot);
                work()
            })
            .await
            .map_err(|_| Failure::Internal)
    }
}

/// The number of hashes that run at once. If there are several cores, one is left to other threads.
fn at_once(cores: usize) -> usize {
    cores.saturating_sub(1).max(1)
}

/// Cuts a password that is too long, so that its length causes no more work. Accepted passwords have at most [`MAX_BYTES`]
/// bytes after composition. A cut password still has more bytes than that, so it never matches.
fn truncated(password: &SecretString) -> SecretString {
    let text = password.expose_secret();
    SecretString::from(&text[..text.floor_char_boundary(COMPOSED_FROM * MAX_BYTES + 4)])
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
#[path = "password_hasher_tests.rs"]
mod tests;
