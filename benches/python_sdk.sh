#!/usr/bin/env bash
# How the exporter's fold compares with Alibaba Cloud's official Python SDK on the same bytes, an answer of 10,000 sessions. Needs
# cargo, python3 (3.8 or newer) with venv, and PyPI at the first run, when the SDK is installed into target/python_sdk; no account, and
# no cloud is called. ROUNDS (21) folds of each are timed in turn. Prints the median time of each for a session, and how many times as
# fast the exporter is; fails where the two do not count the same sessions.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
sdk=alibabacloud_das20200116==4.0.1
environment=${CARGO_TARGET_DIR:-target}/python_sdk
python=$environment/bin/python
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [[ ! -x $python ]] || ! "$python" -m pip show -q "${sdk%%==*}" 2>/dev/null; then
    python3 -m venv "$environment"
    "$python" -m pip install -q --disable-pip-version-check "$sdk"
fi

fold=(cargo bench --quiet --locked --bench fold --)
"${fold[@]}" --write "$work/answer.json"
"$python" benches/python_sdk.py "$work/answer.json" "${ROUNDS:-21}" "${fold[@]}" --serve "$work/answer.json"
