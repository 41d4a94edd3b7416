// SPDX-License-Identifier: GPL-3.0-or-later

//go:build gpiosim

package gpio

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/warthog618/go-gpiocdev"
	"github.com/warthog618/go-gpiosim"

	"oswald"
)

// These tests need the kernel's gpio-sim driver and root: the guest of
// packaging/hardware-test has both.

const left, right, tripwire, hog = 17, 27, 22, 5

// chip makes a simulated chip like that of a Raspberry Pi.
func chip(t *testing.T, pull int) *gpiosim.Chip {
	t.Helper()
	s, err := gpiosim.NewSim(gpiosim.WithName("oswald"), gpiosim.WithBank(gpiosim.NewBank("pinctrl-bcm2835", 54,
		gpiosim.WithNamedLine(left, "MUTE_L"), gpiosim.WithNamedLine(right, "MUTE_R"),
		gpiosim.WithNamedLine(tripwire, "TRIPWIRE"),
		gpiosim.WithHoggedLine(hog, "kernel-hog", gpiosim.HogDirectionOutputLow))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	c := &s.Chips[0]
	for _, n := range []int{left, right} {
		if err := c.SetPull(n, pull); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// levels fails the test unless the two lines have these physical levels.
func levels(t *testing.T, c *gpiosim.Chip, when string, l, r int) {
	t.Helper()
	gotL, errL := c.Level(left)
	gotR, errR := c.Level(right)
	if errL != nil || errR != nil || gotL != l || gotR != r {
		t.Errorf("%s: levels %d %d, want %d %d (%v %v)", when, gotL, gotR, l, r, errL, errR)
	}
}

func TestSimLevels(t *testing.T) {
	test := func(name string, cfg Config, mutedLevel int) {
		t.Run(name, func(t *testing.T) {
			c := chip(t, mutedLevel)
			m, err := New(cfg, Deps{})
			if err != nil {
				t.Fatal(err)
			}
			up, down := mutedLevel, 1-mutedLevel // muted, open
			levels(t, c, "at start", up, up)
			step := func(when string, err error, l, r int) {
				t.Helper()
				if err != nil {
					t.Fatalf("%s: %v", when, err)
				}
				levels(t, c, when, l, r)
			}
			step("left", m.Unmute(oswald.Left), down, up)
			step("right", m.Unmute(oswald.Right), up, down)
			step("both", m.Unmute(oswald.Both), down, down)
			step("mute", m.Mute(), up, up)
			step("left again", m.Unmute(oswald.Left), down, up)
			if p := m.Part(); !p.OK || p.Simulated || !strings.HasPrefix(p.State, "pinctrl-bcm2835 lines 17 and 27, left open") {
				t.Errorf("%+v", p)
			}
			step("closed", m.Close(), up, up)
		})
	}
	test("names", Config{Left: "MUTE_L", Right: "MUTE_R"}, 1)
	test("label and number", Config{Chip: "pinctrl-bcm2835", Left: "17", Right: "27"}, 1)
	test("label and name", Config{Chip: "pinctrl-bcm2835", Left: "MUTE_L", Right: "27"}, 1)
	test("device", Config{Chip: gpiocdevName(t), Left: "17", Right: "27"}, 1)
	test("active low", Config{Left: "MUTE_L", Right: "MUTE_R", ActiveLow: true}, 0)
}

// gpiocdevName is the device name that the simulated chip will get.
func gpiocdevName(t *testing.T) string {
	t.Helper()
	s, err := gpiosim.NewSim(gpiosim.WithName("probe"), gpiosim.WithBank(gpiosim.NewBank("probe", 1)))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return s.Chips[0].ChipName()
}

// Taking the lines never leaves them open, however often Oswald is restarted.
func TestSimMutedFromStart(t *testing.T) {
	c := chip(t, 1)
	for range 50 {
		m, err := New(Config{Left: "MUTE_L", Right: "MUTE_R"}, Deps{})
		if err != nil {
			t.Fatal(err)
		}
		levels(t, c, "at start", 1, 1)
		m.Close()
	}
}

func TestSimRefusals(t *testing.T) {
	test := func(cfg Config, want string) {
		t.Helper()
		m, err := New(cfg, Deps{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		err = m.Unmute(oswald.Left)
		if oswald.CodeOf(err) != oswald.Unavailable || !strings.Contains(oswald.MessageOf(err), want) {
			t.Errorf("%+v: %v, want %q", cfg, err, want)
		}
		if p := m.Part(); p.OK || !strings.Contains(p.State, want) {
			t.Errorf("%+v: %+v, want %q", cfg, p, want)
		}
	}
	c := chip(t, 1)
	test(Config{Chip: "pinctrl-bcm2835", Left: "17", Right: "54"}, "has lines 0 to 53 only")
	test(Config{Chip: "pinctrl-bcm2835", Left: "MUTE_L", Right: "MUTE_X"}, `no line called "MUTE_X"`)
	test(Config{Chip: "pinctrl-rp1", Left: "17", Right: "27"}, `No GPIO chip here is called "pinctrl-rp1"`)
	test(Config{Left: "GPIO17", Right: "GPIO27"}, `has the lines "GPIO17" and "GPIO27"`)
	test(Config{Chip: "pinctrl-bcm2835", Left: "5", Right: "27"}, `line 5 is held by "kernel-hog"`)

	other, err := gpiocdev.RequestLine(c.ChipName(), right, gpiocdev.WithConsumer("lircd"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(Config{Left: "MUTE_L", Right: "MUTE_R"}, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if p := m.Part(); p.OK || !strings.Contains(p.State, `line 27 is held by "lircd"`) {
		t.Errorf("%+v", p)
	}
	other.Close() // and then the lines can be had without a restart
	if err := m.Unmute(oswald.Right); err != nil {
		t.Error(err)
	}
	levels(t, c, "after the other let go", 1, 0)
}

// A killed process leaves the lines to the pull resistor.
func TestSimKilled(t *testing.T) {
	if os.Getenv("OSWALD_HOLD") != "" { // we are the child: open the left room and wait to be killed
		m, err := New(Config{Left: "MUTE_L", Right: "MUTE_R"}, Deps{})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Unmute(oswald.Left); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute) // should the parent be gone
		return
	}
	c := chip(t, 1)
	child := exec.Command(os.Args[0], "-test.run=^TestSimKilled$")
	child.Env = append(os.Environ(), "OSWALD_HOLD=1")
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the child to open the left room", func() bool { l, _ := c.Level(left); return l == 0 })
	levels(t, c, "the child holds the lines", 0, 1)
	child.Process.Kill() // SIGKILL: no code of ours runs
	child.Wait()
	levels(t, c, "the child was killed", 1, 1)
}

func await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
