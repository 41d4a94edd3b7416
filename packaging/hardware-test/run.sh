#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# run.sh DIR: tests GPIO and sound against real kernel drivers, without the
# hardware: boots a Debian kernel in QEMU with the gpio-sim driver and an AC97
# card, runs the tests of internal/gpio and audio in it, and judges what the
# card played. Everything it fetches and builds goes into DIR. Needs no KVM and
# no root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(realpath -m "${1:?usage: run.sh DIR}")
cd "$here/../.."
go=${GO:-go}

[ "$(uname -m)" = x86_64 ] || { echo "The hardware tests need an x86-64 machine; this is $(uname -m)." >&2; exit 1; }
missing=
for program in qemu-system-x86_64:qemu-system-x86 busybox:busybox-static cpio:cpio xz:xz-utils modinfo:kmod amixer:alsa-utils; do
	PATH=$PATH:/sbin:/usr/sbin command -v "${program%%:*}" >/dev/null || missing="$missing ${program##*:}"
done
[ -z "$missing" ] || { echo "The hardware tests need these packages: apt-get install$missing" >&2; exit 1; }

if ldd "$(command -v busybox)" >/dev/null 2>&1; then
	echo "The hardware tests need a static busybox: apt-get install busybox-static" >&2
	exit 1
fi

mkdir -p "$dir"
"$here/fetch-kernel.sh" "$dir"
modules=$(cat "$dir/modules")

echo "Building the tests"
CGO_ENABLED=0 "$go" test -c -tags gpiosim -o "$dir/gpio.test" ./internal/gpio
CGO_ENABLED=1 "$go" test -c -tags gpiosim -o "$dir/audio.test" ./audio # the sound library needs cgo
printf 'root:x:0:\naudio:x:29:\n' >"$dir/group" # dmix wants the group audio
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$dir/passwd"
libraries=$(ldd "$dir/audio.test" /usr/bin/amixer /usr/bin/aplay | grep -o '/[^ :)]*' | grep '\.so' | sort -u | sed 's/.*/&:&/')
settings=$(find /usr/share/alsa -name '*.conf' -type f ! -path '*ucm*' | sed 's/.*/&:&/')
# shellcheck disable=SC2086
"$here/initramfs.sh" "$dir/guest.cpio.gz" "$modules" "configfs gpio-sim snd-intel8x0" \
	"$here/guest.sh:/run.sh" "$dir/gpio.test:/gpio.test" "$dir/audio.test:/audio.test" \
	/usr/bin/amixer:/bin/amixer /usr/bin/aplay:/bin/aplay \
	"$dir/group:/etc/group" "$dir/passwd:/etc/passwd" $libraries $settings

echo "Booting the guest (its log: $dir/guest.log)"
rm -f "$dir/capture.wav"
timeout 600 qemu-system-x86_64 -M pc -accel tcg,thread=multi -cpu max -smp 2 -m 512 -nographic -no-reboot -nodefaults \
	-serial stdio -kernel "$modules/vmlinuz" -initrd "$dir/guest.cpio.gz" -append "console=ttyS0 quiet panic=-1" \
	-audiodev "wav,id=card,path=$dir/capture.wav,out.frequency=48000" -device AC97,audiodev=card \
	</dev/null >"$dir/console" 2>"$dir/qemu.log" || true
sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g; s/\x1bc//g; s/\r//g' "$dir/console" >"$dir/guest.log"
rm "$dir/console"
grep -E '^(Guest:|insmod)|^ *--- |^(ok|FAIL|PASS|panic)' "$dir/guest.log" || true

# QEMU ends well whatever the guest did: only this line counts.
if ! grep -qx 'GUEST-RC 0' "$dir/guest.log"; then
	echo "The tests in the guest failed; the end of the log:" >&2
	tail -n 40 "$dir/guest.log" >&2
	grep -v 'Failed to create voice' "$dir/qemu.log" >&2 || true # the card's microphone, which nobody uses
	exit 1
fi
echo "Judging what the card played"
OSWALD_CAPTURE=$dir/capture.wav "$dir/audio.test" -test.v -test.run '^TestCapture$'
echo "hardware tests: all good"
