#!/usr/bin/env bash
# The manifests: kubectl renders every overlay, alone and with each component, and tests/kubernetes.py finds no fault in what
# comes out. Needs kubectl, promtool, kubernetes-validate in the Python of $PYTHON, or else python3, and the program as
# `cargo build` leaves it. No cluster. With UPDATE=1 the rules are written anew from those of Prometheus.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
kubernetes=deploy/kubernetes
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
mkdir -p "$target"
work=$(mktemp -d "$target/kubernetes.XXXXXX")
trap 'rm -rf "$work"' EXIT

die() {
    echo "tests/kubernetes.sh: $*" >&2
    exit 1
}

# rules NAME: the rules of Prometheus' file NAME.yml as a resource, comments and all.
rules() {
    cat <<END
# Written from deploy/prometheus/$1.yml: UPDATE=1 tests/kubernetes.sh
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: dbsession-exporter-$1
spec:
END
    sed -n '/^groups:/,$s/^\(.\)/  \1/p; /^groups:/,$s/^$//p' "deploy/prometheus/$1.yml"
}

for name in recording alerts; do
    file=$kubernetes/base/rules-$name.yaml
    if [[ -n ${UPDATE-} ]]; then rules "$name" >"$file"; fi
    diff "$file" <(rules "$name") >&2 || die "$file is not what deploy/prometheus/$name.yml says: UPDATE=1 tests/kubernetes.sh"
done

cargo build --locked --quiet
export PROGRAM=$target/debug/dbsession_exporter
for overlay in "$kubernetes"/overlays/*/; do
    for component in none "$kubernetes"/components/*/; do
        case=$(basename "$overlay")+$(basename "$component")
        mkdir "$work/$case"
        {
            echo "resources: [$(realpath --relative-to="$work/$case" "$overlay")]"
            [[ $component == none ]] || echo "components: [$(realpath --relative-to="$work/$case" "$component")]"
        } >"$work/$case/kustomization.yaml"
        said=$(kubectl kustomize "$work/$case" 2>&1 >"$work/$case/all.yaml") || die "$case: $said"
        [[ -z $said ]] || die "$case: kubectl complains: $said"
        "${PYTHON:-python3}" tests/kubernetes.py "$case" "$work/$case/all.yaml"
    done
done
