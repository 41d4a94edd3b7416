// SPDX-License-Identifier: GPL-3.0-or-later

//go:build !linux

package bot

import (
	"net"
	"syscall"
	"time"
)

// userTimeout has no equivalent here; the watchdog does its work, more slowly.
func userTimeout(time.Duration) func(network, address string, c syscall.RawConn) error { return nil }

// quickAck does nothing here.
func quickAck(net.Conn) func() { return func() {} }
