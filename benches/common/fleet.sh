# For scripts of this directory: a simulated cloud with a fleet of instances, and exporters that watch it, each in a process of its
# own, all on loopback. Everything that is started ends with the script. Sets bin, work.

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
profile=${PROFILE:-release}
bin=${CARGO_TARGET_DIR:-target}/$profile
work=$(mktemp -d)
pids=()

end() {
    exec 9>&- || true
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    pids=()
}
trap 'end; rm -rf "$work"' EXIT

die() {
    echo "$0: $*" >&2
    exit 1
}

# Waits up to $1 seconds for the rest of the line to succeed.
until_true() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [[ $SECONDS -lt $deadline ]] || die "waited in vain for: $*"
        sleep 0.2
    done
}

build() {
    command -v curl >/dev/null || die "curl is missing"
    local flags=()
    [[ $profile == debug ]] || flags=(--release)
    cargo build "${flags[@]}" --locked --example simulated_cloud --bin dbsession_exporter
}

# start_cloud INSTANCES SESSIONS: leaves the configuration for it in $work/cloud.yml.
start_cloud() {
    mkfifo "$work/input.$1"
    "$bin"/examples/simulated_cloud "$1" "$2" <"$work/input.$1" >"$work/cloud.yml" 2>"$work/cloud.log" &
    pids+=($!)
    exec 9>"$work/input.$1"
    until_true 60 awk -v n="$1" '/^  - \{account: .*, id: / { seen++ } END { exit seen != n }' "$work/cloud.yml"
}

# start_exporter CONFIGURATION FLAG...: as the service and the image run it. Sets pid, and the address at which it listens.
start_exporter() {
    GLIBC_TUNABLES=glibc.malloc.arena_max=1:glibc.malloc.hugetlb=1 \
        "$bin"/dbsession_exporter --config.file="$1" --web.listen-address=127.0.0.1:0 "${@:2}" 2>"$work/log.${#pids[@]}" &
    pid=$!
    until_true 60 grep -qs ' address=' "$work/log.${#pids[@]}"
    address=$(sed -n 's/.* address=\([^ ]*\).*/\1/p' "$work/log.${#pids[@]}" | head -n 1)
    pids+=("$pid")
}

# get ADDRESS PATH [FLAG...]
get() {
    curl -sS --noproxy '*' "${@:3}" "http://$1$2"
}
