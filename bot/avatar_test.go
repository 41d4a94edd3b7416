// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write avatar.png anew")

// shape is a part of the owl: where it is, on a square from -1 to 1, and its colour
// in the palette.
type shape struct {
	in     func(x, y float64) bool
	colour uint8
}

var palette = color.Palette{
	color.RGBA{0x1d, 0x2b, 0x45, 0xff}, // night
	color.RGBA{0x8a, 0x5a, 0x3b, 0xff}, // feathers
	color.RGBA{0xc9, 0x9a, 0x6b, 0xff}, // belly
	color.RGBA{0xff, 0xf4, 0xd6, 0xff}, // eyes
	color.RGBA{0xf4, 0xa9, 0x3a, 0xff}, // beak
	color.RGBA{0x2b, 0x1d, 0x14, 0xff}, // pupils
}

func ellipse(cx, cy, rx, ry float64) func(x, y float64) bool {
	return func(x, y float64) bool {
		dx, dy := (x-cx)/rx, (y-cy)/ry
		return dx*dx+dy*dy <= 1
	}
}

// triangle points from the middle (cx, cy) of its base, half as wide as w, to (px, py).
func triangle(cx, cy, w, px, py float64) func(x, y float64) bool {
	return func(x, y float64) bool {
		t := (y - cy) / (py - cy)
		if t < 0 || t > 1 {
			return false
		}
		mid := cx + (px-cx)*t
		return x >= mid-w*(1-t) && x <= mid+w*(1-t)
	}
}

// drawOwl draws the picture, size pixels square.
func drawOwl(size int) *image.Paletted {
	shapes := []shape{
		{triangle(-0.42, -0.28, 0.24, -0.60, -0.82), 1}, // ears
		{triangle(0.42, -0.28, 0.24, 0.60, -0.82), 1},
		{ellipse(0, 0.12, 0.68, 0.74), 1}, // body
		{ellipse(0, 0.46, 0.40, 0.36), 2}, // belly
		{ellipse(-0.30, -0.16, 0.30, 0.30), 3},
		{ellipse(0.30, -0.16, 0.30, 0.30), 3},
		{ellipse(-0.25, -0.14, 0.15, 0.17), 5},
		{ellipse(0.25, -0.14, 0.15, 0.17), 5},
		{ellipse(-0.21, -0.20, 0.05, 0.05), 3},
		{ellipse(0.29, -0.20, 0.05, 0.05), 3},
		{triangle(0, 0.02, 0.11, 0, 0.26), 4}, // beak
	}
	const fine = 4 // samples a pixel, each way
	p := image.NewPaletted(image.Rect(0, 0, size, size), nil)
	index := map[color.RGBA]uint8{}
	for y := range size {
		for x := range size {
			var r, g, b int
			for s := range fine * fine {
				fx := (float64(x)+(float64(s%fine)+0.5)/fine)/float64(size)*2 - 1
				fy := (float64(y)+(float64(s/fine)+0.5)/fine)/float64(size)*2 - 1
				c := uint8(0)
				for _, s := range shapes {
					if s.in(fx, fy) {
						c = s.colour
					}
				}
				v := palette[c].(color.RGBA)
				r, g, b = r+int(v.R), g+int(v.G), b+int(v.B)
			}
			const step = 24 // few colours: a small file
			q := func(sum int) uint8 { return uint8(min(255, (sum/(fine*fine)+step/2)/step*step)) }
			c := color.RGBA{q(r), q(g), q(b), 0xff}
			i, ok := index[c]
			if !ok {
				i = uint8(len(p.Palette))
				index[c] = i
				p.Palette = append(p.Palette, c)
			}
			p.SetColorIndex(x, y, i)
		}
	}
	return p
}

// TestAvatar keeps the file in step with its drawing; -update writes it.
func TestAvatar(t *testing.T) {
	want := drawOwl(96)
	if *update {
		var b bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, want); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("avatar.png", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		owl = b.Bytes()
	}
	got, err := png.Decode(bytes.NewReader(owl))
	if err != nil || got.Bounds() != want.Bounds() {
		t.Fatalf("%v, %v", got, err)
	}
	for y := range 96 {
		for x := range 96 {
			if got.At(x, y) != want.At(x, y) {
				t.Fatalf("the picture differs from its drawing at %d, %d", x, y)
			}
		}
	}
	if len(owl) > 8<<10 { // XEP-0153 section 4
		t.Errorf("the picture has %d bytes", len(owl))
	}
	p, err := readPicture("")
	if err != nil || p.width != 96 || len(p.sha1) != 40 {
		t.Errorf("%v, %v", p, err)
	}
	if p, err := readPicture(noAvatar); err != nil || p.sha1 != "" {
		t.Errorf("none: %v, %v", p, err)
	}
	for _, name := range []string{"avatar_test.go", "nowhere.png"} {
		if _, err := readPicture(name); err == nil {
			t.Errorf("%s is no picture", name)
		}
	}
}
