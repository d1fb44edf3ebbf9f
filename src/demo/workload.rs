//! The sessions of a lively database as a pure function of the second: connection pools whose load follows a day of ten
//! minutes, and scenes like a spike, a lock or a forgotten transaction that come and go. Knows no cloud and no clock.

use super::session::SimSession;

/// Seconds of a day of this world; its noon is in the middle.
const DAY: u64 = 600;

/// Every connection works once in so many of its cycles, or its pool would have closed it.
const MAX_IDLE_CYCLES: u64 = 60;

/// The age of servers and pools when the cloud starts, so that nothing is new.
const UPTIME: u64 = 4_260_107;

/// What goes on in a database.
#[derive(Clone, Copy)]
pub(super) struct Workload {
    pub pools: &'static [Pool],
    pub scenes: &'static [Scene],
    pub system: &'static [System],
}

/// The connections of an application.
pub(super) struct Pool {
    pub user: &'static str,
    pub database: &'static str,
    /// Addresses of the clients.
    pub clients: &'static [&'static str],
    pub connections: u64,
    /// How many of 1,000 connections are at work at noon.
    pub busy: u64,
    pub statements: &'static [Statement],
}

/// What a connection may be doing.
pub(super) struct Statement {
    pub command: &'static str,
    pub state: &'static str,
    pub sql: &'static str,
    pub template: &'static str,
    /// Seconds that it takes at most.
    pub seconds: u64,
    /// Whether it is in a transaction.
    pub writes: bool,
}

/// Sessions that appear together, again and again.
pub(super) struct Scene {
    /// Second of its first beginning.
    pub from: u64,
    pub lasts: u64,
    /// Seconds from one beginning to the next.
    pub every: u64,
    pub sessions: u64,
    /// Seconds from the arrival of one session to that of the next.
    pub apart: u64,
    /// Seconds between which the sessions of the first turn are killed, one after the other.
    pub killed: Option<(u64, u64)>,
    pub user: &'static str,
    pub client: &'static str,
    pub database: &'static str,
    pub command: &'static str,
    pub state: &'static str,
    pub sql: &'static str,
    pub in_transaction: bool,
}

/// A session of the server itself or of its replication.
pub(super) struct System {
    pub user: &'static str,
    pub client: &'static str,
    pub command: &'static str,
    pub state: &'static str,
}

/// How a kind of service shows its sessions.
#[derive(Clone, Copy)]
pub(super) struct View {
    /// Clients come with their port.
    pub ports: bool,
    /// A session without a transaction shows one of 0 seconds.
    pub zero_transactions: bool,
    /// Statements come with their template.
    pub templates: bool,
}

impl Workload {
    /// Connections of all pools.
    pub fn connections(&self) -> u64 {
        self.pools.iter().map(|pool| pool.connections).sum()
    }

    /// The sessions at second `now`. `seed` tells databases of the same workload apart; the pools share `connections`.
    /// A connection keeps its id.
    pub fn sessions(&self, seed: u64, connections: u64, view: View, now: u64) -> Vec<SimSession> {
        let system = (1..).zip(self.system).map(|(id, system)| system.session(view, id, now));
        let scenes =
            (1..).zip(self.scenes).flat_map(|(id, scene)| scene.sessions(view, 50_000_000 * id, now));
        let total = self.connections().max(1);
        let pools = (1..).zip(self.pools).flat_map(|(id, pool)| {
            let share = (pool.connections * connections).div_ceil(total);
            (1..=share).map(move |number| pool.session(view, seed, 1_000_000 * id + number, now))
        });
        system.chain(scenes).chain(pools).collect()
    }
}

