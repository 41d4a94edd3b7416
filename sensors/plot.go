// SPDX-License-Identifier: GPL-3.0-or-later

package sensors

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"
	"time"

	"oswald"
)

// A plot is this many dots, with these margins around what is drawn in it.
const (
	plotWide   = 800
	plotHigh   = 420
	plotLeft   = 78
	plotRight  = 18
	plotTop    = 40
	plotBottom = 36
	plotLines  = 5 // probes in one plot
	letterSize = 2
)

// The colours of a plot, by their place in the palette: paper, grid, ink, and one
// for each line.
const (
	paper = iota
	grid
	ink
	firstLine
)

func plotPalette() color.Palette {
	return color.Palette{
		color.RGBA{255, 255, 255, 255}, color.RGBA{221, 221, 221, 255}, color.RGBA{68, 68, 68, 255},
		// Told apart also by those who do not see red and green.
		color.RGBA{0, 114, 178, 255}, color.RGBA{213, 94, 0, 255}, color.RGBA{0, 158, 115, 255},
		color.RGBA{204, 121, 167, 255}, color.RGBA{86, 180, 233, 255},
	}
}

// A curve is one line of a plot.
type curve struct {
	name   string
	points []point // means of slots of equal length, oldest first
}

// Plot draws how the temperature of a probe has gone, by its name as Readings has
// it, until now; of all of them but the machine's own if probe is empty. It is a
// PNG picture of about 5 kB. Where nothing is known of the time it returns an error
// with the code oswald.NotFound.
func (s *Sensors) Plot(ctx context.Context, probe string, span time.Duration) (oswald.File, error) {
	now := s.now()
	type named struct{ id, name string }
	var list []named
	s.mu.Lock()
	for _, p := range s.sortedLocked() {
		if p.name == probe || probe == "" && p.id != cpuName {
			list = append(list, named{p.id, p.name})
		}
	}
	s.mu.Unlock()
	var curves []curve
	for _, p := range list[:min(len(list), plotLines)] {
		points, err := s.slots(ctx, p.id, now, span)
		if err != nil {
			return oswald.File{}, err
		}
		if len(points) > 1 {
			curves = append(curves, curve{p.name, points})
		}
	}
	if len(curves) == 0 {
		return oswald.File{}, oswald.Errorf(oswald.NotFound, "There is no history to draw yet; try again in a few minutes.")
	}
	var b bytes.Buffer
	if err := png.Encode(&b, draw(curves, now, span)); err != nil {
		return oswald.File{}, err
	}
	name := "temperatures"
	if probe != "" {
		name = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return '-'
		}, strings.ToLower(probe))
	}
	return oswald.File{Name: name + "-" + now.Format("2006-01-02-1504") + ".png", Type: "image/png", Data: b.Bytes()}, nil
}

// slotWidth is how many minutes become one point of a plot.
func slotWidth(span time.Duration) int64 {
	return max(int64(span/time.Minute)/(plotWide-plotLeft-plotRight)*2, 1)
}

