// SPDX-License-Identifier: GPL-3.0-or-later

package sensors

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"oswald"
	"oswald/internal/store"
)

// alerts remembers what was said.
type alerts struct {
	mu   sync.Mutex
	list []oswald.Alert
}

func (a *alerts) add(x oswald.Alert) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, x)
}

// take returns "key summary" of what was said since the last take, without the
// all-clears that a start gives.
func (a *alerts) take() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var s []string
	for _, x := range a.list {
		word := x.Severity.String()
		if x.Resolved {
			word = "over"
		}
		s = append(s, x.Key+" "+word)
	}
	a.list = nil
	return strings.Join(s, ", ")
}

func open(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// run starts s and returns what ends it.
func run(t *testing.T, s *Sensors) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestHeatedByHand is the life of the simulated probe under the real reader.
func TestHeatedByHand(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var said alerts
		db := open(t, filepath.Join(dir, "bot.db"))
		cfg := Defaults()
		cfg.Simulate, cfg.Thermal = true, ""
		s, err := New(cfg, Deps{DB: db, Alert: said.add, Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, s)
		after := func(d time.Duration, want string) {
			t.Helper()
			time.Sleep(d) // the bubble's clock: takes no time
			synctest.Wait()
			if got := said.take(); got != want {
				t.Errorf("after %v: %q, want %q", d, got, want)
			}
		}
		reading := func() oswald.Reading {
			t.Helper()
			list := s.Readings(t.Context())
			if len(list) != 1 {
				t.Fatalf("%d readings", len(list))
			}
			return list[0]
		}
		after(0, "probe/kitchen/unknown over")
		if r := reading(); r.Probe != "kitchen" || !r.Simulated || r.Err != nil || r.Celsius < 20 || r.Celsius > 22.5 {
			t.Errorf("%+v", r)
		}
		after(2*time.Hour, "probe/kitchen/hot over")
		if r := reading(); len(r.Recent) < 20 || r.Trend != r.Trend {
			t.Errorf("after two hours: %+v", r)
		}
		write(t, s.SetFile(), "33,5\n")
		after(2*time.Minute, "")
		after(time.Minute, "probe/kitchen/hot warning")
		if p := s.Parts(); len(p) != 1 || p[0].State != "33.5 °C, above its limit of 30 °C" || !p[0].Simulated {
			t.Errorf("%+v", p)
		}
		write(t, s.SetFile(), "36")
		after(time.Minute, "probe/kitchen/hot critical")
		write(t, s.SetFile(), "auto")
		after(time.Hour, "probe/kitchen/hot over")
		for _, fault := range []struct{ word, text string }{
			{"gone", "not on the bus"}, {"empty", "does not answer"}, {"crc", "errors"}, {"short", "shorted"}, {"poweron", "85 °C"},
		} {
			write(t, s.SetFile(), fault.word)
			after(time.Minute, "probe/kitchen/unknown warning")
			if r := reading(); r.Err == nil || !strings.Contains(oswald.MessageOf(r.Err), fault.text) {
				t.Errorf("%s: %v", fault.word, r.Err)
			}
			if p := s.Parts(); p[0].OK || !strings.Contains(p[0].State, fault.text) {
				t.Errorf("%s: %+v", fault.word, p)
			}
			write(t, s.SetFile(), "21")
			after(time.Minute, "probe/kitchen/unknown over")
		}
		stop()
		// The day is still known to the next process.
		if s, err = New(cfg, Deps{DB: db, Alert: said.add, Dir: dir}); err != nil {
			t.Fatal(err)
		}
		stop = run(t, s)
		synctest.Wait()
		if r := reading(); len(r.Recent) < 30 {
			t.Errorf("after a restart: %d values", len(r.Recent))
		}
		var n int
		if err := db.QueryRow("SELECT count(*) FROM readings").Scan(&n); err != nil || n < 180 || n > 260 {
			t.Errorf("%d rows of history, %v", n, err)
		}
		stop()
		db.Close()
	})
}

