// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"time"
	"unsafe"
)

const cacheHead = "oswald wiki cache " + cacheVersion + "\n"

// encoder writes a frame of the cache: numbers as varints, texts with their
// length before them.
type encoder struct{ b []byte }

func (e *encoder) uint(v uint64) { e.b = binary.AppendUvarint(e.b, v) }

func (e *encoder) text(s string) {
	e.uint(uint64(len(s)))
	e.b = append(e.b, s...)
}

func (e *encoder) texts(list []string) {
	e.uint(uint64(len(list)))
	for _, s := range list {
		e.text(s)
	}
}

func (e *encoder) bool(v bool) {
	if v {
		e.uint(1)
	} else {
		e.uint(0)
	}
}

func (e *encoder) time(t time.Time) {
	if t.IsZero() {
		e.bool(false)
		return
	}
	e.bool(true)
	e.uint(uint64(t.Unix()))
	e.uint(uint64(t.Nanosecond()))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frame writes what fill encodes, with its length and checksum before it. An
// error stays in w and comes out when it is flushed.
func (e *encoder) frame(w *bufio.Writer, fill func()) int {
	e.b = append(e.b[:0], 0, 0, 0, 0, 0, 0, 0, 0)
	fill()
	binary.LittleEndian.PutUint32(e.b, uint32(len(e.b)-8))
	binary.LittleEndian.PutUint32(e.b[4:], crc32.Checksum(e.b[8:], castagnoli))
	_, _ = w.Write(e.b)
	return len(e.b)
}

// decoder reads what an encoder wrote. Texts are parts of one string, so that
// reading makes no copies.
type decoder struct {
	s   string
	bad bool
}

// cutFrame returns the first frame of s; nothing where it is not whole.
func cutFrame(s string) (frame, rest string) {
	if len(s) < 8 {
		return "", s
	}
	n := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
	if n > uint64(len(s)-8) {
		return "", s
	}
	return s[:8+n], s[8+n:]
}

// openFrame checks a frame; nil where it is damaged.
func openFrame(s string) *decoder {
	sum := uint32(s[4]) | uint32(s[5])<<8 | uint32(s[6])<<16 | uint32(s[7])<<24
	body := s[8:]
	if crc32.Checksum(unsafe.Slice(unsafe.StringData(body), len(body)), castagnoli) != sum {
		return nil
	}
	return &decoder{s: body}
}

func (d *decoder) uint() uint64 {
	var v uint64
	for i := 0; i < len(d.s) && i < binary.MaxVarintLen64; i++ {
		c := d.s[i]
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			d.s = d.s[i+1:]
			return v
		}
	}
	d.bad, d.s = true, ""
	return 0
}

// count reads how many things follow; each takes a byte at least.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.s)) {
		d.bad, d.s = true, ""
		return 0
	}
	return int(n)
}

func (d *decoder) text() string {
	n := d.count()
	s := d.s[:n]
	d.s = d.s[n:]
	return s
}

func (d *decoder) texts() []string {
	n := d.count()
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = d.text()
	}
	return list
}

func (d *decoder) bool() bool { return d.uint() != 0 }

func (d *decoder) time() time.Time {
	if !d.bool() {
		return time.Time{}
	}
	sec := int64(d.uint())
	return time.Unix(sec, int64(d.uint())).UTC()
}
