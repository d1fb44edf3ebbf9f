"""The dashboard of the exporter itself: one process, or all."""

from limits import ANY, RED, RELOAD, YELLOW, at_least
from panels import choice, dashboard, heatmap, lines, query, stat, thresholds

JOB = 'job=~"$job", instance=~"$process"'


def own(metric, *labels, where=""):
    by = f" by ({', '.join(labels)})" if labels else ""
    return f"sum{by} (dbsession_exporter_{metric}{{{JOB}{where and ', ' + where}}})"


def rate(metric, *labels):
    return f"sum by ({', '.join(labels)}) (rate({metric}{{{JOB}}}[$__rate_interval]))"


EXPORTER = dashboard(
    "dbsession-exporter",
    "Database sessions: exporter",
    "Whether the exporter itself is well: fetching, quotas, credentials, and what it uses.",
    [
        choice("job", "Job", "label_values(dbsession_exporter_build_info, job)"),
        choice("process", "Process", 'label_values(dbsession_exporter_build_info{job=~"$job"}, instance)'),
    ],
    [
        (
            "",
            4,
            [
                stat("Processes", f"count(dbsession_exporter_build_info{{{JOB}}})"),
                stat("Targets up", own("targets", where='state="up"')),
                stat("Down or held", own("targets", where='state=~"down|held"'), limits=thresholds(*ANY)),
                stat(
                    "Reload",
                    f"min(dbsession_exporter_config_last_reload_successful{{{JOB}}})",
                    limits=at_least(1),
                    mappings=RELOAD,
                ),
                stat("Series", f"sum(dbsession_exporter_series{{{JOB}}})"),
                stat(
                    "Schedule lag",
                    f"max(dbsession_exporter_schedule_lag_seconds{{{JOB}}})",
                    unit="s",
                    limits=thresholds((5, YELLOW), (30, RED)),
                ),
                stat(
                    "Credentials end in",
                    f"min(dbsession_exporter_credentials_expiry_timestamp_seconds{{{JOB}}}) - time()",
                    unit="s",
                    limits=at_least(180),
                ),
                stat(
                    "Missing shards",
                    "max(dbsession_exporter_total_shards{"
                    + JOB
                    + '}) - count(count_values("shard", dbsession_exporter_shard{'
                    + JOB
                    + "}))",
                    limits=thresholds(*ANY),
                ),
            ],
        ),
        (
            "Fetching",
            8,
            [
                lines("Targets by state", [query(own("targets", "state"), "{{state}}")], stacked=True),
                lines(
                    "Failed fetches a second",
                    [query(rate("dbsession_fetch_failures_total", "reason"), "{{reason}}")],
                    stacked=True,
                ),
                lines(
                    "Skipped fetches a second",
                    [query(rate("dbsession_fetches_skipped_total", "reason"), "{{reason}}")],
                    stacked=True,
                ),
            ],
        ),
        (
            "The clouds",
            8,
            [
                lines(
                    "Calls a second against the limit",
                    [
                        query(
                            own("api_planned_calls_per_second", "account", "service"), "planned {{account}} {{service}}"
                        ),
                        query(
                            own("api_wanted_calls_per_second", "account", "service"), "wanted {{account}} {{service}}"
                        ),
                        query(
                            own("api_quota_calls_per_second", "account", "service"), "limit {{account}} {{service}}"
                        ),
                    ],
                    about="Where more is wanted than planned, intervals are stretched.",
                ),
                lines(
                    "Calls a second",
                    [
                        query(
                            rate("dbsession_exporter_api_requests_total", "account", "operation"),
                            "{{operation}} {{account}}",
                        )
                    ],
                    stacked=True,
                ),
                lines(
                    "Refused and failed calls a second",
                    [
                        query(
                            rate("dbsession_exporter_api_requests_throttled_total", "account", "operation"),
                            "throttled {{operation}} {{account}}",
                        ),
                        query(
                            rate("dbsession_exporter_api_request_failures_total", "account", "operation", "reason"),
                            "{{reason}} {{operation}} {{account}}",
                        ),
                    ],
                    stacked=True,
                ),
            ],
        ),
        (
            "",
            8,
            [
                heatmap(
                    "Duration of calls",
                    rate("dbsession_exporter_api_request_duration_seconds_bucket", "le"),
                    exemplar=False,
                ),
                lines(
                    "Duration of calls, 99 %",
                    [
                        query(
                            f"histogram_quantile(0.99, {rate('dbsession_exporter_api_request_duration_seconds_bucket', 'le', 'operation')})",
                            "{{operation}}",
                        )
                    ],
                    unit="s",
                ),
                lines(
                    "Waiting for the rate limit",
                    [
                        query(
                            rate("dbsession_exporter_rate_limiter_wait_seconds_total", "account", "service"),
                            "{{account}} {{service}}",
                        )
                    ],
                    unit="s",
                    about="Seconds waited in each second, by all fetches together",
                ),
            ],
        ),
        (
            "The process",
            7,
            [
                lines("Memory", [query(f"process_resident_memory_bytes{{{JOB}}}", "{{instance}}")], unit="bytes"),
                lines(
                    "CPU", [query(rate("process_cpu_seconds_total", "instance"), "{{instance}}")], unit="percentunit"
                ),
                lines("Open files", [query(f"process_open_fds{{{JOB}}}", "{{instance}}")]),
                lines("Scrapes", [query(f"scrape_duration_seconds{{{JOB}}}", "{{instance}}")], unit="s"),
            ],
        ),
    ],
    links=[{"title": "Configuration", "url": "${exporter}/config", "targetBlank": True}],
)