func TestRealTree(t *testing.T) {
	slave, _ := slaveText(21)
	root := tree(t, map[string]string{"28-3c01d607e1b2/w1_slave": slave, "28-3c01d607aa01/w1_slave": slave})
	host := tree(t, map[string]string{"thermal_zone0/temp": "48312\n"})
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var said alerts
		db := open(t, filepath.Join(dir, "bot.db"))
		defer db.Close()
		cfg := Defaults()
		cfg.Root, cfg.Thermal = root, host
		cfg.Probes = map[string]string{"28-3c01d607e1b2": "kitchen", "28-3c01d607bb01": "attic"}
		cfg.Limits = map[string]float64{"attic": 40}
		s, err := New(cfg, Deps{DB: db, Alert: said.add})
		if err != nil {
			t.Fatal(err)
		}
		defer run(t, s)()
		time.Sleep(time.Minute)
		synctest.Wait()
		var got []string
		for _, r := range s.Readings(t.Context()) {
			line := r.Probe
			if r.Err != nil {
				line += " " + oswald.MessageOf(r.Err)
			}
			got = append(got, line)
		}
		if want := "28-3c01d607aa01, attic is not on the bus; check its plug, kitchen, cpu"; strings.Join(got, ", ") != want {
			t.Errorf("%q, want %q", strings.Join(got, ", "), want)
		}
		if got := said.take(); !strings.Contains(got, "probe/attic/unknown warning") {
			t.Error(got)
		}
		// Pulled: the kernel forgets it after a while, and we do not.
		os.RemoveAll(filepath.Join(root, "28-3c01d607e1b2"))
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := said.take(); got != "probe/kitchen/unknown warning" {
			t.Error(got)
		}
	})
}

func TestNoBus(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "bot.db"))
	defer db.Close()
	cfg := Defaults()
	cfg.Root, cfg.Thermal = filepath.Join(t.TempDir(), "nothing"), t.TempDir()
	s, err := New(cfg, Deps{DB: db})
	if err != nil {
		t.Fatal(err)
	}
	defer run(t, s)()
	if list := s.Readings(t.Context()); len(list) != 0 {
		t.Errorf("%+v", list)
	}
	if p := s.Parts(); len(p) != 1 || !p[0].OK || !strings.HasPrefix(p[0].State, "none connected: there is no 1-wire bus") {
		t.Errorf("%+v", p)
	}
}

// TestHungRead has a file that blocks whoever opens it, as the kernel can: a
// pipe without a writer. It holds up nothing but its bus, and is opened once.
func TestHungRead(t *testing.T) {
	root := tree(t, map[string]string{"28-3c01d607e1b2/id": ""})
	pipe := filepath.Join(root, "28-3c01d607e1b2", "w1_slave")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	host := tree(t, map[string]string{"thermal_zone0/temp": "48312\n"})
	db := open(t, filepath.Join(t.TempDir(), "bot.db"))
	defer db.Close()
	var said alerts
	cfg := Defaults()
	cfg.Root, cfg.Thermal, cfg.Deadline = root, host, 100*time.Millisecond
	s, err := New(cfg, Deps{DB: db, Alert: said.add})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	reads := 0
	s.readProbe = func(dir string) (sample, error) {
		mu.Lock()
		reads++
		mu.Unlock()
		return readProbe(dir)
	}
	for range 5 {
		s.look(t.Context())
	}
	mu.Lock()
	if reads != 1 {
		t.Errorf("%d reads of a bus that hangs", reads)
	}
	mu.Unlock()
	if got := said.take(); !strings.Contains(got, "probe/28-3c01d607e1b2/unknown warning") || strings.Contains(got, "cpu/unknown warning") {
		t.Error(got)
	}
	list := s.Readings(t.Context())
	if len(list) != 2 || list[0].Err == nil || list[1].Err != nil || list[1].Celsius != 48.312 {
		t.Errorf("%+v", list)
	}
	// The read returns at last, and the next one works.
	w, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	os.Remove(pipe)
	slave, _ := slaveText(22)
	write(t, pipe, slave)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); s.Readings(t.Context())[0].Err != nil; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("does not recover")
		}
		s.look(t.Context())
	}
}
