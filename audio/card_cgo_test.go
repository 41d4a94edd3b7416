// SPDX-License-Identifier: GPL-3.0-or-later

//go:build cgo

package audio

import (
	"context"
	"strings"
	"testing"
	"time"
)

// How the sound library, which cannot close or reopen its card, is kept from
// taking Oswald with it.

// A card that goes away in the middle gives an error in time, with the rooms
// muted, and Oswald lives on.
func TestCardDies(t *testing.T) {
	t.Parallel()
	c := newCard(t)
	c.listen(t.Context(), rate/3)
	r := c.child("left one\nleft two", "PATH=") // no aplay to fall back to
	<-c.done
	for i, s := range r.Said {
		if s.Err == "" || s.Took > 20*time.Second {
			t.Errorf("announcement %d: %+v", i, s)
		}
	}
	if n := len(r.Changes); n == 0 || r.Changes[n-1].Left || r.Changes[n-1].Right {
		t.Errorf("lines: %v", r.Changes)
	}
	if r.Parts[0].OK {
		t.Errorf("%+v", r.Parts[0])
	}
	t.Logf("%+v", r.Said)
}

// A card that takes no more samples, and says nothing, is given up in time.
func TestCardHangs(t *testing.T) {
	t.Parallel()
	c := newCard(t)
	c.hangs = true
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c.listen(ctx, rate/3)
	r := c.child("left one\nleft two", "PATH=", "OSWALD_STRICT=1")
	if s := r.Said[0]; !strings.Contains(s.Err, "The sound card hangs") || s.Took > 30*time.Second {
		t.Errorf("%+v", s)
	}
	if s := r.Said[1]; !strings.Contains(s.Err, "The sound card does not play") || s.Took > 30*time.Second {
		t.Errorf("%+v", s)
	}
	if n := len(r.Changes); n == 0 || r.Changes[n-1].Left || r.Changes[n-1].Right {
		t.Errorf("lines: %v", r.Changes)
	}
}

// A card that comes back is used again, without a restart.
func TestCardComesBack(t *testing.T) {
	t.Parallel()
	c := newCard(t)
	c.listen(t.Context(), rate/3)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		<-c.done
		for !strings.Contains(c.noise.String(), "trying it through aplay") {
			if pause(ctx, 5*time.Millisecond) != nil {
				return
			}
		}
		c.listen(ctx, 0)
	}()
	r := c.child("left one\nleft two")
	cancel()
	r.spoke(t)
	if !r.Parts[0].OK || !strings.Contains(r.Parts[0].State, "aplay") {
		t.Errorf("%+v", r.Parts[0])
	}
}
