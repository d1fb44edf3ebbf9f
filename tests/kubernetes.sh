#!/usr/bin/env bash
# The manifests: kubectl renders every overlay, alone and with each component, beside it and among its own, and
# tests/kubernetes.py finds no fault in what comes out. Needs kubectl, promtool, kubernetes-validate in the Python of $PYTHON, or else python3, and the program as
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
    file=$kubernetes/components/prometheus-operator/rules-$name.yaml
    if [[ -n ${UPDATE-} ]]; then rules "$name" >"$file"; fi
    diff "$file" <(rules "$name") >&2 || die "$file is not what deploy/prometheus/$name.yml says: UPDATE=1 tests/kubernetes.sh"
done

cargo build --locked --quiet
export PROGRAM=$target/debug/dbsession_exporter
# render CASE DIRECTORY: into CASE.yaml, and looks at it.
render() {
    local said
    said=$(kubectl kustomize "$2" 2>&1 >"$work/$1.yaml") || die "$1: $said"
    [[ -z $said ]] || die "$1: kubectl complains: $said"
    "${PYTHON:-python3}" tests/kubernetes.py "$1" "$work/$1.yaml"
}

for overlay in "$kubernetes"/overlays/*/; do
    name=$(basename "$overlay")
    render "$name" "$overlay"
    # As where the operator is not there.
    cp -r "$kubernetes" "$work/$name"
    own=$work/$name/overlays/$name/kustomization.yaml
    sed -i '\|^components:|d; \|^  - ../../components/prometheus-operator$|d' "$own"
    render "$name-operator" "${own%/*}"
    cp "$overlay/kustomization.yaml" "$own"
    for component in "$kubernetes"/components/*/; do
        component=$(basename "$component")
        case $component+$name in
        prometheus-operator+* | storage+sharded | storage-sharded+single) continue ;;
        esac
        case=$name+$component
        mkdir "$work/$case"
        {
            echo "resources: [$(realpath --relative-to="$work/$case" "$overlay")]"
            echo "components: [$(realpath --relative-to="$work/$case" "$kubernetes/components/$component")]"
        } >"$work/$case/kustomization.yaml"
        render "$case" "$work/$case"
        # As the overlay's own file has it in a comment. They add up: the last has all.
        sed -i "s|^  # \(- ../../components/$component\)\$|  \1|" "$own"
        grep -q "^  - ../../components/$component\$" "$own" || die "$own does not name $component"
        render "$case-among-its-own" "${own%/*}"
    done
done
