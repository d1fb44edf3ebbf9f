#!/usr/bin/env bash
# The demo as others see it: promtool and prometheus_client find no fault with the page; queries over what a real
# Prometheus scraped have answers, and those of the dashboards too; and the demo's spike comes out of a real Alertmanager
# as one notification, and is resolved. Needs prometheus, promtool, prometheus-alertmanager, curl, and a Python with the
# packages that tests/run.sh installs: $PYTHON, or else python3. Every port is one that the system picks.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tests/processes.sh

# Prometheus scrapes every second, so an answer comes or never will.
answered() {
    [[ -n $(promtool query instant "http://$prometheus" "$1" 2>>"$work/queries.log") ]]
}

# Whether Prometheus has kept exemplars of transactions, with both ids.
has_exemplars() {
    local now
    now=$(date +%s)
    get --output "$work/exemplars" --get "http://$prometheus/api/v1/query_exemplars" --data-urlencode "query=$1" \
        --data-urlencode "start=$((now - 600))" --data-urlencode "end=$((now + 600))" || return 1
    grep -q '"session_id":"[^"]' "$work/exemplars" && grep -q '"trx_id":"[^"]' "$work/exemplars"
}

cargo build --locked --quiet
python=${PYTHON:-python3}

# The spike begins a minute after the demo, so what waits for it comes first.
"$python" tests/alerting.py 400 >"$work/alerting.log" 2>&1 &
alerting_pid=$!
pids+=("$alerting_pid")
listening "$alerting_pid" "the receiver of notifications" "$work/alerting.log"
# As it stands, but for its times: a group waits 5 s instead of 30 s, and its next word 10 s instead of 5 min.
sed -e "s#http://localhost:5001/#http://$address/#" -e 's/group_wait: 30s/group_wait: 5s/' \
    -e 's/group_interval: 5m/group_interval: 10s/' deploy/prometheus/alertmanager.yml >"$work/alertmanager.yml"
prometheus-alertmanager --config.file="$work/alertmanager.yml" --storage.path="$work/alertmanager" \
    --web.listen-address=127.0.0.1:0 --cluster.listen-address= 2>"$work/alertmanager.log" &
alertmanager_pid=$!
pids+=("$alertmanager_pid")
listening "$alertmanager_pid" Alertmanager "$work/alertmanager.log"
alertmanager=$address

# cargo replaces itself by the program: the process is the demo's.
cargo run --locked --quiet -- demo --web.listen-address=127.0.0.1:0 >"$work/demo.out" 2>"$work/demo.log" &
demo_pid=$!
pids+=("$demo_pid")
listening "$demo_pid" "the demo" "$work/demo.log"
demo=$address

# The rules as they stand, but for their times: what looks back hours looks back 40 s, a wait of minutes takes 3 s.
for rules in recording alerts; do
    sed -E -e 's/\[(6h|1d|1h)\] offset [0-9hm]+/[40s] offset 10s/' -e 's/\[10m\]/[15s]/' -e 's/interval: 2m/interval: 2s/' \
        -e 's/keep_firing_for: 5m/keep_firing_for: 10s/' -e 's/for: [1-9][0-9]*m/for: 3s/' \
        "deploy/prometheus/$rules.yml" >"$work/$rules.yml"
done
cat >"$work/prometheus.yml" <<END
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [recording.yml, alerts.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ["$alertmanager"]}]}]}
scrape_configs:
  - {job_name: dbsession, static_configs: [{targets: ["$demo"]}]}
  # As docs/http.md has it; their samples are dropped, since the other job has them.
  - job_name: dbsession_instances
    metrics_path: /probe
    http_sd_configs: [{url: "http://$demo/sd", refresh_interval: 5s}]
    relabel_configs:
      - {source_labels: [__address__], target_label: __param_target}
      - {target_label: __address__, replacement: "$demo"}
      - {source_labels: [__param_target], target_label: instance}
    metric_relabel_configs: [{source_labels: [__name__], regex: "dbsession_.*", action: drop}]
END
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" --web.listen-address=127.0.0.1:0 \
    --enable-feature=exemplar-storage 2>"$work/prometheus.log" &
prometheus_pid=$!
pids+=("$prometheus_pid")
listening "$prometheus_pid" Prometheus "$work/prometheus.log"
prometheus=$address
wait_for 60 "$prometheus_pid" "Prometheus is not ready" get --output "$work/ready" "http://$prometheus/-/ready"

wait_for 70 "$demo_pid" "the demo is not ready" get --output "$work/ready" "http://$demo/-/ready"
get --output "$work/metrics" "http://$demo/metrics"
complaints=$(promtool check metrics <"$work/metrics" 2>&1) || die "promtool refuses the page: $complaints"
[[ -z $complaints ]] || die "promtool complains: $complaints"
echo "promtool has no complaint about $(grep -c -v '^#' "$work/metrics") series."
"$python" tests/parsers.py "http://$demo/metrics"

# Each must have an answer; a comparison has none where it does not hold.
while read -r query; do
    wait_for 30 "$prometheus_pid" "no answer to: $query" answered "$query"
    echo "Prometheus answers: $query"
done <<'END'
up{job="dbsession"} == 1
sum(dbsession_sessions) > 0
sum(dbsession_up) > 0
count(dbsession_up) == sum(dbsession_exporter_targets)
count(up{job="dbsession_instances"} == 1) == count(dbsession_up)
sum by (provider) (dbsession_sessions * on (instance_id, node_id) group_left (provider) dbsession_instance_info) > 0
histogram_quantile(0.9, sum by (le) (dbsession_active_session_age_seconds_bucket)) > 0
histogram_quantile(0.9, sum by (le) (dbsession_transaction_age_seconds_bucket)) > 0
sum(dbsession_active_session_age_seconds_bucket{le="+Inf"}) == sum(dbsession_executing_sessions)
count by (state) (dbsession_state_sessions) > 0
topk(3, dbsession_user_transaction_max_duration_seconds) > 0
sum(rate(dbsession_exporter_api_requests_total[15s])) > 0
END

ages=dbsession_transaction_age_seconds_bucket
wait_for 30 "$prometheus_pid" "no exemplars of $ages" has_exemplars "$ages"
echo "Prometheus has $(grep -o '"session_id"' "$work/exemplars" | wc -l) exemplars of $ages."

notified=0
wait "$alerting_pid" || notified=$?
pids=("$alertmanager_pid" "$demo_pid" "$prometheus_pid")
cat "$work/alerting.log"
[[ $notified -eq 0 ]] || die "the spike has not come as one notification"

# By now everything has happened that the dashboards show.
"$python" tests/grafana.py "http://$prometheus"

# Series that occur twice on a page are not refused, only counted here.
get --output "$work/own" "http://$prometheus/metrics"
for count in duplicate_timestamp out_of_order out_of_bounds; do
    grep -q "^prometheus_target_scrapes_sample_${count}_total 0\$" "$work/own" ||
        die "Prometheus dropped samples of the page: $count"
done
echo "Prometheus has dropped no sample."

# With the scraper still connected.
kill -TERM "$demo_pid"
ended=0
timeout 5 tail --pid="$demo_pid" -f /dev/null || die "the demo outlives SIGTERM by more than 5 seconds"
wait "$demo_pid" || ended=$?
pids=("$prometheus_pid" "$alertmanager_pid")
[[ $ended -eq 0 ]] || die "the demo ended with status $ended after SIGTERM"
echo "The demo has ended well."
