// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"fmt"
	"net"
	"time"

	"oswald"
	"oswald/internal/secret"
)

// checkTime is more than anybody waits.
const checkTime = 30 * time.Second

// Check logs in once, under a resource of its own so that a bot that is online is
// not disturbed, and says in one line how that went.
func Check(ctx context.Context, cfg Config) (string, error) {
	if err := cfg.Validate(); err != nil {
		return "", oswald.Wrap(err, oswald.Invalid, "The table [xmpp] of the configuration has mistakes; oswald config check names them.")
	}
	if _, err := readPicture(cfg.Avatar); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	own, err := parseJID(cfg.JID)
	if err != nil {
		return "", err
	}
	password, err := secret.Read(cfg.PasswordFile)
	if err != nil {
		return "", asError(fmt.Errorf("%w: %w", errPassword, err))
	}
	begin := time.Now()
	l := &login{user: own.Localpart(), password: password, plain: cfg.DangerPlaintextToLoopback}
	var sm smState
	x, conn, err := connect(ctx, route{cfg: cfg, names: net.DefaultResolver}, l, bind(&sm, "check-"+oswald.RandomID()[:6]))
	if err != nil {
		return "", asError(err)
	}
	took := time.Since(begin).Round(time.Millisecond)
	closed := make(chan struct{})
	go func() { x.Close(); close(closed) }() // a write, which has a deadline
	how := "in plain text"
	if v := x.ConnectionState().Version; v != 0 {
		how = "over verified TLS"
	}
	select {
	case <-closed:
	case <-ctx.Done():
	}
	conn.Close()
	line := fmt.Sprintf("%s can log in (%s, %s, %v)", own.Bare(), l.name, how, took)
	if !sm.enabled {
		line += "; the server has no stream management (XEP-0198), so a message can be lost when the connection breaks"
	}
	return line, nil
}
