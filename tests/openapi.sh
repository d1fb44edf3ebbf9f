#!/usr/bin/env bash
# Every answer of the JSON API is as docs/openapi.yaml has it: schemathesis asks the demo for its examples, which name instances of
# the demo, for what the description allows, and for what it does not. Needs curl, and schemathesis in the environment of $PYTHON. Bounded in requests, and always asks the same.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tests/processes.sh

cargo build --locked --quiet
cargo run --locked --quiet -- demo --web.listen-address=127.0.0.1:0 --web.enable-admin-api >"$work/demo.out" 2>"$work/demo.log" &
demo_pid=$!
pids+=("$demo_pid")
listening "$demo_pid" "the demo" "$work/demo.log"
wait_for 70 "$demo_pid" "the demo is not ready" get --output "$work/ready" "http://$address/-/ready"

schemathesis=$(realpath -s "$(dirname "${PYTHON:-$(command -v python3)}")/schemathesis")
description=$PWD/docs/openapi.yaml
# It leaves its notes where it runs.
cd "$work"
# Which task can be registered depends on the configuration, so that what the schema allows may be refused.
"$schemathesis" run "$description" --url "http://$address" \
    --checks all --exclude-checks positive_data_acceptance \
    --max-examples 40 --seed 1 --generation-database none --request-timeout 20 --no-color
