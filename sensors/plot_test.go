// SPDX-License-Identifier: GPL-3.0-or-later

package sensors

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oswald"
)

// TestPlot draws a day that rises, with a night in which nothing was read, and
// looks where the colours are.
func TestPlot(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	path := filepath.Join(t.TempDir(), "bot.db")
	db := open(t, path)
	s, err := New(Config{Root: t.TempDir(), Poll: time.Minute, Deadline: time.Second, Hold: time.Minute, Clear: time.Minute, Keep: 365 * 24 * time.Hour},
		Deps{DB: db, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Plot(t.Context(), "", 24*time.Hour); oswald.CodeOf(err) != oswald.NotFound {
		t.Errorf("without history: %v", err)
	}
	s.probe(t.Context(), "28-1", true).name = "Attic"
	s.probe(t.Context(), "28-2", true).name = "Küche/2"
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for m := range 24 * 60 {
		if m > 600 && m < 900 {
			continue
		}
		at := minuteOf(now) - 24*60 + int64(m)
		if _, err := tx.Exec("INSERT INTO readings VALUES('28-1', ?1, ?2), ('28-2', ?1, 20)", at, 15+10*float64(m)/(24*60)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	f, err := s.Plot(t.Context(), "", 24*time.Hour)
	if err != nil || f.Name != "temperatures-2026-05-04-1200.png" || f.Type != "image/png" || len(f.Data) > 20<<10 {
		t.Fatalf("%s, %s, %d bytes, %v", f.Name, f.Type, len(f.Data), err)
	}
	if dir := os.Getenv("OSWALD_LOOK"); dir != "" { // to be looked at
		os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644)
	}
	m, err := png.Decode(bytes.NewReader(f.Data))
	if err != nil || m.Bounds().Dx() != plotWide || m.Bounds().Dy() != plotHigh {
		t.Fatalf("%v, %v", m.Bounds(), err)
	}
	palette := plotPalette()
	// rows returns where a colour is in a column, from the top.
	rows := func(x, colour int) (list []int) {
		for y := plotTop; y < plotHigh-plotBottom; y++ {
			if m.At(x, y) == palette[colour] {
				list = append(list, y)
			}
		}
		return list
	}
	width := plotWide - plotLeft - plotRight
	early, late, night := plotLeft+10, plotWide-plotRight-10, plotLeft+width*750/1440
	a, b := rows(early, firstLine), rows(late, firstLine)
	if len(a) == 0 || len(b) == 0 || a[0]-b[0] < (plotHigh-plotTop-plotBottom)/2 {
		t.Errorf("it does not rise: %v, %v", a, b)
	}
	if c := append(rows(night, firstLine), rows(night, firstLine+1)...); len(c) != 0 {
		t.Errorf("a line where nothing is known: %v", c)
	}
	c, d := rows(early, firstLine+1), rows(late, firstLine+1)
	if len(c) == 0 || fmt.Sprint(c) != fmt.Sprint(d) {
		t.Errorf("not level: %v, %v", c, d)
	}
	if f, err = s.Plot(t.Context(), "Küche/2", 7*24*time.Hour); err != nil || !strings.HasPrefix(f.Name, "k-che-2-") {
		t.Errorf("%s, %v", f.Name, err)
	}
	if _, err = s.Plot(t.Context(), "cellar", time.Hour); oswald.CodeOf(err) != oswald.NotFound {
		t.Errorf("of no probe: %v", err)
	}
}

func TestPlotMarks(t *testing.T) {
	now := time.Date(2026, 3, 31, 13, 37, 0, 0, time.UTC)
	test := func(span time.Duration, want string) {
		t.Helper()
		var list []string
		for _, m := range timeMarks(now, span) {
			list = append(list, m.text)
		}
		if got := strings.Join(list, " "); got != want {
			t.Errorf("%v: %s, want %s", span, got, want)
		}
	}
	test(time.Hour, "13:00")
	test(6*time.Hour, "08:00 09:00 10:00 11:00 12:00 13:00")
	test(24*time.Hour, "16:00 20:00 00:00 04:00 08:00 12:00")
	test(3*24*time.Hour, "29 Mar 12:00 30 Mar 12:00 31 Mar 12:00")
	test(7*24*time.Hour, "25 Mar 26 Mar 27 Mar 28 Mar 29 Mar 30 Mar 31 Mar")
	test(30*24*time.Hour, "5 Mar 9 Mar 13 Mar 17 Mar 21 Mar 25 Mar 29 Mar")
	for _, step := range []struct{ least, want float64 }{{0.04, 0.1}, {0.4, 0.5}, {0.5, 0.5}, {1.2, 2}, {2.1, 5}, {13, 20}} {
		if got := niceStep(step.least); got < step.want-1e-9 || got > step.want+1e-9 {
			t.Errorf("step for %v: %v", step.least, got)
		}
	}
	if font := glyphs(); len(font) != 41 {
		t.Errorf("%d letters", len(font))
	}
}
