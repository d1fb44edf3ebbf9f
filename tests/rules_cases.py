"""The tables of `rules.py`: what makes each alert fire, what it then says, and what must not; and what is recorded.

Numbers stand close to the thresholds on both sides, so that a threshold that moves by a fifth is noticed.
"""

from dataclasses import dataclass

TARGET = {"instance_id": "pc-1", "node_id": "pi-1", "team": "shop"}
ALIBABA = {"provider": "alibaba", "account": "ali"}


def of(name, **labels):
    """A series: its name, and the labels that it has beside those of its case."""
    return name, tuple(sorted(labels.items()))


@dataclass(frozen=True)
class Case:
    """How an alert behaves."""

    alert: str
    # Each series with its values in calm and in trouble: a number, a climb a step like "+5", or None for no series.
    series: dict
    # Troubles that are none: each replaces some of the series.
    quiet: list
    summary: str
    description: str
    base: dict
    # Labels of the alert beyond those of the case and of the rule.
    labels: dict
    step: str = "1m"
    # Steps of calm.
    began: int = 20
    # Steps that a window of the rule looks back.
    lag: int = 0
    # Whether it fires because there are no data.
    absent: bool = False


@dataclass(frozen=True)
class Recorded:
    """What a recording rule yields."""

    record: str
    name: str
    series: dict
    at: str
    # Pairs of labels and value.
    samples: list
    step: str = "1m"


def target(alert, series, quiet, summary, description, **more):
    more.setdefault("labels", {})
    return Case(alert, series, quiet, summary, description, TARGET, **more)


def exporter(alert, series, quiet, summary, description, base=None, **more):
    more.setdefault("labels", {})
    return Case(alert, series, quiet, summary, description, base or {}, **more)


ACTIVE = of("dbsession_active_sessions")
SESSIONS = of("dbsession_sessions")
REPORTS = of("dbsession_user_active_sessions", db_user="reports")
APP = of("dbsession_user_active_sessions", db_user="app")
REST = of("dbsession_user_active_sessions", db_user="other")
CLIENT = of("dbsession_client_active_sessions", client_host="10.0.7.1")
IDLE = of("dbsession_idle_transaction_max_duration_seconds")
UP = of("dbsession_up")
SUCCESS = of("dbsession_last_success_timestamp_seconds")
HELD = of("dbsession_fetches_skipped_total", reason="auth_hold")
FAILED = of("dbsession_fetch_failures_total", reason="timeout")
REQUESTS = of("dbsession_exporter_api_requests_total", operation="GetMySQLAllSessionAsync")
THROTTLED = of("dbsession_exporter_api_requests_throttled_total", operation="GetMySQLAllSessionAsync")
WANTED = of("dbsession_exporter_api_wanted_calls_per_second")
PLANNED = of("dbsession_exporter_api_planned_calls_per_second")
SHARD = of("dbsession_exporter_shard")
SHARDS = of("dbsession_exporter_total_shards")
TASK_FAILED = of("dbsession_kill_task_state", task_id="t1", state="failure")
TASK_ERROR = of("dbsession_kill_task_state", task_id="t1", state="error")
NOT_KILLED = of("dbsession_kill_task_sessions", task_id="t1", result="failed")
DENIED = of("dbsession_kill_task_results", task_id="t1", reason="no_permission")


def pair(first, second):
    """Two processes of one job with a number of shard and of shards each."""
    return {
        of(name, instance=f"10.0.1.{number}:10104", pod=f"s-{number}"): (calm, trouble)
        for number, process in enumerate((first, second))
        for (name, _), (calm, trouble) in zip((SHARD, SHARDS), process)
    }


