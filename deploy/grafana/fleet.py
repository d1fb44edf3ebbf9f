"""The dashboard of the fleet: every instance at a glance.

Replicas of the exporter count once: every query takes the maximum over them, by instance and node.
"""

from limits import ACTIVE, AGE, ANY, BUCKETS, IDLE, INCIDENT, RED, SCORE, STATEMENT, TRANSACTION, UP, WAITING, names
from panels import (
    annotation,
    choice,
    coloured,
    dashboard,
    heatmap,
    lines,
    link,
    query,
    stat,
    table,
    thresholds,
    timeline,
)

FILTERS = 'provider=~"$provider", account=~"$account", instance_name=~"$instance", $tag=~"$value"'
# Names the filtered targets; `target` is their path on the exporter's pages: ID, or ID/NODE.
NAMES = (
    "label_replace(label_join(max by (instance_id, node_id, instance_name) (dbsession_instance_info{" + FILTERS + "}), "
    '"target", "/", "instance_id", "node_id"), "target", "$1", "target", "(.*?)/?")'
)
OF = "{{instance_name}} {{node_id}}"
INSTANCE_LINK = (
    "/d/dbsession-instance?var-instance_id=${{__{0}.instance_id}}&var-node_id=${{__{0}.node_id}}&${{__url_time_range}}"
)
DRILL = [link("Open the instance", INSTANCE_LINK.format("field.labels"))]


def fleet(metric, *labels):
    """A metric of each filtered target, with its name; `labels` of the metric are kept."""
    by = ", ".join(("instance_id", "node_id", *labels))
    return f"max by ({by}) ({metric}) * on (instance_id, node_id) group_left (instance_name, target) {NAMES}"


FLEET_VARIABLES = [
    choice("provider", "Cloud", names("provider")),
    choice("account", "Account", 'label_values(dbsession_instance_info{provider=~"$provider"}, account)'),
    choice(
        "instance",
        "Instance",
        'label_values(dbsession_instance_info{provider=~"$provider", account=~"$account"}, instance_name)',
    ),
    choice("tag", "Tag", "label_names(dbsession_instance_info)", multi=False, every="", regex="/^(?!__)/")
    | {"current": {"text": "instance_id", "value": "instance_id"}},
    choice("value", "is", "label_values(dbsession_instance_info, $tag)"),
]

FLEET_COLUMNS = [
    (
        "State",
        fleet("dbsession_up"),
        {
            "mappings": UP,
            "custom.cellOptions": {"type": "color-text"},
        },
    ),
    ("Active", fleet("dbsession_active_sessions"), coloured(*ACTIVE)),
    ("Against usual", fleet("dbsession:active_sessions:zscore"), coloured(*SCORE) | {"decimals": 1}),
    ("Executing", fleet("dbsession_executing_sessions"), {}),
    ("Sessions", fleet("dbsession_sessions"), {}),
    ("Waiting", fleet("sum without (kind) (dbsession_waiting_sessions)"), coloured(*WAITING)),
    (
        "Longest statement",
        fleet("dbsession_active_session_max_duration_seconds"),
        {"unit": "s"} | coloured(*STATEMENT),
    ),
    (
        "Oldest transaction",
        fleet("dbsession_transaction_max_duration_seconds"),
        {"unit": "s"} | coloured(*TRANSACTION),
    ),
    (
        "Idle transaction",
        fleet("dbsession_idle_transaction_max_duration_seconds"),
        {"unit": "s"} | coloured(*IDLE),
    ),
    (
        "Age of data",
        fleet("time() - dbsession_snapshot_timestamp_seconds"),
        {"unit": "s"} | coloured(*AGE),
    ),
]

FLEET_LABELS = {
    "instance_name": ("Instance", {"links": [link("Open the instance", INSTANCE_LINK.format("data.fields"))]}),
    "target": (
        "Target",
        {"links": [link("Open its page", "${exporter}/instances/${__data.fields.Target}", blank=True)]},
    ),
    "instance_id": None,
    "node_id": None,
}

