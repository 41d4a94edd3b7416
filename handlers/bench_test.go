// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"path/filepath"
	"testing"
	"time"

	"oswald"
	"oswald/internal/store"
)

func benchmark(b *testing.B, text string) {
	db, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "bot.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	cfg := Defaults()
	cfg.Rate = 0
	f := newHouse()
	h, err := New(cfg, Deps{DB: db, Comments: f, Thermometer: f})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		_, err := h.Dispatch(b.Context(), oswald.Request{ID: oswald.RandomID(), Actor: oswald.Actor{Address: owner, Role: oswald.Owner}, Text: text, At: time.Now()})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// A command that only reads touches no file on its way.
func BenchmarkRead(b *testing.B) { benchmark(b, "temp kitchen") }

// A command that changes something costs two commits.
func BenchmarkJournalled(b *testing.B) { benchmark(b, "approve 12") }