ALERTS = [
    target(
        "DBSessionActiveSessionsHigh",
        {ACTIVE: (10, 58), REPORTS: (0, 48), APP: (10, 10), CLIENT: (1, 1)},
        [{ACTIVE: (10, 50)}],
        "58 active sessions on pc-1/pi-1",
        "More than 50 sessions are active. The most active users: reports (48), app (10).",
    ),
    target(
        "DBSessionActiveSessionsAnomalous",
        {ACTIVE: (11, 20), REPORTS: (0, 9), APP: (11, 11)},
        [{ACTIVE: (12, 20)}, {ACTIVE: (10, 19)}],
        "Unusually many active sessions on pc-1/pi-1",
        "Active sessions are 4.5 deviations above what was usual in the last hours. The most active users: app "
        "(11), reports (9).",
        began=60,
    ),
    target(
        "DBSessionActiveSessionsAboveP99",
        {ACTIVE: (12, 20), REPORTS: (0, 8), APP: (12, 12)},
        [{ACTIVE: (14, 21)}, {ACTIVE: (12, 18)}, {ACTIVE: (12, 19)}],
        "More active sessions on pc-1/pi-1 than at any busy time of the last day",
        "20 sessions are active, more than 1.5 times the 99th percentile of the last day. The most active users: "
        "app (12), reports (8).",
        began=60,
    ),
    target(
        "DBSessionActiveSessionsUnseasonal",
        {ACTIVE: (9, 20), REPORTS: (0, 11), APP: (9, 9)},
        [{ACTIVE: (12, 24)}, {ACTIVE: (9, 19)}],
        "More active sessions on pc-1/pi-1 than at this hour of the last weeks",
        "20 sessions are active, more than twice the average around this hour one to three weeks ago. The most "
        "active users: reports (11), app (9).",
        step="10m",
        began=6 * 24 * 7 + 6,
    ),
    target(
        "DBSessionActiveRatioHigh",
        {SESSIONS: (25, 25), ACTIVE: (10, 21), APP: (10, 21)},
        [{ACTIVE: (10, 20)}, {SESSIONS: (22, 22), ACTIVE: (10, 19)}],
        "84% of all sessions on pc-1/pi-1 are active",
        "Pools have no idle connections left, so applications are about to wait for one, or to fail. The most "
        "active users: app (21).",
    ),
    target(
        "DBSessionUserDominates",
        {ACTIVE: (10, 32), REPORTS: (3.5, 22), APP: (6.5, 10), REST: (0, 1), CLIENT: (3, 22)},
        [
            {REPORTS: (3, 21), APP: (7, 14)},
            {REPORTS: (3, 19), APP: (7, 9)},
            {REPORTS: (5, 22), APP: (7, 10)},
            {REST: (0, 22), REPORTS: (0, 1)},
        ],
        "reports has 66.67% of the active sessions on pc-1/pi-1",
        "That is not its usual share. Its statements, or the number of its clients, have changed. The most active "
        "clients: 10.0.7.1 (22).",
        labels={"db_user": "reports"},
        began=60,
    ),
    target(
        "DBSessionLongTransaction",
        {
            of("dbsession_transaction_max_duration_seconds"): (10, 1860),
            of("dbsession_user_transaction_max_duration_seconds", db_user="reports"): (10, 1860),
            of("dbsession_user_transaction_max_duration_seconds", db_user="app"): (1, 1),
        },
        [{of("dbsession_transaction_max_duration_seconds"): (10, 1800)}],
        "A transaction on pc-1/pi-1 is open for 31m 0s",
        "It holds its locks, and the undo log grows as long as it is open. The oldest are of: reports (31m 0s), "
        "app (1s).",
    ),
    target(
        "DBSessionIdleTransaction",
        {IDLE: (0, 330)},
        [{IDLE: (0, 300)}],
        "A transaction on pc-1/pi-1 is open for 5m 30s while its session sleeps",
        "It does nothing and holds its locks: mostly an application that has forgotten to commit, or a person's "
        "console.",
    ),
    target(
        "DBSessionLockPileUp",
        {of("dbsession_waiting_sessions", kind="row_lock"): (0, 6)},
        [
            {of("dbsession_waiting_sessions", kind="row_lock"): (0, 5)},
            {
                of("dbsession_waiting_sessions", kind="row_lock"): (0, 0),
                of("dbsession_waiting_sessions", kind="other"): (0, 60),
            },
        ],
        "6 sessions on pc-1/pi-1 wait for a lock (row_lock)",
        "They wait for a session that holds the lock: see the oldest transactions, and for a metadata lock a "
        "change of a table.",
        labels={"kind": "row_lock"},
    ),
    target(
        "DBSessionSlowSessions",
        {of("dbsession_slow_sessions"): (1, 11), REPORTS: (1, 11)},
        [{of("dbsession_slow_sessions"): (1, 10)}],
        "11 statements on pc-1/pi-1 run longer than they should",
        "More than 10 statements at a time have been running longer than slow_session_threshold. The most active "
        "users: reports (11).",
    ),
    target(
        "DBSessionFetchFailing",
        {UP: (1, 0), SUCCESS: (60, 60), HELD: (0, 0), FAILED: ("+0", "+2")},
        [{UP: (1, 1)}, {HELD: (None, "+0.05")}],
        "The sessions of pc-1/pi-1 cannot be fetched",
        "Its data are old or gone, and no other alert of it can be trusted. Reasons of the last 10 minutes: "
        "timeout.",
        lag=10,
    ),
    target(
        "DBSessionFetchFailing",
        {UP: (None, None), SUCCESS: (None, 0), HELD: (0, 0), FAILED: (0, 0)},
        [{SUCCESS: (None, 1)}],
        "The sessions of pc-1/pi-1 cannot be fetched",
        "Its data are old or gone, and no other alert of it can be trusted. Reasons of the last 10 minutes: none.",
        lag=10,
    ),
    exporter(
        "DBSessionFetchThrottled",
        {REQUESTS: (None, "+100"), THROTTLED: (None, "+6")},
        [{THROTTLED: (None, "+5")}],
        "alibaba throttles 6% of the calls of account ali",
        "The cloud allows fewer calls than rate_limit says, or others use up the quota of the account.",
        base=ALIBABA,
        lag=10,
    ),
    exporter(
        "DBSessionPlanStretched",
        {WANTED: (3, 13), PLANNED: (3, 10)},
        [{WANTED: (3, 12)}],
        "Instances of account ali are fetched 1.3 times less often than configured",
        "Its das targets need more calls than rate_limit allows, so their intervals are stretched.",
        base=ALIBABA | {"service": "das"},
    ),
    exporter(
        "DBSessionAuthHeld",
        {of("dbsession_exporter_targets", provider="alibaba", state="held"): (0, 1)},
        [
            {of("dbsession_exporter_targets", provider="alibaba", state="held"): (0, 0)},
            {
                of("dbsession_exporter_targets", provider="alibaba", state="held"): (0, 0),
                of("dbsession_exporter_targets", provider="alibaba", state="down"): (0, 1),
            },
        ],
        "Targets of alibaba are held after an authentication failure",
        "A key, token or role is refused, and 1 targets are not fetched. The exporter waits, so that the cloud "
        "does not lock the key for everybody.",
        labels={"provider": "alibaba", "state": "held"},
    ),
    exporter(
        "DBSessionCredentialsExpiring",
        {of("dbsession_exporter_credentials_expiry_timestamp_seconds"): (36000, 21 * 60 + 170)},
        [{of("dbsession_exporter_credentials_expiry_timestamp_seconds"): (36000, 21 * 60 + 200)}],
        "The credentials of account ali are not renewed",
        "1m 50s are left; then nothing of the account can be fetched.",
        base=ALIBABA,
    ),
    target(
        "DBSessionKillTaskFailed",
        {TASK_FAILED: (0, 1), TASK_ERROR: (0, 0), NOT_KILLED: (0, 0), DENIED: (0, 3)},
        [{TASK_FAILED: (0, 0)}],
        "A kill task on pc-1/pi-1 has not ended all its sessions",
        "Task t1 failed, or left sessions alive. What became of its sessions: no_permission (3).",
        labels={"task_id": "t1"},
    ),
    target(
        "DBSessionKillTaskFailed",
        {TASK_FAILED: (0, 0), TASK_ERROR: (0, 0), NOT_KILLED: (0, 1), DENIED: (0, 1)},
        [{NOT_KILLED: (0, 0)}],
        "A kill task on pc-1/pi-1 has not ended all its sessions",
        "Task t1 failed, or left sessions alive. What became of its sessions: no_permission (1).",
        labels={"task_id": "t1"},
    ),
    target(
        "DBSessionUnlistedSessions",
        {of("dbsession_unlisted_sessions"): (0, 11), SESSIONS: (100, 100)},
        [{of("dbsession_unlisted_sessions"): (0, 10)}],
        "11% of the sessions on pc-1/pi-1 are counted, but not listed",
        "The cloud cuts its list, or max_pages does. Ages, waits and transactions are those of the listed sessions "
        "alone.",
    ),
    exporter(
        "DBSessionReloadFailed",
        {of("dbsession_exporter_config_last_reload_successful"): (1, 0)},
        [{of("dbsession_exporter_config_last_reload_successful"): (1, 1)}],
        "The exporter refuses its new configuration",
        "It goes on with the old one. Its log lists every problem; `check` does the same.",
    ),
    exporter(
        "DBSessionShardMismatch",
        {SHARD: (0, 0), SHARDS: (1, 2)},
        [{SHARDS: (1, 1)}],
        "The shards of job dbsession do not make a whole",
        "Some instances are fetched by nobody, or by two. All processes need the same --total-shards, and each "
        "shard has to run.",
    ),
    exporter(
        "DBSessionShardMismatch",
        pair(((0, 0), (2, 2)), ((1, 1), (2, 3))),
        [pair(((0, 0), (2, 2)), ((1, 1), (2, 2)))],
        "The shards of job dbsession do not make a whole",
        "Some instances are fetched by nobody, or by two. All processes need the same --total-shards, and each "
        "shard has to run.",
    ),
    exporter(
        "DBSessionExporterDown",
        {of("up"): (1, 0), of("up", instance="10.0.0.3:10104", pod="c"): (1, 1)},
        [{of("up"): (1, 1)}],
        "A process of job dbsession cannot be scraped",
        "It has ended, hangs, or is out of reach. Another replica may still do its work: see "
        "DBSessionExporterAbsent.",
    ),
    exporter(
        "DBSessionExporterAbsent",
        {of("up"): (1, 0)},
        [{of("up", instance="10.0.0.3:10104", pod="c"): (1, 1)}],
        "No exporter of database sessions can be scraped",
        "There are no data of any instance, and none of the other alerts can fire.",
        absent=True,
    ),
]

