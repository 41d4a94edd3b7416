// SPDX-License-Identifier: GPL-3.0-or-later

// Package sdnotify tells systemd how a service is: up, stopping, alive
// (sd_notify(3), sd_watchdog_enabled(3)). Where systemd did not start the
// process every method does nothing.
//
// Methods may be called from any goroutine. None waits for systemd longer than a second.
package sdnotify

import (
	"context"
	"log/slog"
	"net"
	"strconv"
	"time"
)

// Service is this process as systemd sees it. Make it with [New].
type Service struct {
	socket   string
	watchdog time.Duration
	log      *slog.Logger
}

// New reads the environment that systemd gives a service of Type=notify; getenv
// is os.Getenv and pid os.Getpid().
func New(getenv func(string) string, pid int, log *slog.Logger) *Service {
	s := &Service{socket: getenv("NOTIFY_SOCKET"), log: log}
	usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	// The variables are inherited; the process that is meant is named.
	forUs := getenv("WATCHDOG_PID") == "" || getenv("WATCHDOG_PID") == strconv.Itoa(pid)
	if err == nil && forUs && usec > 0 && usec <= int64(24*time.Hour/time.Microsecond) {
		s.watchdog = time.Duration(usec) * time.Microsecond
	}
	return s
}

// Ready says that the service does its work; status is one line for
// `systemctl status`.
func (s *Service) Ready(status string) { s.send("READY=1\nSTATUS=" + status) }

// Stopping says that the service ends by intention.
func (s *Service) Stopping() { s.send("STOPPING=1") }

// Watch says that the service is alive as long as alive returns nil, three times
// in each period that systemd grants, until ctx ends. alive gets a third of the
// period. When it has failed for a whole period, systemd ends the process and
// starts it again. Watch returns at once where nobody watches.
func (s *Service) Watch(ctx context.Context, alive func(context.Context) error) {
	if s.socket == "" || s.watchdog == 0 {
		return
	}
	tick := time.NewTicker(s.watchdog / 3)
	defer tick.Stop()
	for {
		try, cancel := context.WithTimeout(ctx, s.watchdog/3)
		err := alive(try)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.log.Error("the watchdog is not told that all is well", "err", err)
		default:
			s.send("WATCHDOG=1")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// send is one datagram. A name that begins with @ is an abstract socket, to
// systemd and to package net alike.
func (s *Service) send(state string) {
	if s.socket == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.socket, Net: "unixgram"})
	if err == nil {
		defer c.Close()
		if err = c.SetWriteDeadline(time.Now().Add(time.Second)); err == nil {
			_, err = c.Write([]byte(state))
		}
	}
	if err != nil {
		s.log.Warn("systemd is not told", "state", state, "err", err)
	}
}
