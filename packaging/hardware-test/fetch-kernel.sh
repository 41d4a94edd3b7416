#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# fetch-kernel.sh DIR: puts a Debian kernel that has the gpio-sim driver into
# DIR/root and the path of its modules into DIR/modules. Nothing is installed:
# packages are fetched, verified and unpacked by an apt with a state of its own,
# from the mirror that this machine uses.
set -euo pipefail
dir=$(realpath -m "$1")
suite=${SUITE:-trixie-backports} # the first release whose kernels have CONFIG_GPIO_SIM
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ -s "$dir/modules" ] && [ -e "$(cat "$dir/modules")/vmlinuz" ] && exit 0

mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -E '/debian/?$' | head -n 1 || true)
[ -n "$mirror" ] || { echo "apt has no Debian mirror in its sources" >&2; exit 1; }
[ -e "$keys" ] || { echo "$keys is missing (apt-get install debian-archive-keyring)" >&2; exit 1; }

apt=$dir/apt
rm -rf "$apt" "$dir/root"
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/none" "$dir/root"
echo "deb [arch=amd64 signed-by=$keys] $mirror $suite main" >"$apt/sources.list"
own() { # the program, with our state instead of the machine's
	local program=$1
	shift
	"$program" -q -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Sandbox::User="$(id -un)" \
		-o Dir::State::status=/dev/null -o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt/cache" \
		-o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts="$apt/none" \
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts="$apt/none" "$@"
}
echo "Fetching a kernel from $mirror $suite (about 120 MB)"
own apt-get -q update >/dev/null
image=$(own apt-cache depends linux-image-amd64 | awk '/Depends: linux-image-[0-9]/ { print $2; exit }')
release=${image#linux-image-}
[ -n "$release" ] || { echo "$suite has no linux-image-amd64" >&2; exit 1; }
(cd "$dir" && own apt-get download -q "linux-binary-$release" "linux-modules-$release" "linux-base-$release" >/dev/null)
for deb in "$dir"/linux-*-"$release"_*.deb; do
	dpkg -x "$deb" "$dir/root"
	rm "$deb"
done
modules=$dir/root/usr/lib/modules/$release
grep -q '^CONFIG_GPIO_SIM=' "$modules/config" || { echo "kernel $release has no gpio-sim" >&2; exit 1; }
echo "$modules" >"$dir/modules"
rm -rf "$apt"
echo "Kernel $release"
