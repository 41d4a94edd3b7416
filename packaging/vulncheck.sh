#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# vulncheck.sh COMMAND ...: runs govulncheck. A finding fails; a database that
# cannot be reached does not, and is said.
out=$("$@" 2>&1)
rc=$?
if [ $rc -ne 0 ] && printf '%s' "$out" | grep -qE 'fetching vulnerabilities|no such host|dial tcp|connection refused|Forbidden|403|502|proxyconnect|EOF|timeout'; then
	echo "govulncheck: its database cannot be reached from here; not checked"
	exit 0
fi
[ $rc -eq 0 ] || printf '%s\n' "$out"
exit $rc
