// SPDX-License-Identifier: GPL-3.0-or-later

package audio

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oswald"
)

// stage records what lines and device do, in order. It is both.
type stage struct {
	mu     sync.Mutex
	events []string
	pcm    []byte // of the last start

	startErr, finishErr, unmuteErr, muteErr error
	hang                                    bool // finish never ends by itself
}

func (s *stage) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, fmt.Sprintf(format, args...))
}

func (s *stage) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.events
	s.events = nil
	return e
}

func (s *stage) Unmute(ch oswald.Channel) error { s.note("unmute %s", ch); return s.unmuteErr }
func (s *stage) Mute() error                    { s.note("mute"); return s.muteErr }
func (s *stage) Part() oswald.Part              { return oswald.Part{Name: "mute lines", OK: true} }

func (s *stage) start(ctx context.Context, pcm []byte, lead time.Duration) error {
	s.mu.Lock()
	s.pcm = pcm[len(silence(lead+guard)):]
	s.mu.Unlock()
	s.note("start %v", lead)
	if s.startErr != nil {
		return s.startErr
	}
	return pause(ctx, lead)
}

func (s *stage) finish(ctx context.Context, tail time.Duration) error {
	s.mu.Lock()
	d := length(s.pcm)
	s.mu.Unlock()
	s.note("play %v, tail %v", d.Round(time.Millisecond), tail)
	if s.finishErr != nil {
		return s.finishErr
	}
	if s.hang {
		d = time.Hour
	}
	return pause(ctx, d+guard+tail)
}

func (s *stage) sleep() error { s.note("sleep"); return nil }

// rig is a Player on a stage, running in a bubble.
type rig struct {
	*Player
	*stage
	t    *testing.T
	stop context.CancelFunc
	done chan error
}

