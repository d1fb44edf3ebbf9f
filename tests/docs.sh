#!/usr/bin/env bash
# Examples of the documentation for other programs: what is for Prometheus is what promtool takes, and what is for a shell is
# its language. Our own configurations and command lines are tested in tests/it/docs. Needs promtool.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Every fenced block of the pages as a file NUMBER.LANGUAGE.
awk -v work="$work" '
    /^[ >]*```[a-z]+$/ && !file { match($0, /```/); file = sprintf("%s/%03d.%s", work, ++n, substr($0, RSTART + 3)); next }
    /^[ >]*```$/ && file { close(file); file = ""; next }
    file { print > file }
' README.md CONTRIBUTING.md docs/*.md

# The examples name the rules that come with the exporter, as if they were beside them.
cp deploy/prometheus/*.yml "$work/"

configurations=0
for block in $(grep -l '^scrape_configs:' "$work"/[0-9]*.yaml); do
    # promtool wants the files that they name to be there, whatever is in them.
    while IFS= read -r named; do touch "$work/$named"; done < <(sed -En 's/^ +[a-z_]+_file: ([^ ]+)$/\1/p' "$block")
    promtool check config "$block" >"$work/told" 2>&1 || { cat "$block" "$work/told" >&2; exit 1; }
    ((++configurations))
done

queries=0
echo 'groups: [{name: queries, rules: [' >"$work/queries.rules"
while IFS= read -r query; do
    printf '  {record: q%d, expr: "%s"},\n' "$((++queries))" "${query//\"/\\\"}" >>"$work/queries.rules"
done < <(cat "$work"/*.promql | sed -E 's/ +#.*//; /^$/d')
echo ']}]' >>"$work/queries.rules"
promtool check rules "$work/queries.rules" >"$work/told" 2>&1 || { cat "$work/queries.rules" "$work/told" >&2; exit 1; }

scripts=0
for block in "$work"/*.sh; do
    bash -n "$block" || { cat "$block" >&2; exit 1; }
    ((++scripts))
done

if ((configurations < 3 || queries < 7 || scripts < 8)); then
    echo "tests/docs.sh: only $configurations configurations, $queries queries and $scripts scripts were found" >&2
    exit 1
fi
echo "Good: $configurations configurations of Prometheus, $queries queries, $scripts scripts."
