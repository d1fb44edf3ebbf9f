#!/usr/bin/env bash
# Every answer of the JSON API is as docs/openapi.yaml has it: schemathesis asks the demo for its examples, which name instances of
# the demo, for what the description allows, and for what it does not. Needs curl, and schemathesis in the environment of $PYTHON. Bounded in requests, and always asks the same.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
demo_pid=

finish() {
    local status=$?
    trap - EXIT
    if [[ -n $demo_pid ]]; then
        kill "$demo_pid" 2>/dev/null || true
        wait "$demo_pid" 2>/dev/null || true
    fi
    if [[ $status -ne 0 ]]; then tail -n 15 "$work"/demo.log >&2; fi
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

# The address that the demo says it listens on, within 30 s, and its readiness within another 70 s.
await_demo() {
    local until=$((SECONDS + 100))
    until address=$(sed -En '/message=listening/s/.* address=([0-9.]+:[0-9]+).*/\1/p' "$work/demo.log" | head -n 1) &&
        [[ -n $address ]] && curl --silent --fail --max-time 10 --output /dev/null "http://$address/-/ready"; do
        kill -0 "$demo_pid" 2>/dev/null || { echo "tests/openapi.sh: the demo has ended" >&2; exit 1; }
        ((SECONDS < until)) || { echo "tests/openapi.sh: the demo is not ready" >&2; exit 1; }
        sleep 0.2
    done
}

cargo build --locked --quiet
export NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost
cargo run --locked --quiet -- demo --web.listen-address=127.0.0.1:0 --web.enable-admin-api >"$work/demo.out" 2>"$work/demo.log" &
demo_pid=$!
await_demo

schemathesis=$(realpath -s "$(dirname "${PYTHON:-$(command -v python3)}")/schemathesis")
description=$PWD/docs/openapi.yaml
# It leaves its notes where it runs.
cd "$work"
# Which task can be registered depends on the configuration, so that what the schema allows may be refused.
"$schemathesis" run "$description" --url "http://$address" \
    --checks all --exclude-checks positive_data_acceptance \
    --max-examples 40 --seed 1 --generation-database none --request-timeout 20 --no-color
