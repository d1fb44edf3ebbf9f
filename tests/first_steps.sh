#!/usr/bin/env bash
# The section "Try it" of the README, as a newcomer types it: the commands that stand there run as they stand, until the alert
# on the demo's flood fires and each query has an answer. Their ports are fixed, so they run in a network of their own, which
# has nothing but a loopback. Needs prometheus, promtool, curl, iproute2, and root or namespaces for users.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [[ ${1-} != alone ]]; then
    as_root=()
    [[ $EUID -eq 0 ]] || as_root=(--user --map-root-user)
    exec unshare "${as_root[@]}" --net tests/first_steps.sh alone
fi
ip link set lo up

. tests/processes.sh
# Where the commands make their directories, too.
export TMPDIR=$work

# The commands of the section that begin so.
commands() {
    sed -n '/^## Try it$/,/^## Use it$/s/^    //p' README.md | grep "^$1 "
}

# start NAME COMMAND: as a process of its own, which the command becomes.
start() {
    echo "\$ $2"
    bash -c "exec $2" >"$work/$1.out" 2>"$work/$1.log" &
    pids+=($!)
}

has_answer() {
    [[ -n $(bash -c "$1" 2>>"$work/queries.log") ]]
}

fires() {
    bash -c "$1" 2>>"$work/queries.log" | grep '"DBSessionActiveSessionsHigh"' | grep -q 'instance_id="rm-demo-orders"'
}

mapfile -t daemons < <(commands cargo; commands prometheus)
mapfile -t queries < <(commands promtool)
((${#daemons[@]} == 2 && ${#queries[@]} == 3)) || die "the section has other commands: ${daemons[*]} ${queries[*]}"

# What is built here is what the first command builds; how long that takes is no matter of the demo.
cargo build --release --locked --quiet
began=$SECONDS
start demo "${daemons[0]}"
wait_for 60 "$!" "the page of the demo" get --output "$work/metrics" http://localhost:10104/metrics
start prometheus "${daemons[1]}"
for query in "${queries[@]:1}"; do
    wait_for 120 "${pids[1]}" "$query" has_answer "$query"
    echo "\$ $query"
    bash -c "$query"
done
# The flood begins after a minute and lasts four; the alert waits two, and Prometheus looks each half minute.
wait_for 300 "${pids[1]}" "${queries[0]}" fires "${queries[0]}"
echo "\$ ${queries[0]}"
bash -c "${queries[0]}"
echo "The alert on the flood has fired $((SECONDS - began)) s after the start of the demo."
