// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"oswald"
)

func TestCancel(t *testing.T) {
	bus := NewMem()
	bot, comments := newNode(t, bus, "bot", "comments"), newNode(t, bus, "comments", "bot")
	comments.cfg.Handlers = 1
	begun, release := make(chan string, 10), make(chan struct{})
	comments.Handle("rebuild", Handler{Run: func(ctx context.Context, c Call) (any, error) {
		begun <- c.ID
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-release:
			return "built", nil
		}
	}})
	comments.Handle("decide", Handler{Tx: func(ctx context.Context, tx *sql.Tx, c Call) (any, error) {
		begun <- c.ID
		return "decided", nil
	}})
	run(t, bot)
	ends := map[string]chan error{}
	call := func(id, verb string) {
		ends[id] = make(chan error, 1)
		c := Command{ID: id, Peer: "comments", Verb: verb}
		if err := bot.Submit(patient(t), c); err != nil {
			t.Fatal(err)
		}
		go func() { _, err := bot.Call(patient(t), c, nil); ends[id] <- err }()
	}
	cancel := func(id string, code oswald.Code) {
		t.Helper()
		if err := bot.Cancel(patient(t), id); oswald.CodeOf(err) != code {
			t.Errorf("cancel %s: %v, want %q", id, err, code)
		}
	}
	end := func(id, message string) {
		t.Helper()
		if err := <-ends[id]; fmt.Sprint(err) != message {
			t.Errorf("%s: %v, want %v", id, err, message)
		}
	}
	cancel("nothing", oswald.NotFound)
	call("offered", "rebuild")
	cancel("offered", "")
	end("offered", "Cancelled; it was not run.")
	cancel("offered", oswald.Conflict)
	stopWorker := run(t, comments)
	call("running", "rebuild")
	if id := <-begun; id != "running" {
		t.Errorf("%s has begun", id)
	}
	call("granted", "decide") // and no handler is free
	eventually(t, "granted", func() bool { return stateOf(t, bot, "granted") == granted })
	cancel("granted", "")
	end("granted", "Cancelled; it was not run.")
	cancel("running", "")
	end("running", "Cancelled while it was running.")
	call("late", "rebuild")
	<-begun
	close(release)
	end("late", "<nil>")
	cancel("late", oswald.Conflict)
	stopWorker()
	if len(begun) > 0 {
		t.Errorf("%s has begun", <-begun)
	}
}

// TestCancelKept wants the wish on disk.
func TestCancelKept(t *testing.T) {
	now := time.Now().UnixMilli()
	test := func(what string, tk ticket, want state, stop bool) {
		t.Helper()
		got, _ := cancel(tk)
		if got.State != want || got.stop != stop {
			t.Errorf("%s: %s, %v", what, got.State, got.stop)
		}
	}
	test("on offer", ticket{State: offered}, refused, true)
	test("perhaps granted by an earlier self", ticket{State: offered, unsure: true}, offered, true)
	test("granted", ticket{State: granted}, granted, true)
	test("ended", ticket{State: done}, done, false)
	hears := func(what string, tk ticket, it item, want state) {
		t.Helper()
		tk.Deadline, tk.stop = now+1000, true
		if got, _ := hear(tk, it, "i", now); got.State != want {
			t.Errorf("%s: %s, want %s", what, got.State, want)
		}
	}
	hears("claim", ticket{State: offered}, item{St: itClaim, N: "n"}, refused)
	hears("another claim", ticket{State: granted, Nonce: "m", Repeat: true}, item{St: itClaim, N: "n"}, doubt)
	hears("given up", ticket{State: granted, Nonce: "n"}, item{St: itRefused, N: "n", E: cancelled}, refused)
	hears("given up by a namesake", ticket{State: granted, Nonce: "n"}, item{St: itRefused, N: "m", E: cancelled}, doubt)
	hears("unknown to a namesake", ticket{State: granted, Nonce: "n"}, item{St: itRefused, E: alreadyRan}, granted)
	hears("given up, but another had a grant", ticket{State: granted, Nonce: "n", again: true}, item{St: itRefused, N: "n", E: cancelled}, doubt)
	j, changed := take(job{Phase: claimed, Nonce: "n"}, offer{G: "n", X: true}, facts{slot: true}, randomHex)
	if !changed || j.Phase != declined || itemOf(&j).N != "n" {
		t.Errorf("%+v", j)
	}
	for _, j := range []job{{Phase: started}, {Phase: claimed, Nonce: "m"}} {
		if _, changed := take(j, offer{G: "n", X: true}, facts{slot: true}, randomHex); changed {
			t.Errorf("%+v was given up", j)
		}
	}
}

func stateOf(t *testing.T, n *Node, id string) state {
	tk, err := newFile(n.db).ticket(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if tk == nil {
		return ""
	}
	return tk.State
}