impl Pool {
    /// A connection has cycles of its own length: in each it repeats one statement, or sleeps.
    fn session(&self, view: View, seed: u64, id: u64, now: u64) -> SimSession {
        let now = UPTIME + now;
        let cycle = 6 + dice([seed, id]) % 18;
        let time = now + dice([seed, id, 1]) % cycle;
        let (slot, at) = (time / cycle, time % cycle);
        let works = |slot: u64| {
            let kept_alive = (slot + id).is_multiple_of(MAX_IDLE_CYCLES);
            kept_alive || dice([seed, id, 2, slot]) % 1000 < self.load(slot * cycle)
        };
        let host = host(view, self.clients[below(dice([seed, id, 3]), self.clients.len())], id);
        let connection = session(id, self.user, self.database, host);
        if !works(slot) {
            let idle_cycles = (1..=MAX_IDLE_CYCLES).take_while(|back| !works(slot - back)).count() as u64;
            return connection.doing(view, "Sleep", "", "", at + cycle * idle_cycles);
        }
        let statement = &self.statements[below(dice([seed, id, 4, slot]), self.statements.len())];
        let Statement { command, state, sql, template, .. } = *statement;
        let seconds = at % (1 + dice([seed, id, 5, slot]) % statement.seconds.max(1));
        let template = view.templates.then(|| template.to_owned());
        let working = SimSession { template, ..connection.doing(view, command, state, sql, seconds) };
        working.in_transaction(statement.writes, seconds, slot)
    }

    /// How many of 1,000 connections are at work: a third of noon's at midnight.
    fn load(&self, time: u64) -> u64 {
        let hour = time % DAY;
        let daylight = hour.min(DAY - hour) * 2;
        self.busy * (DAY + 2 * daylight) / (3 * DAY)
    }
}

impl Scene {
    fn sessions(&self, view: View, id: u64, now: u64) -> impl Iterator<Item = SimSession> {
        let since = now.checked_sub(self.from);
        let (turn, age) = since.map_or((0, self.lasts), |since| (since / self.every, since % self.every));
        let present = if age < self.lasts { self.sessions } else { 0 };
        let killed = if turn == 0 { self.kills(now) } else { 0 };
        (killed..present).filter(move |number| number * self.apart <= age).map(move |number| {
            let (id, seconds) = (id + turn * 1000 + number, age - number * self.apart);
            let session = session(id, self.user, self.database, host(view, self.client, id));
            let session = session.doing(view, self.command, self.state, self.sql, seconds);
            session.in_transaction(self.in_transaction, seconds, id)
        })
    }

    /// How many sessions of the first turn are killed by second `now`, the first ones first.
    pub fn kills(&self, now: u64) -> u64 {
        let Some((first, last)) = self.killed else { return 0 };
        self.sessions * (now.clamp(first, last) - first) / (last - first).max(1)
    }
}

impl System {
    fn session(&self, view: View, id: u64, now: u64) -> SimSession {
        let session = session(id, self.user, "", host(view, self.client, id));
        SimSession { database: None, ..session.doing(view, self.command, self.state, "", UPTIME + now) }
    }
}

impl SimSession {
    fn doing(self, view: View, command: &str, state: &str, sql: &str, seconds: u64) -> Self {
        Self {
            command: text(command),
            state: text(state),
            sql: text(sql),
            time: Some(seconds.to_string()),
            trx_seconds: view.zero_transactions.then(|| "0".to_owned()),
            ..self
        }
    }

    fn in_transaction(self, open: bool, seconds: u64, serial: u64) -> Self {
        if !open {
            return self;
        }
        Self {
            trx_seconds: Some(seconds.to_string()),
            trx_id: Some((754_300_000_000 + serial).to_string()),
            ..self
        }
    }
}

fn session(id: u64, user: &str, database: &str, host: String) -> SimSession {
    SimSession { id, user: text(user), database: text(database), host: Some(host), ..SimSession::default() }
}

#[expect(clippy::unnecessary_wraps, reason = "what a session holds is optional")]
fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn host(view: View, client: &str, id: u64) -> String {
    let local = client.is_empty() || client == "localhost";
    if view.ports && !local { format!("{client}:{}", 30_000 + id % 30_000) } else { client.to_owned() }
}

/// A number that looks random, and is the same for the same parts.
fn dice<const N: usize>(parts: [u64; N]) -> u64 {
    parts.into_iter().fold(0, |seed, part| fastrand::Rng::with_seed(seed ^ part).u64(..))
}

