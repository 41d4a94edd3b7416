// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"oswald"
)

// faulty is a bus that loses, delays, repeats, reorders, damages and fails, by
// the draw of a seed.
type faulty struct {
	mu   sync.Mutex
	rand *rand.Rand
	mem  *Mem
	past [][2]string
	well atomic.Bool // the faults have ended
}

var errFaulty = errors.New("the bus fails, as it should")

func (f *faulty) Put(key string, val []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.rand.IntN(100)
	if f.well.Load() {
		n = 99
	}
	f.past = append(f.past, [2]string{key, string(val)})
	switch {
	case n < 5:
		return errFaulty
	case n < 10:
		f.mem.Put(key, val)
		return errFaulty // done all the same
	case n < 20:
		return nil // lost
	case n < 35:
		old := f.past[f.rand.IntN(len(f.past))]
		f.mem.Put(old[0], []byte(old[1]))
		return nil
	case n < 40:
		bad := append([]byte(nil), val...)
		bad[f.rand.IntN(len(bad))] ^= 4
		f.mem.Put(key, bad)
		return nil
	}
	return f.mem.Put(key, val)
}

func (f *faulty) Get(keys []string) (map[string][]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.well.Load() {
		switch n := f.rand.IntN(100); {
		case n < 5:
			return nil, errFaulty
		case n < 10:
			return nil, nil
		}
	}
	return f.mem.Get(keys)
}

// TestFaultyBus runs commands of every kind over a faulty bus while both ends
// restart; every end must be true.
func TestFaultyBus(t *testing.T) {
	seeds := uint64(2)
	if longTest() {
		seeds = 40
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { simulate(t, seed) })
	}
}

func simulate(t *testing.T, seed uint64) {
	const commands = 150
	bus := &faulty{rand: rand.New(rand.NewPCG(seed, 2)), mem: NewMem()}
	draw := rand.New(rand.NewPCG(seed, 3))
	dir := t.TempDir()
	botDB, workDB := openDB(t, filepath.Join(dir, "bot.db")), openDB(t, filepath.Join(dir, "comments.db"))
	var mu sync.Mutex
	ran := map[string]int{}
	handle := Handler{Run: func(_ context.Context, c Call) (any, error) {
		mu.Lock()
		defer mu.Unlock()
		ran[c.ID]++
		return c.ID, nil
	}}
	cfg := quick()
	cfg.Idle = 2 * time.Millisecond
	start := func(worker bool) (*Node, func()) {
		d := Deps{Name: "bot", DB: botDB, Bus: bus}
		peer := "comments"
		if worker {
			d.Name, d.DB, peer = peer, workDB, "bot"
		}
		n, err := New(cfg, d)
		if err != nil {
			t.Fatal(err)
		}
		n.Pair(peer, pairSecret)
		n.Handle("mail", handle)
		n.Handle("rebuild", handle)
		return n, run(t, n)
	}
	bot, stopBot := start(false)
	_, stopWorker := start(true)
	command := func(i int) Command {
		return Command{ID: fmt.Sprint(i), Peer: "comments", Verb: []string{"mail", "mail", "rebuild"}[i%3],
			Deadline: time.Now().Add(time.Duration(5+draw.IntN(3000)) * time.Millisecond)}
	}
	for i := range commands {
		if err := bot.Submit(patient(t), command(i)); err != nil {
			t.Fatal(err)
		}
		switch draw.IntN(15) {
		case 0:
			stopBot()
			bot, stopBot = start(false)
		case 1:
			stopWorker()
			_, stopWorker = start(true)
		}
	}
	bus.well.Store(true)
	ends := map[oswald.Code]int{}
	for i := range commands {
		id := fmt.Sprint(i)
		_, err := bot.Call(patient(t), command(i), nil)
		code := oswald.CodeOf(err)
		ends[code]++
		mu.Lock()
		n := ran[id]
		mu.Unlock()
		switch {
		case code == oswald.Unavailable, code == oswald.Internal:
			t.Errorf("%s has no end: %v", id, err)
		case code == "" && n == 0:
			t.Errorf("%s is done without effect", id)
		case code == oswald.Expired && n > 0:
			t.Errorf("%s is expired but ran", id)
		case n > 1 && i%3 != 2:
			t.Errorf("%s ran %d times", id, n)
		}
	}
	t.Logf("seed %d: ends %v", seed, ends)
}