// play runs f with a Player whose engine makes a tenth of a second for each
// character, without a chime, in a synctest bubble.
func play(t *testing.T, change func(*Config, *stage), f func(*testing.T, *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c, s := Defaults(), new(stage)
		c.Chime = false
		if change != nil {
			change(&c, s)
		}
		p, err := New(c, Deps{Lines: s, Folder: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		p.phrases.synth = &tone{}
		p.open = func() (output, error) { return output{name: "stage", card: true, sink: s}, nil }
		ctx, cancel := context.WithCancel(t.Context())
		r := &rig{Player: p, stage: s, t: t, stop: cancel, done: make(chan error, 1)}
		go func() { r.done <- p.Run(ctx) }()
		synctest.Wait()
		r.expect("mute") // at start
		f(t, r)
		cancel()
		if err := <-r.done; err != nil {
			t.Error(err)
		}
		if e := r.take(); len(e) == 0 || e[len(e)-1] != "mute" {
			t.Errorf("events at the end: %q", e)
		}
	})
}

func (r *rig) expect(want ...string) {
	r.t.Helper()
	if got := r.take(); !slices.Equal(got, want) {
		r.t.Errorf("events %q\n  want %q", got, want)
	}
}

// say speaks, waits, and checks code and message.
func (r *rig) say(ch oswald.Channel, text string, code oswald.Code, message string) {
	r.t.Helper()
	_, err := r.Say(r.t.Context(), "", ch, text, false)
	r.check(text, err, code, message)
}

func (r *rig) check(text string, err error, code oswald.Code, message string) {
	r.t.Helper()
	if oswald.CodeOf(err) != code || err != nil && !strings.Contains(oswald.MessageOf(err), message) {
		r.t.Errorf("%q: %v, want %q, %q", text, err, code, message)
	}
}

// later speaks in the background.
func (r *rig) later(text string, urgent bool) chan error {
	got := make(chan error, 1)
	go func() {
		_, err := r.Say(r.t.Context(), "", oswald.Both, text, urgent)
		got <- err
	}()
	synctest.Wait()
	return got
}

// outcomes returns the texts and ends of the history.
func (r *rig) outcomes() (all []string) {
	for _, e := range r.History() {
		all = append(all, e.Text+": "+string(e.Outcome))
	}
	return all
}

func TestOrder(t *testing.T) {
	play(t, nil, func(t *testing.T, r *rig) {
		test := func(ch oswald.Channel, text string) {
			t.Helper()
			spoken, err := r.Say(t.Context(), "", ch, text, false)
			if err != nil || spoken.Took != 300*time.Millisecond || spoken.Lines != ch.String()+" unmuted 0.8 s" || spoken.Channel != ch {
				t.Errorf("%+v, %v", spoken, err)
			}
			r.expect("start 100ms", "unmute "+ch.String(), "play 300ms, tail 450ms", "mute", "sleep")
		}
		test(oswald.Left, "abc")
		test(oswald.Right, "def")
		test(oswald.Both, "ghi")
	})
}

// The channel that is not meant is exactly zero; chime and speech are one.
func TestChannels(t *testing.T) {
	test := func(ch oswald.Channel, left, right bool) {
		play(t, func(c *Config, _ *stage) { c.Chime = true }, func(t *testing.T, r *rig) {
			if _, err := r.Say(t.Context(), "", ch, "abc", false); err != nil {
				t.Fatal(err)
			}
			var sum [2]int
			for i := 0; i < len(r.pcm); i += 2 {
				if r.pcm[i] != 0 || r.pcm[i+1] != 0 {
					sum[i/2%2]++
				}
			}
			if (sum[0] > 0) != left || (sum[1] > 0) != right {
				t.Errorf("%v: %d samples left, %d right", ch, sum[0], sum[1])
			}
			if want := samples(len(chime(false))) + 300*time.Millisecond; length(r.pcm) != want {
				t.Errorf("%v of sound, want %v", length(r.pcm), want)
			}
		})
	}
	test(oswald.Left, true, false)
	test(oswald.Right, false, true)
	test(oswald.Both, true, true)
}

// Whatever fails, the rooms are muted and then the device sleeps, and the next
// announcement is spoken.
func TestFailures(t *testing.T) {
	broken := oswald.Errorf(oswald.Unavailable, "Broken.")
	test := func(change func(*stage), want ...string) {
		t.Helper()
		t.Setenv("PATH", "") // no other player
		play(t, func(_ *Config, s *stage) { change(s) }, func(t *testing.T, r *rig) {
			r.say(oswald.Left, "abc", oswald.Unavailable, "")
			r.expect(want...)
			if p := r.Parts()[0]; p.OK {
				t.Errorf("%+v", p)
			}
			r.stage.startErr, r.stage.finishErr, r.stage.unmuteErr, r.stage.muteErr, r.stage.hang = nil, nil, nil, nil, false
			r.say(oswald.Left, "abc", "", "") // not "said a moment ago"
			if p := r.Parts()[0]; !p.OK {
				t.Errorf("%+v", p)
			}
			if got := r.outcomes(); !slices.Equal(got, []string{"abc: failed", "abc: spoken"}) {
				t.Errorf("%q", got)
			}
		})
	}
	test(func(s *stage) { s.startErr = broken }, "start 100ms", "sleep")
	test(func(s *stage) { s.unmuteErr = broken }, "start 100ms", "unmute left", "mute", "sleep")
	test(func(s *stage) { s.finishErr = broken }, "start 100ms", "unmute left", "play 300ms, tail 450ms", "mute", "sleep")
	test(func(s *stage) { s.muteErr = broken }, "start 100ms", "unmute left", "play 300ms, tail 450ms", "mute", "sleep")
	test(func(s *stage) { s.hang = true }, "start 100ms", "unmute left", "play 300ms, tail 450ms", "mute", "sleep")
}

func TestStopInterrupts(t *testing.T) {
	play(t, nil, func(t *testing.T, r *rig) {
		first, second := r.later(strings.Repeat("a", 100), false), r.later("b", false)
		time.Sleep(time.Second)
		r.stop()
		synctest.Wait()
		r.expect("start 100ms", "unmute both", "play 10s, tail 450ms", "mute", "sleep", "mute")
		r.check("first", <-first, oswald.Unavailable, "Oswald is ending")
		r.check("second", <-second, oswald.Unavailable, "Oswald is ending")
		r.say(oswald.Left, "after", oswald.Unavailable, "Oswald is ending")
		r.note("mute") // for the rig
	})
}

func TestQueueOrder(t *testing.T) {
	play(t, nil, func(t *testing.T, r *rig) {
		var got []chan error
		for _, s := range []struct {
			text   string
			urgent bool
		}{{"playing", false}, {"a", false}, {"B", true}, {"c", false}, {"D", true}} {
			got = append(got, r.later(s.text, s.urgent))
		}
		for _, ch := range got {
			if err := <-ch; err != nil {
				t.Error(err)
			}
		}
		want := []string{"playing: spoken", "B: spoken", "D: spoken", "a: spoken", "c: spoken"}
		if o := r.outcomes(); !slices.Equal(o, want) {
			t.Errorf("%q, want %q", o, want)
		}
	})
}

func TestQueueBound(t *testing.T) {
	play(t, func(c *Config, _ *stage) { c.Queue = 3 }, func(t *testing.T, r *rig) {
		r.later(strings.Repeat("x", 50), false)
		a, b, c := r.later("a", false), r.later("b", false), r.later("c", false)
		r.say(oswald.Both, "d", oswald.Unavailable, "3 announcements wait already")
		u := r.later("U", true) // takes the place of the newest
		r.check("c", <-c, oswald.Expired, "took its place")
		v, w := r.later("V", true), r.later("W", true)
		r.check("b", <-b, oswald.Expired, "took its place")
		r.check("a", <-a, oswald.Expired, "took its place")
		r.check("X", <-r.later("X", true), oswald.Unavailable, "wait already") // all are urgent
		for _, ch := range []chan error{u, v, w} {
			r.check("urgent", <-ch, "", "")
		}
	})
}

func TestRepeats(t *testing.T) {
	play(t, nil, func(t *testing.T, r *rig) {
		r.say(oswald.Left, "hello", "", "")
		r.say(oswald.Left, "hello", oswald.Conflict, "can be said again in 29 s")
		r.say(oswald.Right, "hello", "", "") // another room
		r.say(oswald.Left, "hallo", "", "")
		r.check("urgent", <-r.later("hello", true), "", "") // both rooms
		time.Sleep(30 * time.Second)
		r.say(oswald.Left, "hello", "", "")
		if _, err := r.Repeat(t.Context(), ""); err != nil { // asked for by name
			t.Error(err)
		}
	})
}

// The same command delivered twice speaks once, however late the second comes.
func TestSameID(t *testing.T) {
	play(t, nil, func(t *testing.T, r *rig) {
		speak := func(id string) error {
			_, err := r.Say(t.Context(), id, oswald.Left, "hello", false)
			return err
		}
		r.check("first", speak("abc"), "", "")
		time.Sleep(time.Hour)
		r.check("second", speak("abc"), oswald.Conflict, "already")
		r.check("another", speak("abd"), "", "")
	})
}

func TestExpiry(t *testing.T) {
	play(t, nil, func(t *testing.T, r *rig) {
		for i := range 5 { // 150 s of talk
			r.later(strings.Repeat("x", 299)+fmt.Sprint(i), true)
		}
		r.later("slow", false)
		r.later("URGENT", true)
		time.Sleep(5 * time.Minute)
		var ends []string
		for _, o := range r.outcomes() {
			if !strings.HasPrefix(o, "xxx") {
				ends = append(ends, o)
			}
		}
		if want := []string{"slow: waited too long", "URGENT: spoken"}; !slices.Equal(ends, want) {
			t.Errorf("%q, want %q", ends, want)
		}
	})
}

// Say does not wait for ever: it tells how many are ahead, and the announcement
// keeps its place.
func TestQueued(t *testing.T) {
	play(t, nil, func(t *testing.T, r *rig) {
		r.later(strings.Repeat("x", 300), false)
		spoken, err := r.Say(t.Context(), "", oswald.Both, "second", false)
		if err != nil || spoken.Queued != 1 {
			t.Errorf("%+v, %v", spoken, err)
		}
		time.Sleep(time.Minute)
		if o := r.outcomes(); o[len(o)-1] != "second: spoken" {
			t.Errorf("%q", o)
		}
	})
}

func TestWithdrawn(t *testing.T) {
	play(t, nil, func(t *testing.T, r *rig) {
		r.later(strings.Repeat("x", 50), false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.Say(ctx, "", oswald.Both, "second", false); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		want := []string{"second: withdrawn", strings.Repeat("x", 50) + ": spoken"}
		if o := r.outcomes(); !slices.Equal(o, want) {
			t.Errorf("%q", o)
		}
	})
}

func TestQuietHours(t *testing.T) {
	play(t, func(c *Config, _ *stage) { c.Quiet = "23:00-07:00" }, func(t *testing.T, r *rig) {
		r.now = func() time.Time { return time.Date(2026, 5, 4, 23, 30, 0, 0, time.Local) }
		r.say(oswald.Both, "hello", oswald.Conflict, "they end at 07:00")
		r.check("urgent", <-r.later("fire", true), "", "")
		if err := r.Quiet("12:00-13:00"); err != nil {
			t.Error(err)
		}
		r.say(oswald.Both, "hello", "", "")
		r.check("bad", r.Quiet("noon"), oswald.Invalid, "like 22:00-07:00")
		if o := r.outcomes(); !slices.Equal(o, []string{"hello: quiet hours", "fire: spoken", "hello: spoken"}) {
			t.Errorf("%q", o)
		}
	})
}

func TestHush(t *testing.T) {
	play(t, nil, func(t *testing.T, r *rig) {
		first, second := r.later(strings.Repeat("a", 100), false), r.later("b", false)
		time.Sleep(time.Second)
		if n := r.Hush(); n != 2 {
			t.Errorf("%d hushed", n)
		}
		r.check("first", <-first, oswald.Conflict, "hushed")
		r.check("second", <-second, oswald.Conflict, "hushed")
		r.expect("start 100ms", "unmute both", "play 10s, tail 450ms", "mute", "sleep")
		r.say(oswald.Both, "b", "", "")
		if n := r.Hush(); n != 0 {
			t.Errorf("%d hushed", n)
		}
	})
}

func TestSilence(t *testing.T) {
	play(t, nil, func(t *testing.T, r *rig) {
		r.Silence(oswald.Left, true)
		r.say(oswald.Left, "a", oswald.Conflict, "left room is muted")
		r.say(oswald.Both, "b", "", "")
		r.expect("start 100ms", "unmute right", "play 100ms, tail 450ms", "mute", "sleep")
		r.Silence(oswald.Both, true)
		r.say(oswald.Both, "c", oswald.Conflict, "Both rooms are muted")
		r.Silence(oswald.Both, false)
		long := r.later(strings.Repeat("a", 100), false)
		time.Sleep(time.Second)
		r.Silence(oswald.Right, true) // interrupts
		r.check("long", <-long, oswald.Conflict, "hushed")
	})
}

func TestVolume(t *testing.T) {
	play(t, nil, func(t *testing.T, r *rig) {
		peak := func(text string) (most int) {
			r.say(oswald.Left, text, "", "")
			for i := 0; i < len(r.pcm); i += frame {
				most = max(most, int(int16(uint16(r.pcm[i])|uint16(r.pcm[i+1])<<8)))
			}
			return most
		}
		if got := peak("a"); got < 23190 || got > 23200 {
			t.Errorf("peak %d", got)
		}
		if err := r.Volume(50); err != nil {
			t.Error(err)
		}
		if got := peak("b"); got < 11590 || got > 11600 {
			t.Errorf("peak %d", got)
		}
		r.check("0", r.Volume(0), oswald.Invalid, "from 1 to 100")
		r.check("101", r.Volume(101), oswald.Invalid, "from 1 to 100")
	})
}

func TestHistoryIsBounded(t *testing.T) {
	play(t, nil, func(t *testing.T, r *rig) {
		for i := range 150 {
			r.say(oswald.Left, fmt.Sprint("n", i), "", "")
		}
		if n := len(r.History()); n != keptEntries {
			t.Errorf("%d entries", n)
		}
		if _, err := r.Repeat(t.Context(), "x"); err != nil {
			t.Error(err)
		}
	})
}

func TestNothingToRepeat(t *testing.T) {
	play(t, nil, func(t *testing.T, r *rig) {
		_, err := r.Repeat(t.Context(), "")
		r.check("repeat", err, oswald.NotFound, "Nothing was said yet")
	})
}

func TestConcurrency(t *testing.T) {
	play(t, func(c *Config, _ *stage) { c.Queue = 1000 }, func(t *testing.T, r *rig) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := range 20 {
					r.Say(t.Context(), fmt.Sprint(i, "/", j), oswald.Channel(j%3), fmt.Sprint(i, j), j%5 == 0)
					switch j % 6 {
					case 0:
						r.Hush()
					case 1:
						r.Volume(50 + j)
					case 2:
						r.Silence(oswald.Left, j%4 == 0)
					case 3:
						r.Repeat(t.Context(), "")
					case 4:
						r.Chime(j%2 == 0)
					}
					r.Parts()
					r.History()
				}
			})
		}
		wg.Wait()
		// However it went, no room is open while the device sleeps.
		open := false
		for _, e := range r.take() {
			switch {
			case strings.HasPrefix(e, "unmute"):
				open = true
			case e == "mute":
				open = false
			case open && (e == "sleep" || strings.HasPrefix(e, "start")):
				t.Fatal("a room was open while the device slept")
			}
		}
	})
}