fn below(number: u64, length: usize) -> usize {
    usize::try_from(number % (length as u64).max(1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const VIEW: View = View { ports: true, zero_transactions: false, templates: true };
    const SCENE: Scene = Scene {
        from: 10,
        lasts: 20,
        every: 100,
        sessions: 4,
        apart: 5,
        killed: Some((20, 24)),
        user: "batch",
        client: "10.0.0.9",
        database: "shop",
        command: "Query",
        state: "Waiting for row lock",
        sql: "UPDATE t SET n = 1",
        in_transaction: true,
    };
    const STATEMENT: Statement = Statement {
        command: "Query",
        state: "executing",
        sql: "SELECT 1",
        template: "a7cac1a9",
        seconds: 5,
        writes: false,
    };
    const POOL: Pool = Pool {
        user: "app",
        database: "shop",
        clients: &["10.0.0.7"],
        connections: 200,
        busy: 600,
        statements: &[STATEMENT],
    };
    const WORKLOAD: Workload = Workload {
        pools: &[POOL],
        scenes: &[SCENE],
        system: &[System { user: "event_scheduler", client: "localhost", command: "Daemon", state: "" }],
    };

    fn at(now: u64) -> Vec<SimSession> {
        WORKLOAD.sessions(7, 200, VIEW, now)
    }

    fn times_of(user: &str, now: u64) -> Vec<String> {
        let sessions = at(now).into_iter().filter(|session| session.user.as_deref() == Some(user));
        sessions.map(|session| session.time.unwrap()).collect()
    }

    fn executing(now: u64) -> usize {
        at(now).iter().filter(|session| session.command.as_deref() == Some("Query")).count()
    }

    #[test]
    fn the_same_second_has_the_same_sessions_and_each_its_own_id() {
        for now in [0, 1, 17, 600] {
            let sessions = at(now);
            assert_eq!(sessions, at(now));
            let ids: HashSet<u64> = sessions.iter().map(|session| session.id).collect();
            assert_eq!(ids.len(), sessions.len());
        }
        assert_ne!(at(1), at(2));
        assert_ne!(at(1), WORKLOAD.sessions(8, 200, VIEW, 1));
    }

    #[test]
    fn sessions_of_a_scene_arrive_age_and_leave_with_it() {
        assert_eq!(times_of("batch", 9), [""; 0]);
        assert_eq!(times_of("batch", 16), ["6", "1"]);
        assert_eq!(times_of("batch", 129), ["19", "14", "9", "4"], "the second turn");
        assert_eq!(times_of("batch", 130), [""; 0]);
    }

    #[test]
    fn a_kill_ends_the_first_turn_session_by_session() {
        assert_eq!(times_of("batch", 20), ["10", "5", "0"]);
        assert_eq!(times_of("batch", 22), ["2"]);
        assert_eq!(times_of("batch", 24), [""; 0]);
        assert_eq!(times_of("batch", 28), [""; 0]);
    }

    #[test]
    fn more_connections_work_at_noon_than_at_midnight() {
        let (noon, midnight) = (DAY * 10 - UPTIME % DAY + DAY / 2, DAY * 10 - UPTIME % DAY);
        let around = |time: u64| (time..time + 20).map(executing).sum::<usize>();
        assert!(around(noon) > 2 * around(midnight), "{} {}", around(noon), around(midnight));
    }

    #[test]
    fn a_statement_ages_by_the_second_until_it_ends() {
        let (now, next) = (at(200), at(201));
        let mut aged = 0;
        for (now, next) in now.iter().zip(&next).filter(|(now, next)| now.id == next.id) {
            let time = |session: &SimSession| session.time.as_deref().unwrap().parse::<u64>().unwrap();
            if now.command == next.command && time(next) > 0 {
                assert_eq!(time(next), time(now) + 1, "{now:?} {next:?}");
                aged += 1;
            }
        }
        assert!(aged > 100);
    }

    #[test]
    fn a_view_decides_over_ports_templates_and_empty_transactions() {
        let plain = View { ports: false, zero_transactions: true, templates: false };
        let (rich, plain) = (at(15), WORKLOAD.sessions(7, 200, plain, 15));
        let host = |sessions: &[SimSession]| sessions.last().unwrap().host.clone().unwrap();
        assert!(host(&rich).starts_with("10.0.0.7:") && host(&plain) == "10.0.0.7");
        assert!(rich.iter().any(|session| session.template.is_some()));
        assert!(plain.iter().all(|session| session.template.is_none() && session.trx_seconds.is_some()));
        assert_eq!(rich[0].host.as_deref(), Some("localhost"));
    }

    #[test]
    fn pools_share_the_connections_asked_for() {
        let count = |connections| WORKLOAD.sessions(7, connections, VIEW, 0).len() - WORKLOAD.system.len();
        assert_eq!((count(200), count(5000), count(1)), (200, 5000, 1));
    }
}
