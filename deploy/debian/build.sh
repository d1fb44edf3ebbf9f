#!/usr/bin/env bash
# Builds the Debian package, and prints its path: deploy/debian/build.sh [PROFILE [FLAG...]]. The profile is one of
# cargo's, release where it is left out; the flags are those of cargo-deb. Needs that, and dpkg-dev for the versions of the
# libraries.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
profile=${1:-release}
# Where Cargo.toml looks for what the program says of itself.
generated=target/package

program() {
    cargo run --locked --quiet --profile "$profile" -- "$@"
}

mkdir -p "$generated"
program manual >"$generated/dbsession_exporter.1"
program completion bash >"$generated/dbsession_exporter.bash"
program completion zsh >"$generated/_dbsession_exporter"
program completion fish >"$generated/dbsession_exporter.fish"
cargo deb --locked --no-build --quiet --profile "$profile" "${@:2}"
