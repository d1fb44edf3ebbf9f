//! Which connections are open, and what each waits for. There are never more than a fixed number: where there is no room for a
//! new one, the one that has kept the server waiting longest makes room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

/// Ample for Prometheus, pages and probes; each takes some 20 kB, and a file descriptor of the 1,024 that systems commonly give.
const MAX_CONNECTIONS: usize = 512;

/// Connections that have to make room, and are about to end; there are hardly ever so many.
const MAX_ENDING: usize = 32;

/// From the first byte to the end of a request's head; for the first request from the connection on, with the TLS handshake.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Longer than scrapes are usually apart, so that Prometheus need not connect anew.
const IDLE_TIMEOUT: Duration = Duration::from_mins(5);

/// Who has not sent a request's head by then has to make room before anybody else; nobody has to before, so that a burst of
/// connections pushes out no client that is about to send its request. Ample for a handshake across the world.
const GRACE: Duration = Duration::from_millis(500);

/// What a connection is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The head of a request is on its way since then.
    Head(Instant),
    /// A request is being answered.
    Busy,
    /// The last answer has ended then.
    Idle(Instant),
}

/// One open connection.
#[derive(Debug)]
pub(super) struct Connection {
    phase: Mutex<Phase>,
    must_go: Notify,
}

impl Connection {
    fn new() -> Self {
        Self { phase: Mutex::new(Phase::Head(Instant::now())), must_go: Notify::new() }
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that bytes came in.
    pub(super) fn received(&self) {
        let mut phase = self.phase();
        if matches!(*phase, Phase::Idle(_)) {
            *phase = Phase::Head(Instant::now());
        }
    }

    /// Notes that a request is being answered, until what is returned is dropped.
    pub(super) fn answering(self: &Arc<Self>) -> Answering {
        *self.phase() = Phase::Busy;
        Answering(Arc::clone(self))
    }

    /// When the client must have sent something more; at any time while it is the server's turn.
    pub(super) fn read_deadline(&self) -> Option<Instant> {
        match *self.phase() {
            Phase::Head(since) => Some(since + HEAD_TIMEOUT),
            Phase::Busy => None,
            Phase::Idle(since) => Some(since + IDLE_TIMEOUT),
        }
    }

    /// Waits until it has to make room.
    pub(super) async fn must_go(&self) {
        self.must_go.notified().await;
    }

    /// From when on it has to make room for others, and how willingly; never while it is being answered.
    fn may_go(&self) -> Option<(bool, Instant)> {
        match *self.phase() {
            Phase::Head(since) => Some((false, since + GRACE)),
            Phase::Idle(since) => Some((true, since)),
            Phase::Busy => None,
        }
    }
}

/// The connection is idle once this is dropped.
#[derive(Debug)]
pub(super) struct Answering(Arc<Connection>);

impl Drop for Answering {
    fn drop(&mut self) {
        *self.0.phase() = Phase::Idle(Instant::now());
    }
}

/// All open connections.
#[derive(Debug)]
pub(super) struct Connections {
    open: Mutex<Open>,
    sockets: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Open {
    last: u64,
    all: HashMap<u64, Arc<Connection>>,
}

/// The place of one connection, free again once this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    connections: Arc<Connections>,
    number: u64,
    pub(super) connection: Arc<Connection>,
    _socket: OwnedSemaphorePermit,
}

impl Connections {
    pub(super) fn new() -> Arc<Self> {
        let sockets = Arc::new(Semaphore::new(MAX_CONNECTIONS + MAX_ENDING));
        Arc::new(Self { open: Mutex::default(), sockets })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new connection; none where all others are being answered. Waits where nobody has to go yet, or too many are
    /// about to end.
    pub(super) async fn seat(self: &Arc<Self>) -> Option<Seat> {
        let socket = Arc::clone(&self.sockets).acquire_owned().await.ok()?;
        loop {
            let sat = self.open().sit();
            match sat {
                Ok((number, connection)) => {
                    let connections = Arc::clone(self);
                    return Some(Seat { connections, number, connection, _socket: socket });
                }
                Err(later) => sleep_until(later?).await,
            }
        }
    }
}

impl Open {
    /// The new connection; or from when on there is room for it, if ever.
    fn sit(&mut self) -> Result<(u64, Arc<Connection>), Option<Instant>> {
        if self.all.len() >= MAX_CONNECTIONS {
            let number = self.longest_waiting()?;
            if let Some(gone) = self.all.remove(&number) {
                gone.must_go.notify_one();
            }
        }
        self.last += 1;
        let connection = Arc::new(Connection::new());
        self.all.insert(self.last, Arc::clone(&connection));
        Ok((self.last, connection))
    }

    /// Who has to go now: the oldest with an unfinished head, else who has idled longest. Or when the next one has to.
    fn longest_waiting(&self) -> Result<u64, Option<Instant>> {
        let now = Instant::now();
        let may_go = |(number, connection): (&u64, &Arc<Connection>)| {
            connection.may_go().map(|(is_idle, from)| (from > now, is_idle, from, *number))
        };
        match self.all.iter().filter_map(may_go).min() {
            Some((false, .., number)) => Ok(number),
            later => Err(later.map(|(.., from, _)| from)),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.open().all.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    async fn goes(seat: &Seat) -> bool {
        tokio::time::timeout(Duration::from_millis(1), seat.connection.must_go()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_keeps_waiting_makes_room_and_one_that_is_answered_does_not() {
        let connections = Connections::new();
        let (idle, slow) = (connections.seat().await.unwrap(), connections.seat().await.unwrap());
        drop(idle.connection.answering());
        let mut busy = Vec::new();
        while busy.len() < MAX_CONNECTIONS - 2 {
            let seat = connections.seat().await.unwrap();
            busy.push((seat.connection.answering(), seat));
        }
        advance(GRACE).await;
        let third = connections.seat().await.unwrap();
        assert!(goes(&slow).await && !goes(&idle).await, "the head that is not finished goes first");
        let fourth = connections.seat().await.unwrap();
        assert!(goes(&idle).await && !goes(&third).await, "then who idles");
        let since = Instant::now();
        let fifth = connections.seat().await.unwrap();
        assert!(goes(&third).await && !goes(&fourth).await, "then the older one of the new ones");
        assert!(since.elapsed() > GRACE / 2, "which had time to send something");
        let answered = [fourth.connection.answering(), fifth.connection.answering()];
        assert!(connections.seat().await.is_none(), "nobody else waits");
        drop(answered);
        assert!(connections.seat().await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_a_deadline_that_further_bytes_do_not_move() {
        let connection = Arc::new(Connection::new());
        let deadline = connection.read_deadline().unwrap();
        advance(Duration::from_secs(3)).await;
        connection.received();
        assert_eq!(connection.read_deadline(), Some(deadline));
        let answering = connection.answering();
        assert_eq!(connection.read_deadline(), None);
        drop(answering);
        assert_eq!(connection.read_deadline(), Some(Instant::now() + IDLE_TIMEOUT));
        connection.received();
        assert_eq!(connection.read_deadline(), Some(Instant::now() + HEAD_TIMEOUT));
    }
}
