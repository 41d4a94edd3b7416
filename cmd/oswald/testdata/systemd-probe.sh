# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs inside the booted system: starts Oswald's units, does them harm, and says
# "ok WHAT" or "FAIL WHAT" of each expectation. Ends the system.
export OSWALD_TEST_BE_OSWALD=1
expect() { # WHAT COMMAND ...: within about 60 s
	what=$1
	shift
	for _ in $(seq 120); do
		if "$@" >/tmp/said 2>&1; then
			echo "ok $what"
			return
		fi
		sleep 0.5
	done
	echo "FAIL $what: $* says $(cat /tmp/said)"
}
as() { # USER GROUP COMMAND ...
	u=$1 g=$2
	shift 2
	timeout 5 setpriv --reuid="$u" --regid="$g" --clear-groups "$@"
}
pid() { systemctl show -p MainPID --value oswald; }
says() { # WORD COMMAND ...: the output has the word
	word=$1
	shift
	"$@" 2>&1 | grep -q -e "$word"
}
restarted() { [ "$(systemctl show -p NRestarts --value oswald)" = "$1" ] && systemctl -q is-active oswald; }
not() { ! "$@"; }

systemctl start oswald-pages oswald
expect "up when it says so" systemctl -q is-active oswald
expect "status line" says "running bot, site, comments" systemctl status oswald
expect "not root" says "^oswald$" ps -o user= -p "$(pid)"
expect "answers" says "bus: embedded" as oswald oswald oswald ctl status
expect "speaks in the sandbox" says "Said on the left" as oswald oswald oswald ctl "say left hello"
expect "site is readable" as www-data www-data test -r /srv/oswald/public/index.html
expect "state is private" not as www-data www-data ls /var/lib/oswald
expect "pages: nginx may" as www-data www-data test -w /run/oswald-pages/pages.sock
expect "pages: others may not" not as nobody nogroup test -w /run/oswald-pages/pages.sock
kill -9 "$(pid)"
expect "back after a crash" restarted 1
expect "muted after a crash" says "mute lines: simulated, both muted" journalctl --no-pager -u oswald -o cat
kill -STOP "$(pid)"
expect "back after it hung" restarted 2
expect "alive again" says "bus: embedded" as oswald oswald oswald ctl status
systemctl stop oswald
expect "stopped well" says "^Result=success" systemctl show oswald -p Result
systemctl start oswald-bot oswald-comments oswald-site
for role in bot comments site; do
	expect "$role alone" systemctl -q is-active "oswald-$role"
done
expect "roles meet" says "comments and site up" as oswald oswald oswald ctl status
systemctl start oswald
expect "one or the other" not systemctl -q is-active oswald-bot
echo end
journalctl --no-pager -o cat -u 'oswald*' >/oswald-test/journal.log
systemctl exit 0
