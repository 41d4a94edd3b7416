// SPDX-License-Identifier: GPL-3.0-or-later

package backoff

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestNext(t *testing.T) {
	b := Backoff{Min: time.Second, Max: 10 * time.Second}
	test := func(bound time.Duration) {
		t.Helper()
		if d := b.Next(); d < bound/2 || d > bound {
			t.Errorf("pause %v, want between %v and %v", d, bound/2, bound)
		}
	}
	for _, s := range []int{1, 2, 4, 8, 10, 10} {
		test(time.Duration(s) * time.Second)
	}
	b.Reset()
	test(time.Second)
}

func TestWaitEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		b := Backoff{Min: time.Hour, Max: time.Hour}
		if err := b.Wait(ctx); err != context.DeadlineExceeded {
			t.Error(err)
		}
		b = Backoff{Min: time.Second, Max: time.Second}
		if err := b.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
