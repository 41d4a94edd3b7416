// SPDX-License-Identifier: GPL-3.0-or-later

package gpio

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"oswald"
)

func TestValidate(t *testing.T) {
	test := func(c Config, want ...string) {
		t.Helper()
		err := c.Validate()
		if (err == nil) != (len(want) == 0) {
			t.Fatalf("%+v: %v", c, err)
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%+v: %v lacks %q", c, err, w)
			}
		}
	}
	test(Defaults())
	test(Config{Left: "GPIO17", Right: "GPIO27"})
	test(Config{Chip: "pinctrl-bcm2711", Left: "17", Right: "27", ActiveLow: true})
	test(Config{Left: "GPIO17"}, "mute.left, mute.right")
	test(Config{Left: "GPIO17", Right: "GPIO17"}, "mute.right")
	test(Config{Left: "17", Right: "27"}, "mute.left: line 17", "mute.right: line 27")
	test(Config{Chip: "x", Left: "-1", Right: "27"}, "mute.left: -1")
	test(Config{Chip: "x"}, "mute.left, mute.right")
}

// clock counts seconds.
func clock() func() time.Time {
	var mu sync.Mutex
	at := time.Date(2026, 5, 4, 19, 0, 0, 0, time.UTC)
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		at = at.Add(time.Second)
		return at
	}
}

func TestRecorder(t *testing.T) {
	m, err := New(Config{}, Deps{Now: clock()})
	if err != nil {
		t.Fatal(err)
	}
	test := func(err error, want string) {
		t.Helper()
		p := m.Part()
		if err != nil || !p.OK || !p.Simulated || p.State != want {
			t.Errorf("%v, %+v, want %q", err, p, want)
		}
	}
	test(nil, "simulated, both muted")
	test(m.Mute(), "simulated, both muted") // no change
	test(m.Unmute(oswald.Left), "simulated, left open; last: 19:00:01 left open")
	test(m.Mute(), "simulated, both muted; last: 19:00:01 left open, 19:00:02 both muted")
	test(m.Unmute(oswald.Right), "simulated, right open; last: 19:00:01 left open, 19:00:02 both muted, 19:00:03 right open")
	test(m.Unmute(oswald.Both), "simulated, both open; last: 19:00:02 both muted, 19:00:03 right open, 19:00:04 both open")
	test(m.Close(), "simulated, both muted; last: 19:00:03 right open, 19:00:04 both open, 19:00:05 both muted")
	test(m.Close(), "simulated, both muted; last: 19:00:03 right open, 19:00:04 both open, 19:00:05 both muted")
	if err := m.Unmute(oswald.Left); oswald.CodeOf(err) != oswald.Unavailable {
		t.Errorf("after Close: %v", err)
	}
}

func TestChangesAreBounded(t *testing.T) {
	m, _ := New(Config{}, Deps{})
	for range 100 {
		m.Unmute(oswald.Both)
		m.Mute()
	}
	if n := len(m.Changes()); n != kept {
		t.Errorf("%d changes kept, want %d", n, kept)
	}
}

// faulty is a pair of lines that stops answering.
type faulty struct {
	got    [][]int
	broken bool
	closed int
}

func (f *faulty) SetValues(v []int) error {
	if f.broken {
		return errors.New("no such device")
	}
	f.got = append(f.got, v)
	return nil
}

func (f *faulty) Close() error { f.closed++; return nil }

// Both values are always written, and lines that are lost are asked for again.
func TestLostLines(t *testing.T) {
	m, _ := New(Config{}, Deps{})
	f := new(faulty)
	m.lines = f
	if err := errors.Join(m.Unmute(oswald.Left), m.Unmute(oswald.Right), m.Mute()); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]int{{open, muted}, {muted, open}, {muted, muted}} {
		if len(f.got[i]) != 2 || f.got[i][0] != want[0] || f.got[i][1] != want[1] {
			t.Errorf("write %d: %v, want %v", i, f.got[i], want)
		}
	}
	f.broken = true
	if err := m.Unmute(oswald.Left); err != nil || f.closed != 1 || !m.l {
		t.Errorf("%v, closed %d, left open %v", err, f.closed, m.l)
	}
}

func TestConcurrentUse(t *testing.T) {
	m, _ := New(Config{}, Deps{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				m.Unmute(oswald.Left)
				m.Mute()
				m.Part()
				m.Changes()
			}
		})
	}
	wg.Wait()
	m.Close()
}
