"""The dashboard of one instance, with all its nodes or one of them."""

from limits import ACTIVE, AGE, BUCKETS, IDLE, RED, STATEMENT, TRANSACTION, UP, WAITING, at_least, names
from panels import annotation, choice, dashboard, heatmap, lines, query, stat, table, thresholds

ONE = 'instance_id="$instance_id", node_id=~"$node_id"'


def one(metric, *labels, where=""):
    """A metric of the instance of the page."""
    by = ", ".join(("node_id", *labels))
    return f"max by ({by}) ({metric}{{{ONE}{where and ', ' + where}}})"


def usual(metric, more=""):
    return f"max by (node_id) (dbsession:active_sessions:{metric}{{{ONE}}}){more}"


def shares(what, metric, label):
    """Two pictures of a dimension: all of its sessions that are active, and its oldest transactions."""
    return [
        lines(
            f"Active sessions by {what}",
            [
                query(
                    f"topk(10, {one(f'dbsession_{metric}_active_sessions', label)})", f"{{{{{label}}}}} {{{{node_id}}}}"
                )
            ],
            stacked=True,
        ),
        lines(
            f"Oldest transaction by {what}",
            [
                query(
                    f"topk(10, {one(f'dbsession_{metric}_transaction_max_duration_seconds', label)})",
                    f"{{{{{label}}}}} {{{{node_id}}}}",
                )
            ],
            unit="s",
        ),
    ]


INSTANCE = dashboard(
    "dbsession-instance",
    "Database sessions: instance",
    "One instance: who works, who waits, and whose transactions are old.",
    [
        choice("instance_id", "Instance", names("instance_id"), multi=False, every=""),
        choice("node_id", "Node", 'label_values(dbsession_instance_info{instance_id="$instance_id"}, node_id)'),
    ],
    [
        (
            "",
            4,
            [
                stat(
                    "State",
                    f"min({one('dbsession_up')})",
                    limits=at_least(1),
                    mappings=UP,
                ),
                stat("Active", f"sum({one('dbsession_active_sessions')})", limits=thresholds(*ACTIVE)),
                stat("Sessions", f"sum({one('dbsession_sessions')})"),
                stat(
                    "Waiting",
                    f"sum({one('dbsession_waiting_sessions', 'kind')})",
                    limits=thresholds(*WAITING),
                ),
                stat(
                    "Longest statement",
                    f"max({one('dbsession_active_session_max_duration_seconds')})",
                    unit="s",
                    limits=thresholds(*STATEMENT),
                ),
                stat(
                    "Oldest transaction",
                    f"max({one('dbsession_transaction_max_duration_seconds')})",
                    unit="s",
                    limits=thresholds(*TRANSACTION),
                ),
                stat(
                    "Idle transaction",
                    f"max({one('dbsession_idle_transaction_max_duration_seconds')})",
                    unit="s",
                    limits=thresholds(*IDLE),
                ),
                stat(
                    "Age of data",
                    f"max(time() - {one('dbsession_snapshot_timestamp_seconds')})",
                    unit="s",
                    limits=thresholds(*AGE),
                ),
            ],
        ),
        (
            "Load",
            9,
            [
                lines(
                    "Active against usual",
                    [
                        query(one("dbsession_active_sessions"), "active {{node_id}}"),
                        query(usual("baseline_avg"), "usual {{node_id}}"),
                        query(
                            usual("baseline_avg") + " + 4 * " + usual("baseline_stddev"),
                            "unusual from here {{node_id}}",
                        ),
                    ],
                    about="The average of the last six hours, and four deviations above it. Needs recording.yml.",
                ),
                lines(
                    "Sessions",
                    [
                        query(one("dbsession_sessions"), "all {{node_id}}"),
                        query(one("dbsession_executing_sessions"), "executing {{node_id}}"),
                        query(one("dbsession_idle_sessions"), "idle {{node_id}}"),
                        query(one("dbsession_slow_sessions"), "slow {{node_id}}"),
                    ],
                ),
            ],
        ),
        (
            "What they do",
            8,
            [
                lines(
                    "States of active commands",
                    [
                        query(
                            "topk(12, "
                            + one("dbsession_state_sessions", "command", "state", where='command!="sleep"')
                            + ")",
                            "{{state}} ({{command}}) {{node_id}}",
                        )
                    ],
                    stacked=True,
                ),
                lines(
                    "Commands",
                    [query(one("dbsession_command_sessions", "command"), "{{command}} {{node_id}}")],
                    stacked=True,
                ),
                lines(
                    "Waiting",
                    [query(one("dbsession_waiting_sessions", "kind"), "{{kind}} {{node_id}}")],
                    stacked=True,
                    limits=thresholds((6, RED)),
                ),
            ],
        ),
        ("Who", 8, shares("user", "user", "db_user")),
        ("", 8, shares("client", "client", "client_host")),
        ("", 8, shares("database", "database", "db_name")),
        (
            "Ages",
            8,
            [
                heatmap(
                    "Running statements",
                    f"sum by (le) ({one(BUCKETS.format('active_session'), 'le')})",
                    about="Marks are exemplars: they name the session.",
                ),
                heatmap(
                    "Open transactions",
                    f"sum by (le) ({one(BUCKETS.format('transaction'), 'le')})",
                    about="Marks are exemplars: they name the session and the transaction.",
                ),
                lines(
                    "Transactions",
                    [
                        query(one("dbsession_transactions"), "open {{node_id}}"),
                        query(one("dbsession_long_transactions"), "long {{node_id}}"),
                        query(one("dbsession_idle_transactions"), "idle {{node_id}}"),
                    ],
                ),
            ],
        ),
        (
            "Kill tasks, templates, fetching",
            7,
            [
                table(
                    "Kill tasks",
                    [
                        ("Sessions", one("dbsession_kill_task_sessions", "task_id", "result"), {}),
                    ],
                    {"task_id": "Task", "result": "Result", "node_id": "Node"},
                    about="What became of the sessions that a task was to end",
                ),
                lines(
                    "SQL templates by sessions",
                    [
                        query(
                            f"topk(10, {one('dbsession_template_sessions', 'sql_template_id')})", "{{sql_template_id}}"
                        )
                    ],
                    stacked=True,
                    about="PolarDB-X only",
                ),
                lines(
                    "Failed fetches",
                    [
                        query(
                            "sum by (reason) (increase(dbsession_fetch_failures_total{" + ONE + "}[$__rate_interval]))",
                            "{{reason}}",
                        )
                    ],
                    stacked=True,
                ),
                lines(
                    "Fetching",
                    [
                        query(one("dbsession_fetch_interval_seconds"), "interval {{node_id}}"),
                        query(one("dbsession_fetch_duration_seconds"), "duration {{node_id}}"),
                    ],
                    unit="s",
                ),
            ],
        ),
    ],
    annotations=[
        annotation(
            "Kill tasks",
            one("dbsession_kill_task_state", "task_id", where='state="running"') + " == 1",
            "Kill task",
            "{{task_id}} {{node_id}}",
            "purple",
        ),
        annotation("Incidents", one("dbsession_incident_active") + " == 1", "Incident", "{{node_id}}", RED),
    ],
    links=[
        {"title": "Page of the instance", "url": "${exporter}/instances/${instance_id}", "targetBlank": True},
        {"title": "Page of the node", "url": "${exporter}/instances/${instance_id}/${node_id}", "targetBlank": True},
        {"title": "Incidents", "url": "${exporter}/incidents", "targetBlank": True},
    ],
)
