#!/usr/bin/env bash
# How the exporter carries a fleet: 1,000 instances of 1,000 sessions, then 10,000 of 20, each fetched every 15 s from a simulated
# cloud in a process of its own, all on loopback. Each fleet is watched for SECONDS_WATCHED (60) after its first round; then both
# processes are ended. Prints the exporter's share of a CPU, its memory, the time of a scrape, what a scrape costs the exporter in CPU
# time, the kernel's included, the time from a fetch's last byte to its data being on /metrics, and fetches that were missed or failed.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/common/fleet.sh"
watched=${SECONDS_WATCHED:-60}

# The sum of all series whose line begins with $1 on page $2.
sum() {
    awk -v name="$1" 'index($0, name) == 1 { total += $NF } END { printf "%.6f", total }' "$2"
}

# The smallest bound that $3 of the observations of histogram $1 between pages $2.0 and $2.1 are under.
quantile() {
    awk -v name="$1_bucket" -v share="$3" '
        index($0, name) == 1 { match($0, /le="[^"]*"/); le = substr($0, RSTART + 4, RLENGTH - 5) }
        index($0, name) == 1 && FNR == NR { before[le] = $NF }
        index($0, name) == 1 && FNR != NR { count[le] = $NF - before[le]; order[++n] = le }
        END { for (i = 1; i <= n; i++) if (count[order[i]] >= share * count["+Inf"]) { print order[i]; exit } }
    ' "$2.0" "$2.1"
}

# CPU time of process $1 so far, its own and the kernel's for it, in seconds.
cpu_seconds() {
    awk -v hertz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / hertz }' "/proc/$1/stat"
}

# Nanoseconds of CPU time that process $1 needs for each of the $2 series of a page, from $3 scrapes without gzip over loopback; what
# it needs beside them is measured over one interval without scrapes, and taken off.
scrape_cost() {
    local idle busy began ended
    idle=$(cpu_seconds "$1")
    sleep 15
    busy=$(cpu_seconds "$1")
    began=$(date +%s.%N)
    for ((i = 0; i < $3; i++)); do get "$address" /metrics -o /dev/null; done
    ended=$(date +%s.%N)
    awk -v after="$(cpu_seconds "$1")" -v busy="$busy" -v idle="$idle" -v span="$ended $began" -v series="$2" -v scrapes="$3" '
        BEGIN {
            split(span, at, " ")
            beside = (busy - idle) / 15 * (at[1] - at[2])
            printf "%.0f", 1e9 * (after - busy - beside) / scrapes / series
        }'
}

run() {
    local instances=$1 sessions=$2
    start_cloud "$instances" "$sessions"
    sed 's/interval: 5s, timeout: 5s, expose_sql: digest/interval: 15s, timeout: 10s/' "$work/cloud.yml" >"$work/fleet.yml"
    start_exporter "$work/fleet.yml"
    until_true 90 get "$address" /-/ready -f --no-show-error -o /dev/null
    sleep 15

    get "$address" /metrics >"$work/page.0"
    sleep "$watched"
    get "$address" /metrics >"$work/page.1"
    local seconds
    for i in 1 2 3 4 5; do
        get "$address" /metrics -o /dev/null -w '%{time_total}\n'
    done | sort -n | sed -n 3p >"$work/scrape"
    seconds=$(cat "$work/scrape")
    local cpu before after cost
    cost=$(scrape_cost "$pid" "$(sum dbsession_exporter_series "$work/page.1")" $((20 + 80000 / instances)))
    before=$(sum process_cpu_seconds_total "$work/page.0")
    after=$(sum process_cpu_seconds_total "$work/page.1")
    cpu=$(awk -v a="$after" -v b="$before" -v s="$watched" 'BEGIN { printf "%.1f", 100 * (a - b) / s }')
    printf '%d instances of %d sessions, every 15 s, watched for %d s\n' "$instances" "$sessions" "$watched"
    printf '  series                           %12.0f\n' "$(sum dbsession_exporter_series "$work/page.1")"
    printf '  fetches                          %12.0f\n' "$(awk -v a="$(sum dbsession_fetches_total "$work/page.1")" -v b="$(sum dbsession_fetches_total "$work/page.0")" 'BEGIN { print a - b }')"
    printf '  share of a CPU                   %11s%%\n' "$cpu"
    printf '  resident memory                  %9.1f MB\n' "$(awk -v b="$(sum process_resident_memory_bytes "$work/page.1")" 'BEGIN { print b / 1e6 }')"
    printf '  a scrape, whole                  %9.0f ms\n' "$(awk -v s="$seconds" 'BEGIN { print 1000 * s }')"
    printf '  CPU of a scrape, with the kernel %9.0f ns a series\n' "$cost"
    printf '  last byte to page, 99%% below     %9s s\n' "$(quantile dbsession_exporter_publish_duration_seconds "$work/page" 0.99)"
    printf '  missed cycles                    %12.0f\n' "$(sum 'dbsession_fetches_skipped_total' "$work/page.1")"
    printf '  failed fetches                   %12.0f\n' "$(awk -v a="$(sum dbsession_fetch_failures_total "$work/page.1")" -v b="$(sum dbsession_fetch_failures_total "$work/page.0")" 'BEGIN { print a - b }')"
    end
}

build
run 1000 1000
run 10000 20
