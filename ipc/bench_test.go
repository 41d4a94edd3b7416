// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// BenchmarkBars measures the bus against what it promises and prints a line a
// figure: go test -run - -bench Bars ./ipc
func BenchmarkBars(t *testing.B) {
	commit(t)
	for _, b := range []struct {
		name  string
		limit time.Duration
		open  func() (Bus, Bus)
	}{
		{"mem", 5 * time.Millisecond, func() (Bus, Bus) { m := NewMem(); return m, m }},
		{"embedded-in-process", 5 * time.Millisecond, func() (Bus, Bus) { m, _ := embedded(t); return m, m }},
		{"embedded-to-other-process", 100 * time.Millisecond, func() (Bus, Bus) {
			m, addr := embedded(t)
			return m, connect(t, addr)
		}},
		{"memcached", 100 * time.Millisecond, func() (Bus, Bus) {
			d := startMemcached(t)
			return connect(t, d.addr), connect(t, d.addr)
		}},
	} {
		x, y := b.open()
		rawTrip(t, b.name, y)
		bot, comments := newNode(t, x, "bot", "comments"), newNode(t, y, "comments", "bot")
		bot.cfg, comments.cfg = Defaults(), Defaults()
		comments.Handle("comments", Handler{Run: func(context.Context, Call) (any, error) { return 1, nil }})
		stopA, stopB := run(t, bot), run(t, comments)
		eventually(t, "alive", func() bool { return bot.Peers()[0].Alive && comments.Peers()[0].Alive })
		chat(t, b.name, b.limit, bot)
		flatOut(t, b.name, bot)
		idle(t, b.name)
		stopA()
		stopB()
	}
}

func connect(t testing.TB, addr string) Bus {
	b, err := NewMemcached(addr)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func bar(t *testing.B, name string, value, limit float64, ok bool) {
	verdict := "ok"
	if !ok {
		verdict = "SHORT"
		t.Errorf("%s falls short", name)
	}
	fmt.Printf("bar %s %.3g %.3g %s\n", name, value, limit, verdict)
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// commit prints what one commit takes: five of them are in each command.
func commit(t *testing.B) {
	db := openDB(t, filepath.Join(t.TempDir(), "commit.db"))
	if _, err := db.Exec("CREATE TABLE x(a INTEGER) STRICT"); err != nil {
		t.Fatal(err)
	}
	var all []time.Duration
	for i := range 300 {
		start := time.Now()
		if _, err := db.Exec("INSERT INTO x VALUES(?)", i); err != nil {
			t.Fatal(err)
		}
		all = append(all, time.Since(start))
	}
	fmt.Printf("info ipc-commit-us %.3g\n", 1000*ms(median(all)))
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// rawTrip prints what the bus itself takes, as the limit beside.
func rawTrip(t *testing.B, name string, b Bus) {
	var all []time.Duration
	for range 500 {
		start := time.Now()
		if err := b.Put("raw", make([]byte, 200)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Get([]string{"raw"}); err != nil {
			t.Fatal(err)
		}
		all = append(all, time.Since(start))
	}
	fmt.Printf("info ipc-raw-%s-us %.3g\n", name, 1000*ms(median(all)))
}

// chat is one command after another, with the pauses of a person.
func chat(t *testing.B, name string, limit time.Duration, n *Node) {
	var all []time.Duration
	for i := range 15 {
		pause(t.Context(), 400*time.Millisecond)
		start := time.Now()
		if _, err := n.Call(patient(t), Command{ID: fmt.Sprint("chat", i), Peer: "comments", Verb: "comments"}, nil); err != nil {
			t.Fatal(err)
		}
		all = append(all, time.Since(start))
	}
	d := median(all)
	bar(t, "ipc-chat-"+name+"-ms", ms(d), ms(limit), d <= limit)
}

// flatOut keeps a full window busy.
func flatOut(t *testing.B, name string, n *Node) {
	const commands = 3000
	start := time.Now()
	next := make(chan int, commands)
	for i := range commands {
		next <- i
	}
	close(next)
	var wg sync.WaitGroup
	for range window {
		wg.Go(func() {
			for i := range next {
				if _, err := n.Call(context.Background(), Command{ID: fmt.Sprint("flat", i), Peer: "comments", Verb: "comments"}, nil); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	rate := commands / time.Since(start).Seconds()
	bar(t, "ipc-flat-out-"+name+"-per-s", rate, 1000, rate >= 1000)
}

// idle is the processor time of both ends together, and of the embedded server,
// when nothing is asked.
func idle(t *testing.B, name string) {
	pause(t.Context(), 2*time.Second)
	used := func() time.Duration {
		var r syscall.Rusage
		syscall.Getrusage(syscall.RUSAGE_SELF, &r)
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	const span = 6 * time.Second
	before := used()
	pause(t.Context(), span)
	share := 100 * float64(used()-before) / float64(span) / 2
	bar(t, "ipc-idle-"+name+"-percent-of-a-core-an-end", share, 0.5, share <= 0.5)
}