// slots returns the means of what is kept of a probe, a few dots wide each. The
// newest minute may not be on disk yet; nobody sees that.
func (s *Sensors) slots(ctx context.Context, id string, now time.Time, span time.Duration) ([]point, error) {
	width := slotWidth(span)
	rows, err := s.deps.DB.QueryContext(ctx, `SELECT minute / ?1 * ?1, avg(celsius) FROM readings
		WHERE probe = ?2 AND minute >= ?3 GROUP BY 1 ORDER BY 1`, width, id, minuteOf(now.Add(-span)))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []point
	for rows.Next() {
		var p point
		if err := rows.Scan(&p.minute, &p.celsius); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

// draw makes the picture: a grid with temperatures at the left and times below, the
// lines, and their names above.
func draw(curves []curve, now time.Time, span time.Duration) *image.Paletted {
	m := image.NewPaletted(image.Rect(0, 0, plotWide, plotHigh), plotPalette())
	font := glyphs()
	box := image.Rect(plotLeft, plotTop, plotWide-plotRight, plotHigh-plotBottom)
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, c := range curves {
		for _, p := range c.points {
			lo, hi = min(lo, p.celsius), max(hi, p.celsius)
		}
	}
	if hi-lo < 2 { // noise is no mountain
		mid := (hi + lo) / 2
		lo, hi = mid-1, mid+1
	}
	step := niceStep((hi - lo) / 5)
	lo, hi = math.Floor(lo/step)*step, math.Ceil(hi/step)*step
	first, last := minuteOf(now.Add(-span)), minuteOf(now)
	x := func(minute int64) int {
		return box.Min.X + int(float64(minute-first)/float64(last-first)*float64(box.Dx()-1))
	}
	y := func(celsius float64) int {
		return box.Max.Y - 1 - int((celsius-lo)/(hi-lo)*float64(box.Dy()-1))
	}
	for i := 0; ; i++ {
		v := lo + float64(i)*step
		if v > hi+step/2 {
			break
		}
		at := y(v)
		fill(m, image.Rect(box.Min.X, at, box.Max.X, at+1), grid)
		text := fmt.Sprintf("%.0f°", v)
		if step < 1 {
			text = fmt.Sprintf("%.1f°", v)
		}
		letters(m, font, box.Min.X-8-wide(text, letterSize), at-glyphHigh*letterSize/2, letterSize, text, ink)
	}
	for _, t := range timeMarks(now, span) {
		at := x(minuteOf(t.at))
		fill(m, image.Rect(at, box.Min.Y, at+1, box.Max.Y), grid)
		w := wide(t.text, letterSize)
		letters(m, font, min(at-w/2, plotWide-w), box.Max.Y+12, letterSize, t.text, ink)
	}
	gap := max(3*slotWidth(span), 10)
	left := plotLeft
	for i, c := range curves {
		for k := 1; k < len(c.points); k++ {
			a, b := c.points[k-1], c.points[k]
			if b.minute-a.minute <= gap { // else nothing is known between them
				stroke(m, box, x(a.minute), y(a.celsius), x(b.minute), y(b.celsius), uint8(firstLine+i))
			}
		}
		name := string([]rune(c.name)[:min(len([]rune(c.name)), 14)])
		fill(m, image.Rect(left, 18, left+14, 24), uint8(firstLine+i))
		letters(m, font, left+20, 14, letterSize, name, ink)
		left += 36 + wide(name, letterSize)
	}
	return m
}

// stroke draws a line three dots thick, inside box.
func stroke(m *image.Paletted, box image.Rectangle, x0, y0, x1, y1 int, color uint8) {
	n := max(abs(x1-x0), abs(y1-y0), 1)
	for i := 0; i <= n; i++ {
		x, y := x0+(x1-x0)*i/n, y0+(y1-y0)*i/n
		fill(m, image.Rect(x-1, y-1, x+2, y+2).Intersect(box), color)
	}
}

func abs(n int) int { return max(n, -n) }

// niceStep returns the first of 0.1, 0.2, 0.5, 1, 2, 5, … that is not below least.
func niceStep(least float64) float64 {
	for step := 0.1; ; step *= 10 {
		for _, f := range []float64{1, 2, 5} {
			if step*f >= least*0.999 {
				return step * f
			}
		}
	}
}

type timeMark struct {
	at   time.Time
	text string
}

// timeMarks returns the times to name: full hours of a day, or days, as they are
// where the bot runs.
func timeMarks(now time.Time, span time.Duration) (list []timeMark) {
	hours, format := 24, "2 Jan"
	for _, h := range []int{1, 2, 4, 12} {
		if span <= time.Duration(7*h)*time.Hour {
			hours, format = h, "15:04"
			break
		}
	}
	days := max(int(span/(7*24*time.Hour)), 1)
	begin := now.Add(-span)
	for n := 0; ; n++ {
		// Counted in the calendar: a day need not have 24 hours.
		t := time.Date(begin.Year(), begin.Month(), begin.Day(), n*hours, 0, 0, 0, begin.Location())
		if hours == 24 {
			t = time.Date(begin.Year(), begin.Month(), begin.Day()+n*days, 0, 0, 0, 0, begin.Location())
		}
		if t.After(now) {
			return list
		}
		if t.Before(begin.Add(span / 40)) {
			continue // its name would stand in the corner
		}
		text := t.Format(format)
		if hours == 12 && t.Hour() == 0 {
			text = t.Format("2 Jan")
		}
		list = append(list, timeMark{t, text})
	}
}
