// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"strings"
	"testing"
)

func TestSummary(t *testing.T) {
	test := func(lines string, err error, code int, shown string) {
		t.Helper()
		var out strings.Builder
		s := summary{out: &out}
		s.read(strings.NewReader(lines))
		if got := s.close(err); got != code || out.String() != shown {
			t.Errorf("%q, %v: code %d, want %d; output\n%s\nwant\n%s", lines, err, got, code, out.String(), shown)
		}
	}
	failed := errors.New("exit status 1")
	test("=== RUN TestBars\nbar a 1 2 ok\nfigure b 3\n--- PASS\n", nil, 0, "bar a 1 2 ok\nfigure b 3\nall 1 bars reached\n")
	test("bar a 3 2 SHORT\nbar b 1 2 ok\n--- FAIL\n", failed, 1, "bar a 3 2 SHORT\nbar b 1 2 ok\n1 of 2 bars SHORT: a\n")
	test("bar a 3 2 SHORT\n", nil, 1, "bar a 3 2 SHORT\n1 of 1 bars SHORT: a\n")
	test("bar a 1 2 ok\n    x_test.go:1: no server\n", failed, 1, "bar a 1 2 ok\n    x_test.go:1: no server\nthe measurements failed: exit status 1\n")
	test("peer b absent: not installed\n--- SKIP: TestBars\n", nil, 1, "peer b absent: not installed\n--- SKIP: TestBars\nnothing was measured\n")
	test("barely a bar\n", nil, 1, "barely a bar\nnothing was measured\n")
	test("", nil, 1, "\nnothing was measured\n")
}
