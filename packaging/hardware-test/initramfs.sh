#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# initramfs.sh OUT MODULES 'NAME ...' [SOURCE:TARGET ...]: packs an initramfs of
# busybox, the named kernel modules with what they depend on, the init script
# beside this file, and the files given. The guest runs /run.sh.
set -euo pipefail
out=$1 tree=$2 names=$3
shift 3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir"/{bin,dev,proc,sys,tmp,modules,etc,root,run}
cp "$(command -v busybox)" "$dir/bin/busybox"
ln -s busybox "$dir/bin/sh"
: >"$dir/modules/order"
declare -A seen
add() { # what it depends on first
	[ -z "${seen[$1]:-}" ] || return 0
	seen[$1]=1
	local file name dep
	file=$(find "$tree" -name "${1//[-_]/[-_]}.ko*" -print -quit)
	if [ -z "$file" ]; then
		grep -qE "/${1//[-_]/[-_]}\.ko" "$tree/modules.builtin" || { echo "the kernel has no module $1" >&2; return 1; }
		return 0
	fi
	for dep in $(PATH=$PATH:/sbin:/usr/sbin modinfo -F depends "$file" | tr , ' '); do add "$dep"; done
	name=$(basename "${file%.xz}")
	case $file in
	*.xz) xz -dc "$file" >"$dir/modules/$name" ;;
	*) cp "$file" "$dir/modules/$name" ;;
	esac
	echo "$name" >>"$dir/modules/order"
}
for name in $names; do add "$name"; done
install -m 755 "$(dirname "$0")/init" "$dir/init"
for pair in "$@"; do
	mkdir -p "$dir/$(dirname "${pair##*:}")"
	cp -L "${pair%%:*}" "$dir/${pair##*:}"
done
(cd "$dir" && find . | cpio -o -H newc --quiet | gzip -1) >"$out"
