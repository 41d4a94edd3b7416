// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestBars measures the message bus against what it has to reach, beside the
// bare bus, the bare disk and two brokers in the same run. It takes three
// minutes and depends on the machine, so it runs only where OSWALD_BENCH is set.
func TestBars(t *testing.T) {
	if os.Getenv("OSWALD_BENCH") == "" {
		t.Skip("needs OSWALD_BENCH=1")
	}
	disk(t)
	for _, b := range []struct {
		name  string
		limit time.Duration
		open  func() (Bus, Bus)
	}{
		{"mem", 5 * time.Millisecond, func() (Bus, Bus) { m := NewMem(); return m, m }},
		{"embedded_in_process", 5 * time.Millisecond, func() (Bus, Bus) { m, _ := embedded(t); return m, m }},
		{"embedded_other_process", 100 * time.Millisecond, func() (Bus, Bus) {
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
		bot, stop := twoEnds(t, Defaults(), x, y)
		chat(t, b.name, b.limit, bot)
		flatOut(t, b.name, bot)
		bar(t, "ipc_idle_"+b.name+"_percent", idle(t, 6*time.Second), 0.5, 1)
		stop()
	}
	polls(t)
	natsPeer(t)
	redisPeer(t)
	figure("ipc_worker_rss_mb", rss(t))
}

// twoEnds runs a bot and a comment server that has nothing to do.
func twoEnds(t testing.TB, cfg Config, x, y Bus) (bot *Node, stop func()) {
	bot, comments := newNode(t, x, "bot", "comments"), newNode(t, y, "comments", "bot")
	bot.cfg, comments.cfg = cfg, cfg
	comments.Handle("comments", Handler{Run: func(context.Context, Call) (any, error) { return 1, nil }})
	stopA, stopB := run(t, bot), run(t, comments)
	eventually(t, "alive", func() bool { return bot.Peers()[0].Alive && comments.Peers()[0].Alive })
	return bot, func() { stopA(); stopB() }
}

func connect(t testing.TB, addr string) Bus {
	b, err := NewMemcached(addr)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// bar prints one figure beside what it must reach; sign 1 means at most, -1 at least.
func bar(t *testing.T, name string, value, limit float64, sign float64) {
	t.Helper()
	word := "ok"
	if sign*value > sign*limit {
		word = "SHORT"
		t.Errorf("%s: %.3g, the bar is %g", name, value, limit)
	}
	fmt.Printf("bar %s %.3g %g %s\n", name, value, limit, word)
}

func figure(name string, value float64) { fmt.Printf("figure %s %.3g\n", name, value) }

func peerFigure(name string, value float64) { fmt.Printf("peer %s %.3g\n", name, value) }

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// breath is the pause between commands at the pace of a chat; a machine that
// has rested takes longer for everything.
const breath = 300 * time.Millisecond

// disk prints what the disk alone takes: each command has five commits, one
// after the other, in two files by turns.
func disk(t *testing.T) {
	a, b := openDB(t, filepath.Join(t.TempDir(), "a.db")), openDB(t, filepath.Join(t.TempDir(), "b.db"))
	fa, fb := newFile(a), newFile(b)
	defer fa.close()
	defer fb.close()
	for _, db := range []*file{fa, fb} {
		if _, err := db.db.Exec("CREATE TABLE x(a INTEGER PRIMARY KEY, b TEXT NOT NULL) STRICT"); err != nil {
			t.Fatal(err)
		}
	}
	commit := func(f *file, i int) {
		b := new(batch)
		b.add("INSERT INTO x VALUES(?,?)", i, "a command")
		if err := b.commit(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	plain, err := os.Create(filepath.Join(t.TempDir(), "plain"))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	var one, five, sync []time.Duration
	for i := range 300 {
		start := time.Now()
		commit(fa, -i-1)
		one = append(one, time.Since(start))
	}
	for i := range 20 {
		pause(t.Context(), breath)
		start := time.Now()
		plain.Write(make([]byte, 4096))
		plain.Sync()
		sync = append(sync, time.Since(start))
		pause(t.Context(), breath)
		start = time.Now()
		for k, f := range []*file{fa, fa, fb, fb, fa} {
			commit(f, 10*i+k)
		}
		five = append(five, time.Since(start))
	}
	figure("ipc_commit_us", 1000*ms(median(one)))
	figure("ipc_rested_fsync_us", 1000*ms(median(sync)))
	figure("ipc_rested_five_commits_ms", ms(median(five)))
}

// rawTrip prints what the bus itself takes, as the limit beside.
func rawTrip(t *testing.T, name string, b Bus) {
	trip := func() time.Duration {
		start := time.Now()
		if err := b.Put("raw", make([]byte, 400)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Get([]string{"raw"}); err != nil {
			t.Fatal(err)
		}
		return time.Since(start)
	}
	var all, rested []time.Duration
	for range 500 {
		all = append(all, trip())
	}
	for range 10 {
		pause(t.Context(), breath)
		rested = append(rested, trip()+trip()+trip()+trip())
	}
	figure("ipc_raw_"+name+"_us", 1000*ms(median(all)))
	figure("ipc_rested_four_raw_"+name+"_us", 1000*ms(median(rested)))
}

// chat is one command after another, with the pauses of a person.
func chat(t *testing.T, name string, limit time.Duration, n *Node) {
	var all []time.Duration
	for i := range 25 {
		pause(t.Context(), breath+100*time.Millisecond)
		all = append(all, ask(t, n, fmt.Sprint("chat", i)))
	}
	bar(t, "ipc_chat_"+name+"_ms", ms(median(all)), ms(limit), 1)
	figure("ipc_chat_"+name+"_p95_ms", ms(all[len(all)*95/100]))
	all = all[:0]
	for i := range 200 {
		all = append(all, ask(t, n, fmt.Sprint("row", i)))
	}
	figure("ipc_in_a_row_"+name+"_ms", ms(median(all)))
}

func ask(t *testing.T, n *Node, id string) time.Duration {
	start := time.Now()
	if _, err := n.Call(patient(t), Command{ID: id, Peer: "comments", Verb: "comments"}, nil); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}

// manyAtOnce runs ask for commands 0 … n-1, as many at a time as a window has,
// and returns how many a second that makes.
func manyAtOnce(n int, ask func(i int)) float64 {
	start := time.Now()
	next := make(chan int, n)
	for i := range n {
		next <- i
	}
	close(next)
	var wg sync.WaitGroup
	for range window {
		wg.Go(func() {
			for i := range next {
				ask(i)
			}
		})
	}
	wg.Wait()
	return float64(n) / time.Since(start).Seconds()
}

// flatOut keeps a full window busy, three times; other work on the machine only
// takes away.
func flatOut(t *testing.T, name string, n *Node) {
	best := 0.0
	for round := range 3 {
		best = max(best, manyAtOnce(2000, func(i int) {
			if _, err := n.Call(patient(t), Command{ID: fmt.Sprint("flat", round, "-", i), Peer: "comments", Verb: "comments"}, nil); err != nil {
				t.Error(err)
			}
		}))
	}
	bar(t, "ipc_flat_out_"+name+"_per_s", best, 1000, -1)
}

// idle is the processor time of one end, in percent of a core, when nothing is
// asked; with the embedded server it has its share of that.
func idle(t *testing.T, span time.Duration) float64 {
	pause(t.Context(), 2*time.Second)
	used := func() time.Duration {
		var r syscall.Rusage
		syscall.Getrusage(syscall.RUSAGE_SELF, &r)
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	before := used()
	pause(t.Context(), span)
	return 100 * float64(used()-before) / float64(span) / 2
}

// polls shows what looking more often costs, and brings.
func polls(t *testing.T) {
	d := startMemcached(t)
	for _, every := range []time.Duration{5 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, time.Second} {
		cfg := Defaults()
		cfg.Idle = every
		bot, stop := twoEnds(t, cfg, connect(t, d.addr), connect(t, d.addr))
		name := fmt.Sprint("ipc_poll_", every.Milliseconds(), "ms_")
		figure(name+"idle_percent", idle(t, 5*time.Second))
		var all []time.Duration
		for i := range 5 {
			pause(t.Context(), 3*time.Second)
			all = append(all, ask(t, bot, fmt.Sprint(every, i)))
		}
		figure(name+"rested_ms", ms(median(all)))
		stop()
	}
}

// rss is what a process holds that is a worker and nothing else, in MB, after it
// has done a thousand commands.
func rss(t *testing.T) float64 {
	m, addr := embedded(t)
	bot := newNode(t, m, "bot", "comments")
	stop := run(t, bot)
	defer stop()
	cmd := spawn(t, child{Role: "worker", Dir: t.TempDir(), Bus: addr})
	defer slay(cmd)
	manyAtOnce(1000, func(i int) {
		if _, err := bot.Call(patient(t), Command{ID: fmt.Sprint("rss", i), Peer: "comments", Verb: "rebuild", Args: order{}}, nil); err != nil {
			t.Error(err)
		}
	})
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	var size, resident float64
	fmt.Sscan(string(b), &size, &resident)
	return resident * float64(os.Getpagesize()) / 1e6
}