FLEET = dashboard(
    "dbsession-fleet",
    "Database sessions: fleet",
    "Every instance at a glance: who is in trouble, and who is doing it.",
    FLEET_VARIABLES,
    [
        (
            "",
            4,
            [
                stat("Targets", f"count({fleet('dbsession_up')})", about="Instances and nodes that are watched"),
                stat(
                    "Cannot be fetched",
                    f"count({fleet('dbsession_up')} == 0) or vector(0)",
                    limits=thresholds(*ANY),
                ),
                stat("Active sessions", f"sum({fleet('dbsession_active_sessions')})"),
                stat(
                    "In a spike",
                    f"count({fleet('dbsession:active_sessions:zscore')} > 4 and {fleet('dbsession_active_sessions')} >= 20) or vector(0)",
                    limits=thresholds(*ANY),
                    about="Far more active sessions than usual, and at least 20",
                ),
                stat(
                    "Waiting for locks",
                    "sum(" + fleet('dbsession_waiting_sessions{kind=~"row_lock|metadata_lock"}', "kind") + ")",
                    limits=thresholds(*WAITING),
                ),
                stat(
                    "Oldest transaction",
                    f"max({fleet('dbsession_transaction_max_duration_seconds')})",
                    unit="s",
                    limits=thresholds(*TRANSACTION),
                ),
                stat(
                    "Oldest idle transaction",
                    f"max({fleet('dbsession_idle_transaction_max_duration_seconds')})",
                    unit="s",
                    limits=thresholds(*IDLE),
                    about="Open in a sleeping session: it holds locks and does nothing",
                ),
            ],
        ),
        (
            "",
            10,
            [
                table(
                    "Instances",
                    FLEET_COLUMNS,
                    FLEET_LABELS,
                    sort="Active",
                    about="Click on a name for its dashboard, on a target for the exporter's page.",
                )
            ],
        ),
        (
            "Spikes",
            8,
            [
                lines(
                    "Active sessions, the ten highest",
                    [query(f"topk(10, {fleet('dbsession_active_sessions')})", OF)],
                    limits=thresholds((50, RED)),
                    links=DRILL,
                ),
                lines(
                    "Against usual",
                    [query(f"topk(10, {fleet('dbsession:active_sessions:zscore')})", OF)],
                    decimals=1,
                    min=None,
                    limits=thresholds((4, RED)),
                    links=DRILL,
                    about="Deviations above the average of the last six hours; more than 4 is an anomaly. Needs recording.yml.",
                ),
            ],
        ),
        (
            "",
            6,
            [
                timeline(
                    "Incidents",
                    [query(fleet("dbsession_incident_active"), OF)],
                    mappings=INCIDENT,
                    about="What the exporter's flight recorder has kept; see its page /incidents.",
                )
            ],
        ),
        (
            "Who",
            8,
            [
                lines(
                    "Users by active sessions",
                    [
                        query(
                            f"topk(10, sum by (db_user) ({fleet('dbsession_user_active_sessions', 'db_user')}))",
                            "{{db_user}}",
                        )
                    ],
                    stacked=True,
                ),
                lines(
                    "Clients by active sessions",
                    [
                        query(
                            f"topk(10, sum by (client_host) ({fleet('dbsession_client_active_sessions', 'client_host')}))",
                            "{{client_host}}",
                        )
                    ],
                    stacked=True,
                ),
            ],
        ),
        (
            "Transactions and locks",
            8,
            [
                lines(
                    "Oldest transactions",
                    [query(f"topk(10, {fleet('dbsession_transaction_max_duration_seconds')})", OF)],
                    unit="s",
                    limits=thresholds((1800, RED)),
                    links=DRILL,
                ),
                lines(
                    "Oldest idle transactions",
                    [query(f"topk(10, {fleet('dbsession_idle_transaction_max_duration_seconds')})", OF)],
                    unit="s",
                    limits=thresholds((300, RED)),
                    links=DRILL,
                ),
                lines(
                    "Waiting sessions",
                    [query(f"sum by (kind) ({fleet('dbsession_waiting_sessions', 'kind')})", "{{kind}}")],
                    stacked=True,
                ),
            ],
        ),
        (
            "Ages",
            8,
            [
                heatmap(
                    "Running statements",
                    f"sum by (le) ({fleet(BUCKETS.format('active_session'), 'le')})",
                    about="How long statements have been running, at each moment",
                ),
                heatmap(
                    "Open transactions",
                    f"sum by (le) ({fleet(BUCKETS.format('transaction'), 'le')})",
                    about="How long transactions have been open, at each moment",
                ),
            ],
        ),
    ],
    annotations=[
        annotation(
            "Kill tasks",
            'max by (instance_id, node_id, task_id) (dbsession_kill_task_state{state="running"}) == 1',
            "Kill task",
            "{{instance_id}} {{node_id}} {{task_id}}",
            "purple",
        ),
        annotation(
            "Incidents",
            "max by (instance_id, node_id) (dbsession_incident_active) == 1",
            "Incident",
            "{{instance_id}} {{node_id}}",
            RED,
        ),
    ],
    links=[
        {"title": "Fleet page", "url": "${exporter}/", "targetBlank": True},
        {"title": "Incidents", "url": "${exporter}/incidents", "targetBlank": True},
    ],
)
