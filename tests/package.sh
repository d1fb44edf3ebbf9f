#!/usr/bin/env bash
# The Debian package: into a fresh Debian it installs with nothing but what it depends on, the program runs from there as the
# unit says, and a purge leaves nothing. Needs cargo-deb, dpkg-dev, mmdebstrap, groff, curl, and root or sudo. The Debian is
# unpacked once, into target/tools. Packs what `cargo build` leaves: what is looked at is the package, not the optimizer.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools=$(realpath -m "${CARGO_TARGET_DIR:-target}")/tools
work=$(mktemp -d)
root=$work/root
export PATH=$tools/bin:$PATH
daemon_pid=

as_root=()
[[ $EUID -eq 0 ]] || as_root=(sudo -n -E)

finish() {
    local status=$?
    trap - EXIT
    if [[ -n $daemon_pid ]]; then "${as_root[@]}" kill "$daemon_pid" 2>/dev/null || true; fi
    if [[ $status -ne 0 ]]; then tail -n 15 "$work"/*.log >&2; fi
    "${as_root[@]}" rm -rf "$work"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

die() {
    echo "tests/package.sh: $*" >&2
    exit 1
}

inside() {
    "${as_root[@]}" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C chroot "$root" "$@"
}

# A library of this machine must not be newer than what the package meets: the same Debian, or Ubuntu.
release=$(. /etc/os-release && echo "${VERSION_CODENAME:?this system has no code name}")
image=$tools/$release.tar
if [[ ! -s $image ]]; then
    mkdir -p "$tools"
    "${as_root[@]}" mmdebstrap --quiet --format=tar --variant=minbase --include=ca-certificates "$release" "$image.new"
    mv -f "$image.new" "$image"
fi
mkdir "$root"
"${as_root[@]}" tar --extract --file="$image" --directory="$root" --exclude='./dev/*' --numeric-owner
"${as_root[@]}" touch "$root/dev/null"

# All that a package may leave, but for the books and caches of dpkg itself.
files() {
    "${as_root[@]}" find "$root" -path "$root/var/lib/dpkg" -prune -o -path "$root/var/log" -prune -o -path "$root/var/cache" -prune \
        -o -printf '%P\n' | sort
}

package=$(deploy/debian/build.sh dev --fast)
"${as_root[@]}" cp "$package" "$root/package.deb"
files >"$work/before"
inside dpkg --install /package.deb >"$work/install.log" 2>&1 || die "dpkg does not install the package"
echo "Installed: $(inside dpkg-query --show dbsession-exporter)."

unit=/usr/lib/systemd/system/dbsession_exporter.service
[[ -e $root$unit ]] || die "there is no $unit"
[[ -L $root/etc/systemd/system/multi-user.target.wants/dbsession_exporter.service ]] || die "the unit is not enabled"
# Both are for the user to change: dpkg must know them.
conffiles=$(inside dpkg-query --show --showformat='${Conffiles}' dbsession-exporter | awk '{ print $1 }' | sort | xargs)
[[ $conffiles == "/etc/dbsession_exporter/dbsession.yml /etc/default/dbsession_exporter" ]] || die "conffiles: $conffiles"

# runbook_url of the alerts leads there, too.
documentation=/usr/share/doc/dbsession-exporter
while IFS= read -r page; do
    [[ -e $root$documentation/$page ]] || die "README.md leads to $page, which is not in $documentation"
done < <(grep -oE '\]\((docs/)?[A-Za-z]+\.md' README.md | sed 's/.*(//' | sort -u)

manual=$root/usr/share/man/man1/dbsession_exporter.1.gz
complaints=$(gunzip --stdout "$manual" | groff -man -ww -z 2>&1)
[[ -z $complaints ]] || die "groff complains about the manual page: $complaints"
inside bash -ec '. /usr/share/bash-completion/completions/dbsession_exporter && complete -p dbsession_exporter' >"$work/complete" ||
    die "the completion of bash does not load"
inside dbsession_exporter check --config.file=/usr/share/doc/dbsession-exporter/examples/dbsession.yml \
    >"$work/check.log" 2>&1 && die "the example should miss its variables"
grep -q 'ALI_ACCESS_KEY_ID' "$work/check.log" || die "the example has another fault than missing variables"

# As the unit starts it, but for the port: as a user that owns nothing but the state.
command=$(sed -n 's/^ExecStart=//p' "$root$unit")
command=${command//%S//var/lib}
"${as_root[@]}" mkdir -p "$root/var/lib/private"
"${as_root[@]}" install --directory --owner=65534 --mode=0700 "$root/var/lib/private/dbsession_exporter"
"${as_root[@]}" ln -s private/dbsession_exporter "$root/var/lib/dbsession_exporter"
# shellcheck disable=SC2086 # several words
"${as_root[@]}" chroot --userspec=65534:65534 "$root" ${command% \$ARGS} --web.listen-address=127.0.0.1:0 2>"$work/daemon.log" &
daemon_pid=$!
for ((tries = 300; tries > 0; tries--)); do
    address=$(sed -En '/message=listening/s/.* address=([0-9.]+:[0-9]+).*/\1/p' "$work/daemon.log")
    if [[ -n $address ]] && curl --silent --fail --max-time 10 --output "$work/metrics" "http://$address/metrics"; then break; fi
    kill -0 "$daemon_pid" 2>/dev/null || die "the program has ended"
    sleep 0.1
done
grep -q '^dbsession_exporter_build_info' "$work/metrics" || die "there are no metrics"
"${as_root[@]}" kill -TERM "$daemon_pid"
wait "$daemon_pid" || die "the program ended with status $? after SIGTERM"
daemon_pid=
echo "The program runs from there with the configuration of the package."

inside dpkg --purge dbsession-exporter >"$work/purge.log" 2>&1 || die "dpkg does not purge the package"
"${as_root[@]}" rmdir --ignore-fail-on-non-empty "$root/var/lib/private"
left=$(comm -13 "$work/before" <(files))
[[ -z $left ]] || die "a purge leaves: $left"
echo "A purge leaves nothing."
