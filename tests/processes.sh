# For scripts of this directory that start programs: they end with the script, and a script that fails shows the end of each of
# their logs, $work/*.log. Sets work, a directory that goes with the script, and pids, the processes to be ended.

work=$(mktemp -d)
pids=()
# All is on this machine; a proxy has no part in it.
export NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost

finish() {
    local status=$? pid
    trap - EXIT
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    if [[ $status -ne 0 ]]; then tail -n 15 "$work"/*.log >&2 || true; fi
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

die() {
    echo "$0: $*" >&2
    exit 1
}

# wait_for SECONDS PID WHAT COMMAND...: until the command succeeds; PID must live that long.
wait_for() {
    local until=$((SECONDS + $1)) pid=$2 what=$3
    shift 3
    until "$@"; do
        kill -0 "$pid" 2>/dev/null || die "$what: the process has ended"
        ((SECONDS < until)) || die "$what: nothing within the time allowed"
        sleep 0.2
    done
}

# Sets `address` to where a line of the log says that its program listens: the exporter, Prometheus or Alertmanager.
listens() {
    address=$(sed -En '/message=listening|msg="Listening on"/s/.* address=([0-9.]+:[0-9]+).*/\1/p' "$1" 2>/dev/null | head -n 1)
    [[ -n $address ]]
}

# listening PID WHAT LOG: waits until it does.
listening() {
    wait_for 60 "$1" "$2 does not listen" listens "$3"
}

# get URL [FLAG...]: fails where the answer is none, or not a good one.
get() {
    curl --silent --fail --max-time 10 "$@"
}
