#!/usr/bin/env bash
# How four processes share 10,000 instances of a simulated cloud: prints what each holds and calls, and fails where they do not make
# a whole, hold an instance twice, or call more than an account may. INSTANCES, RATE (calls a second of each account and service)
# and PROFILE (release or debug) may be set; it takes some three minutes. All on loopback; ends every process that it started.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/common/fleet.sh"
instances=${INSTANCES:-10000}
rate=${RATE:-200}
shards=4
watched=30

# The path $2 of shard $1.
ask() {
    get "${addresses[$1]}" "$2"
}

# Whether every target of shard $1 has been fetched once.
is_fetched() {
    ask "$1" /metrics | awk '
        /^dbsession_exporter_targets\{.*state="pending"/ { pending += $NF }
        /^dbsession_exporter_targets\{/ { targets += $NF }
        END { exit !(targets > 0 && pending == 0) }'
}

# What all shards together have called so far, account by account, beside the time at which it was asked.
calls() {
    date +%s.%N
    for ((shard = 0; shard < shards; shard++)); do ask "$shard" /metrics; done | awk '
        /^dbsession_exporter_api_requests_total\{/ {
            match($0, /account="[^"]*"/)
            calls[substr($0, RSTART + 9, RLENGTH - 10)] += $NF
        }
        END { for (account in calls) print account, calls[account] }' | sort
}

build
start_cloud "$instances" 5
sed -E "s/interval: 5s, timeout: 5s/interval: 30s, timeout: 20s/; s#(das|ddm): [0-9]+/s#\1: $rate/s#g" "$work/cloud.yml" >"$work/fleet.yml"

addresses=()
for ((shard = 0; shard < shards; shard++)); do
    start_exporter "$work/fleet.yml" --shard="$shard" --total-shards="$shards"
    addresses+=("$address")
done
for ((shard = 0; shard < shards; shard++)); do
    until_true 300 is_fetched "$shard"
    ask "$shard" /sd | grep -o '"targets":\["[^"]*"' >"$work/held.$shard" || die "shard $shard holds nothing"
    ask "$shard" /metrics | grep '^dbsession_up{' | wc -l >"$work/shown.$shard"
    printf 'shard %d holds %5d targets, and shows %5d\n' "$shard" "$(wc -l <"$work/held.$shard")" "$(cat "$work/shown.$shard")"
done

"$bin"/dbsession_exporter check --config.file="$work/fleet.yml" >"$work/plan"
expected=$(sed -n 's/^\([0-9]*\) targets, .*/\1/p' "$work/plan")
held=$(cat "$work"/held.* | wc -l)
distinct=$(sort -u "$work"/held.* | wc -l)
shown=$(awk '{ shown += $1 } END { print shown }' "$work"/shown.*)
printf 'together %d of %d targets, %d of them distinct, %d shown\n' "$held" "$expected" "$distinct" "$shown"
[[ $held -eq $expected && $distinct -eq $expected && $shown -eq $expected ]] || die "the shards do not make a whole"

calls >"$work/before"
sleep "$watched"
calls >"$work/after"
# Services have limits of their own: an account may call as many times its rate as it has of them.
awk -v rate="$rate" '
    FNR == 1 { span = $1 - span; next }
    FNR == NR { before[$1] = $2; next }
    {
        services = $1 == "hw-demo" ? 2 : 1
        calls = ($2 - before[$1]) / span
        printf "account %-8s %6.1f calls/s of %d\n", $1, calls, services * rate
        if (calls > services * rate) exceeded = 1
    }
    END { exit exceeded }' "$work/before" "$work/after" || die "an account was called more than it may"
