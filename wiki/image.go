// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"encoding/binary"
	"image"
	_ "image/gif"  // sizes of
	_ "image/jpeg" // the kinds
	_ "image/png"  // of pictures
	"io"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// pictures measures the pictures of the source folder, so that a page has the
// place for them before they are loaded. It reads no more than the start of a
// file, and each once in a build.
type pictures struct {
	open func(file string) (io.ReadCloser, error)
	mu   sync.Mutex
	seen map[string]dims
}

// dims are width and height in pixels; zero where they cannot be told.
type dims struct{ w, h int }

func (d dims) answer() uint64 { return uint64(d.w)<<32 | uint64(d.h) }

func newPictures(root *os.Root) *pictures {
	return &pictures{open: func(file string) (io.ReadCloser, error) { return root.Open(file) }, seen: map[string]dims{}}
}

// size returns the size of a picture. A nil *pictures knows none.
func (p *pictures) size(file string) dims {
	if p == nil || fileTypes[strings.ToLower(path.Ext(file))] != "image" {
		return dims{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	d, ok := p.seen[file]
	if !ok {
		if f, err := p.open(file); err == nil {
			head, _ := io.ReadAll(io.LimitReader(f, maxHead))
			f.Close()
			d = measure(head)
		}
		p.seen[file] = d
	}
	return d
}

// maxHead is how much of a picture is read: before the size stands what a
// camera writes, with a small picture of its own.
const maxHead = 256 << 10

// maxSide is the longest side that is believed.
const maxSide = 1 << 16

// measure reads the size of a picture from the start of its file.
func measure(head []byte) dims {
	var d dims
	switch {
	case bytes.HasPrefix(head, []byte("RIFF")) && len(head) > 30 && string(head[8:12]) == "WEBP":
		d = measureWebP(head)
	case bytes.Contains(head[:min(len(head), 1024)], []byte("<svg")):
		d = measureSVG(head)
	default:
		c, _, err := image.DecodeConfig(bytes.NewReader(head))
		if err != nil {
			return d
		}
		d = dims{c.Width, c.Height}
		if o := orientation(head); o >= 5 { // it lies on its side
			d.w, d.h = d.h, d.w
		}
	}
	if d.w < 1 || d.h < 1 || d.w > maxSide || d.h > maxSide {
		return dims{}
	}
	return d
}

// measureWebP reads the header of the first chunk (RFC 9649).
func measureWebP(b []byte) dims {
	u24 := func(i int) int { return int(b[i]) | int(b[i+1])<<8 | int(b[i+2])<<16 }
	switch string(b[12:16]) {
	case "VP8X":
		return dims{u24(24) + 1, u24(27) + 1}
	case "VP8L":
		bits := binary.LittleEndian.Uint32(b[21:])
		return dims{int(bits&0x3fff) + 1, int(bits>>14&0x3fff) + 1}
	case "VP8 ":
		return dims{int(binary.LittleEndian.Uint16(b[26:]) & 0x3fff), int(binary.LittleEndian.Uint16(b[28:]) & 0x3fff)}
	}
	return dims{}
}

var (
	svgTag  = regexp.MustCompile(`(?s)<svg\b[^>]*>`)
	svgSide = regexp.MustCompile(`\s(width|height)\s*=\s*["']\s*([0-9.]+)(px)?\s*["']`)
	svgBox  = regexp.MustCompile(`\sviewBox\s*=\s*["']\s*[-0-9.]+[\s,]+[-0-9.]+[\s,]+([0-9.]+)[\s,]+([0-9.]+)\s*["']`)
)

// measureSVG reads width and height of a drawing, or those of its view box.
func measureSVG(b []byte) dims {
	tag := svgTag.Find(b[:min(len(b), 8<<10)])
	num := func(s []byte) int {
		f, err := strconv.ParseFloat(string(s), 64)
		if err != nil || f > maxSide {
			return 0
		}
		return int(f + .5)
	}
	var d dims
	for _, m := range svgSide.FindAllSubmatch(tag, -1) {
		if string(m[1]) == "width" {
			d.w = num(m[2])
		} else {
			d.h = num(m[2])
		}
	}
	if d.w > 0 && d.h > 0 {
		return d
	}
	if m := svgBox.FindSubmatch(tag); m != nil {
		return dims{num(m[1]), num(m[2])}
	}
	return dims{}
}

// size writes the size of a picture as attributes, and remembers that it was
// asked for.
func (x *expander) size(file string) string {
	d := x.b.pics.size(file)
	x.deps.add(depSize, file, d.answer())
	if d.w == 0 {
		return ""
	}
	return ` width="` + strconv.Itoa(d.w) + `" height="` + strconv.Itoa(d.h) + `"`
}

// sized completes the size that a writer gave a picture: from the width alone
// follows the height.
func (x *expander) sized(file, size string) string {
	width, ok := strings.CutPrefix(size, ` width="`)
	switch size {
	case "":
		return x.size(file)
	case ownSize:
		return ""
	}
	if !ok || strings.Contains(size, "height") {
		return size
	}
	d := x.b.pics.size(file)
	x.deps.add(depSize, file, d.answer())
	n, err := strconv.Atoi(strings.TrimSuffix(width, `"`))
	if err != nil || d.w == 0 {
		return size
	}
	return size + ` height="` + strconv.Itoa(max(1, (n*d.h+d.w/2)/d.w)) + `"`
}
