// SPDX-License-Identifier: GPL-3.0-or-later

package oswald

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestErrors(t *testing.T) {
	test := func(err error, code Code, message string) {
		t.Helper()
		if CodeOf(err) != code || MessageOf(err) != message {
			t.Errorf("%v: code %q, message %q", err, CodeOf(err), MessageOf(err))
		}
	}
	test(Errorf(NotFound, "There is no comment %d.", 7), NotFound, "There is no comment 7.")
	test(fmt.Errorf("deep: %w", Wrap(io.EOF, Unavailable, "The probe is gone.")), Unavailable, "The probe is gone.")
	test(io.EOF, Internal, "Internal error.")
	if CodeOf(nil) != "" {
		t.Error("nil has a code")
	}
	if !errors.Is(Wrap(io.EOF, Internal, "x"), io.EOF) {
		t.Error("the cause is lost")
	}
}

func TestCommandID(t *testing.T) {
	a, b := CommandID("alice@example.org", "1"), CommandID("alice@example.org", "1")
	if a != b || len(a) != 16 {
		t.Errorf("%q and %q", a, b)
	}
	if CommandID("alice@example.org1", "") == CommandID("alice@example.org", "1") {
		t.Error("sender and origin run into each other")
	}
	if a, b := RandomID(), RandomID(); len(a) != 16 || a == b {
		t.Errorf("random IDs %q and %q", a, b)
	}
}

func TestRoles(t *testing.T) {
	for r := NoRole; r <= Owner; r++ {
		b, _ := r.MarshalText()
		var got Role
		if err := got.UnmarshalText(b); err != nil || got != r {
			t.Errorf("%v came back as %v, %v", r, got, err)
		}
	}
	if _, err := ParseRole("king"); CodeOf(err) != Invalid {
		t.Errorf("king: %v", err)
	}
}