# A window may or may not have the sample at its very beginning, as Prometheus' version has it: it is left out.
RECORDED = [
    Recorded(
        "dbsession:active_sessions",
        "the larger of two replicas",
        {ACTIVE: "3x9", of("dbsession_active_sessions", instance="10.0.0.2:10104", pod="b"): "4x9"},
        "5m",
        [({}, 4)],
    ),
    Recorded(
        "dbsession:user_active_sessions:share",
        "by user, without the rest",
        {REPORTS: "6x9", APP: "3x9", REST: "3x9"},
        "5m",
        [({"db_user": "reports"}, 0.5), ({"db_user": "app"}, 0.25)],
    ),
    Recorded(
        "dbsession:user_active_sessions:share", "one is active", {REPORTS: "1x9"}, "5m", [({"db_user": "reports"}, 1)]
    ),
    Recorded("dbsession:user_active_sessions:share", "nobody is active", {REPORTS: "0x9", APP: "0x9"}, "5m", []),
    Recorded(
        "dbsession:active_sessions:baseline_avg",
        "six hours to half an hour ago",
        {ACTIVE: "1000x31 stale 10x179 30x179 500x60"},
        "422m",
        [({}, 20)],
    ),
    Recorded(
        "dbsession:active_sessions:baseline_stddev",
        "of an uneven load",
        {ACTIVE: "1000x31 stale 10x179 30x179 500x60"},
        "422m",
        [({}, 10)],
    ),
    Recorded(
        "dbsession:active_sessions:baseline_stddev",
        "over the floor",
        {ACTIVE: "84x24 116x24 500x60"},
        "79m",
        [({}, 16)],
    ),
    Recorded(
        "dbsession:active_sessions:baseline_stddev",
        "under the floor",
        {ACTIVE: "87x24 113x24 500x60"},
        "79m",
        [({}, 15)],
    ),
    Recorded("dbsession:active_sessions:baseline_stddev", "of an even load", {ACTIVE: "100x90"}, "80m", [({}, 15)]),
    Recorded("dbsession:active_sessions:baseline_stddev", "of next to no load", {ACTIVE: "4x90"}, "80m", [({}, 2)]),
    Recorded(
        "dbsession:active_sessions:zscore", "deviations above the average", {ACTIVE: "100x59 160x30"}, "80m", [({}, 4)]
    ),
    Recorded(
        "dbsession:user_active_sessions:baseline_share",
        "six hours to half an hour ago",
        {REPORTS: "9x31 stale 0x179 2x179 9x60", APP: "1x31 stale 4x179 2x179 1x60"},
        "422m",
        [({"db_user": "reports"}, 0.25), ({"db_user": "app"}, 0.75)],
    ),
    Recorded(
        "dbsession:active_sessions:p99_1d",
        "of a day until half an hour ago",
        {ACTIVE: "99x31 stale 8x42 7x1396 500x60"},
        "1502m",
        [({}, 8)],
    ),
    Recorded(
        "dbsession:active_sessions:seasonal_avg",
        "of three weeks",
        {ACTIVE: "99x2 stale 8x2 12x2 99x1000 stale 18x2 22x2 99x1000 stale 28x2 32x2 99x1100"},
        "505h",
        [({}, 20)],
        step="10m",
    ),
]
