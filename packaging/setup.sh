#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# setup.sh WHAT PACKAGE ...: installs the Debian packages among these that are
# missing, and says so first. WHAT is what they are for, as a person reads it.
# Asks for sudo only when something is missing and only when not root. The
# services of a package are not started: a policy file holds them back while
# the packages are installed, and is taken away again. Reads no standard input.
set -eu
exec </dev/null
what=$1
shift
missing=
for p in "$@"; do
	dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null; then
	echo "This is not a Debian system. Install what these packages hold, for $what:$missing" >&2
	exit 1
fi
sudo=
if [ "$(id -u)" != 0 ]; then
	sudo=sudo
	command -v sudo >/dev/null || { echo "As root, run: apt-get install$missing (for $what)" >&2; exit 1; }
fi
echo "Installing Debian packages for $what:$missing" >&2
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
	$sudo chmod 755 "$policy"
	trap '$sudo rm -f "$policy"' EXIT
	trap 'exit 130' INT TERM
fi
log=$(mktemp)
get() { $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1; }
# The list of packages may be old or absent: fetch it, and try with the old one if that fails.
get update || true
# shellcheck disable=SC2086
if ! get install $missing; then
	tail -n 20 "$log" >&2
	echo "The packages could not be installed; the last lines of apt-get are above." >&2
	exit 1
fi
rm -f "$log"
