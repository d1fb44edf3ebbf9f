#!/usr/bin/env bash
# The unit of systemd: it has no mistakes, exposes little, and lets the program do all that it does. Needs systemd-analyze,
# strace, curl, python3, and the program as `cargo build` leaves it. systemd itself need not run.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tests/processes.sh
unit=deploy/systemd/dbsession_exporter.service
# Of 10; what is left is the network, which the program is for.
most_exposure=1.5

cargo build --locked --quiet
program=$(realpath "${CARGO_TARGET_DIR:-target}/debug/dbsession_exporter")

# verify wants the program to be where the unit says.
sed "s|/usr/bin/dbsession_exporter|$program|" "$unit" >"$work/dbsession_exporter.service"
complaints=$(systemd-analyze verify --man=no --recursive-errors=no "$work/dbsession_exporter.service" 2>&1) ||
    die "systemd-analyze verify refuses the unit: $complaints"
[[ -z $complaints ]] || die "systemd-analyze verify complains: $complaints"
echo "systemd-analyze verify has no complaint."

exposure=$(systemd-analyze security --offline=true --no-pager "$unit" | sed -En 's/.*Overall exposure level.*: ([0-9.]+) .*/\1/p')
[[ -n $exposure ]] || die "systemd-analyze security names no exposure"
awk -v exposure="$exposure" -v most="$most_exposure" 'BEGIN { exit !(exposure <= most) }' ||
    die "the exposure is $exposure, more than $most_exposure: systemd-analyze security --offline=true $unit"
echo "systemd-analyze security: exposure $exposure."

# The flags of the unit, with the files that a package brings.
flags=$(sed -En 's/^ExecStart=[^ ]+ (.*) \$ARGS$/\1/p' "$unit")
[[ -n $flags ]] || die "ExecStart has no flags"
flags=${flags//\/etc\/dbsession_exporter/deploy\/debian}
# shellcheck disable=SC2086 # several words
"$program" check ${flags//%S/$work} >"$work/plan" || die "the program refuses the flags of the unit"
echo "The program takes the flags of the unit."

# The members of a set of system calls, and of the sets in it.
members() {
    local name
    for name in $(systemd-analyze syscall-filter "$1" | sed -E '1d;s/#.*//'); do
        if [[ $name == @* ]]; then members "$name"; else echo "$name"; fi
    done
}

# The system calls that the lines SystemCallFilter= name; with "~", those that they take away.
filtered() {
    local name
    for name in $(sed -En "s/^SystemCallFilter=$1(@.*)/\1/p" "$unit"); do members "$name"; done | sort -u
}

# In the place of systemd, which asks for a sign of life here twice a second.
python3 -c '
import socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1])
while True:
    print(manager.recv(4096).decode(), flush=True)
' "$work/notify" >"$work/told" &
manager_pid=$!
pids+=("$manager_pid")
wait_for 30 "$manager_pid" "the socket is not there" test -S "$work/notify"

# -D: the process is the program, not strace.
NOTIFY_SOCKET=$work/notify WATCHDOG_USEC=1000000 strace -D -f -c -o "$work/calls" "$program" demo --web.listen-address=127.0.0.1:0 --storage.path="$work/state" \
    >"$work/demo.out" 2>"$work/demo.log" &
demo_pid=$!
pids+=("$demo_pid")
listening "$demo_pid" "the demo" "$work/demo.log"
wait_for 90 "$demo_pid" "the demo is not ready" get --output "$work/ready" "http://$address/-/ready"
get --output "$work/metrics" --compressed "http://$address/metrics"
get --output "$work/page" "http://$address/"
wait_for 30 "$demo_pid" "the demo does not say that it is ready" grep -q '^READY=1' "$work/told"
wait_for 30 "$demo_pid" "the demo gives no sign of life" grep -q '^WATCHDOG=1' "$work/told"
kill -HUP "$demo_pid"
wait_for 30 "$demo_pid" "the demo does not reload" grep -q 'message="configuration reloaded"' "$work/demo.log"
kill -TERM "$demo_pid"
wait "$demo_pid" || die "the demo ended with status $? after SIGTERM"
pids=("$manager_pid")
wait_for 30 "$manager_pid" "the demo does not say that it ends" grep -q '^STOPPING=1' "$work/told"
wait_for 30 "$manager_pid" "strace counts nothing" grep -q ' total$' "$work/calls"
awk '$NF ~ /^[a-z0-9_]+$/ && $NF != "total" && $NF != "syscall" { print $NF }' "$work/calls" | sort -u >"$work/used"
denied=$(comm -23 "$work/used" <(comm -23 <(filtered '') <(filtered '~')))
[[ -z $denied ]] || die "the unit denies what the program does:" $denied
echo "The unit allows all $(wc -l <"$work/used") system calls that the program makes."
