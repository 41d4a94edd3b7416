# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the guest runs: the tests that need the kernel's drivers.
set -u
rc=0
ip link set lo up 2>/dev/null
echo "Guest: Linux $(uname -r), $(cat /proc/asound/cards | head -n 1)"
/gpio.test -test.v -test.run Sim -test.timeout 120s || rc=1
amixer -q sset Master 100% unmute || rc=1 # the card boots muted
amixer -q sset PCM 0dB unmute || rc=1
/audio.test -test.v -test.run Sim -test.skip 'TestSimulated|TestCapture' -test.timeout 240s || rc=1
exit $rc
