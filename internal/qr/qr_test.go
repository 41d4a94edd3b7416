// SPDX-License-Identifier: GPL-3.0-or-later

package qr

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// picture renders modules as a PNG, with the quiet zone.
func picture(t *testing.T, m [][]bool, path string) {
	t.Helper()
	const scale, quiet = 4, 4
	size := (len(m) + 2*quiet) * scale
	img := image.NewGray(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			img.SetGray(x, y, color.Gray{255})
			if my, mx := y/scale-quiet, x/scale-quiet; my >= 0 && mx >= 0 && my < len(m) && mx < len(m) && m[my][mx] {
				img.SetGray(x, y, color.Gray{})
			}
		}
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDecoder reads codes of every version, level and mask with a real decoder.
func TestDecoder(t *testing.T) {
	if _, err := exec.LookPath("zbarimg"); err != nil {
		t.Skip("needs zbarimg (apt-get install zbar-tools)")
	}
	dir := t.TempDir()
	var paths []string
	want := make(map[string]string)
	add := func(name string, m [][]bool, text string) {
		path := filepath.Join(dir, name+".png")
		picture(t, m, path)
		paths = append(paths, path)
		want[path] = text
	}
	for n := 1; n < len(versions); n++ {
		for _, l := range []level{levelM, levelL} {
			bits := 8
			if n == 10 {
				bits = 16
			}
			size := versions[n].data(l)
			most := (8*size - 4 - bits) / 8
			text := strings.Repeat("xmpp:owner@home.example?message;body=hi#", 10)[:most]
			if m, err := Encode(text); err != nil || l == levelL && len(m) != 17+4*n {
				t.Errorf("%d bytes make a code of %d modules, want version %d (%v)", most, len(m), n, err)
			}
			for _, part := range []string{text, "a", text[:most/2]} {
				m := draw(n, l, codewords(versions[n], l, payload(part, bits, size)))
				add(fmt.Sprintf("version%d-%d-%d", n, l, len(part)), m, part)
			}
		}
	}
	for mask := range 8 {
		s := &symbol{grid(25), grid(25)}
		s.patterns(2)
		s.format(levelM, mask)
		s.fill(codewords(versions[2], levelM, payload("mask", 8, versions[2].data(levelM))), mask)
		add(fmt.Sprint("mask", mask), s.dark, "mask")
	}
	for _, path := range paths {
		out, err := exec.Command("zbarimg", "--quiet", "--raw", "--oneshot", "-Sdisable", "-Sqrcode.enable", path).Output()
		if got := strings.TrimSuffix(string(out), "\n"); err != nil || got != want[path] {
			t.Errorf("%s: %v\ngot  %q\nwant %q", filepath.Base(path), err, got, want[path])
		}
	}
}

// TestTerminal reads the drawing back.
func TestTerminal(t *testing.T) {
	const text = "xmpp:owner@oswald.test"
	m, err := Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Terminal(&b, text); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != (len(m)+8+1)/2 {
		t.Errorf("%d lines for %d modules", len(lines), len(m))
	}
	for i, line := range lines {
		line, ok := strings.CutPrefix(line, "\x1b[30;107m")
		line, ok2 := strings.CutSuffix(line, "\x1b[0m")
		cells := []rune(line)
		if !ok || !ok2 || len(cells) != len(m)+8 {
			t.Fatalf("line %d: %q", i, line)
		}
		for x, c := range cells {
			for half, dark := range []bool{c == '█' || c == '▀', c == '█' || c == '▄'} {
				y, x := 2*i+half-4, x-4
				if want := y >= 0 && y < len(m) && x >= 0 && x < len(m) && m[y][x]; dark != want {
					t.Fatalf("module %d,%d: %v", x, y, dark)
				}
			}
		}
	}
}

func TestTooLong(t *testing.T) {
	if _, err := Encode(strings.Repeat("x", 271)); err != nil {
		t.Error(err)
	}
	if _, err := Encode(strings.Repeat("x", 272)); err == nil {
		t.Error("fits")
	}
}

func FuzzEncode(f *testing.F) {
	f.Add("")
	f.Add("xmpp:a@b")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := Encode(s)
		if (err != nil) != (len(s) > 271) {
			t.Fatalf("%d bytes: %v", len(s), err)
		}
		if err == nil && (len(m) < 21 || len(m) > 57 || !m[0][0] || !m[len(m)-8][8]) {
			t.Fatalf("%d bytes make %d modules", len(s), len(m))
		}
	})
}
