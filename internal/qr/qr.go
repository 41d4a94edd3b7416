// SPDX-License-Identifier: GPL-3.0-or-later

// Package qr draws QR codes (ISO/IEC 18004): byte mode, versions 1 to 10, which
// is up to 271 bytes. It is enough for an address that a phone's camera reads from
// a terminal.
//
// Its functions keep no state and may be called from any goroutine.
package qr

import (
	"fmt"
	"io"
	"strings"
)

// level is how much damage a code withstands, by the bits that say so in it.
type level int

const (
	levelM level = 0 // 15 %
	levelL level = 1 // 7 %
)

// version is what ISO/IEC 18004 tables 7 and 9 and annex E say of one.
type version struct {
	total  int    // codewords
	check  [2]int // of one block, by level
	blocks [2]int // by level
	align  []int  // centres of the alignment patterns
}

var versions = [...]version{
	1:  {26, [2]int{10, 7}, [2]int{1, 1}, nil},
	2:  {44, [2]int{16, 10}, [2]int{1, 1}, []int{6, 18}},
	3:  {70, [2]int{26, 15}, [2]int{1, 1}, []int{6, 22}},
	4:  {100, [2]int{18, 20}, [2]int{2, 1}, []int{6, 26}},
	5:  {134, [2]int{24, 26}, [2]int{2, 1}, []int{6, 30}},
	6:  {172, [2]int{16, 18}, [2]int{4, 2}, []int{6, 34}},
	7:  {196, [2]int{18, 20}, [2]int{4, 2}, []int{6, 22, 38}},
	8:  {242, [2]int{22, 24}, [2]int{4, 2}, []int{6, 24, 42}},
	9:  {292, [2]int{22, 30}, [2]int{5, 2}, []int{6, 26, 46}},
	10: {346, [2]int{26, 18}, [2]int{5, 4}, []int{6, 28, 50}},
}

func (v version) data(l level) int { return v.total - v.check[l]*v.blocks[l] }

// Encode returns the modules of the code for text, true for dark, without the
// quiet zone of four modules that must surround it. It takes the smallest version
// that fits and then the better level that this version has room for.
func Encode(text string) ([][]bool, error) {
	for n := 1; n < len(versions); n++ {
		lengthBits := 8
		if n >= 10 {
			lengthBits = 16
		}
		for _, l := range []level{levelM, levelL} {
			size := versions[n].data(l)
			if 4+lengthBits+8*len(text) <= 8*size {
				return draw(n, l, codewords(versions[n], l, payload(text, lengthBits, size))), nil
			}
		}
	}
	return nil, fmt.Errorf("qr: %d bytes do not fit into a version 10 code", len(text))
}

// payload is the data part: mode, length, text, padding.
func payload(text string, lengthBits, size int) []byte {
	out := make([]byte, 0, size)
	acc, n := 0, 0
	put := func(v, bits int) {
		acc, n = acc<<bits|v, n+bits
		for ; n >= 8; n -= 8 {
			out = append(out, byte(acc>>(n-8)))
			acc &= 1<<(n-8) - 1
		}
	}
	put(0b0100, 4)
	put(len(text), lengthBits)
	for _, b := range []byte(text) {
		put(int(b), 8)
	}
	put(0, 4) // the terminator; mode and length leave half a byte, so this fills it
	for pad := byte(0xEC); len(out) < size; pad ^= 0xEC ^ 0x11 {
		out = append(out, pad)
	}
	return out
}

// codewords splits data into blocks, adds their check codewords and interleaves.
func codewords(v version, l level, data []byte) []byte {
	n := v.blocks[l]
	short := len(data) / n
	long := len(data) % n // so many blocks, the last ones, have one codeword more
	divisor := generator(v.check[l])
	blocks, checks := make([][]byte, n), make([][]byte, n)
	for i := range n {
		size := short
		if i >= n-long {
			size++
		}
		blocks[i], data = data[:size], data[size:]
		checks[i] = remainder(blocks[i], divisor)
	}
	var out []byte
	for i := range short + 1 {
		for _, b := range blocks {
			if i < len(b) {
				out = append(out, b[i])
			}
		}
	}
	for i := range v.check[l] {
		for _, c := range checks {
			out = append(out, c[i])
		}
	}
	return out
}

// mul multiplies in GF(256) modulo x^8 + x^4 + x^3 + x^2 + 1.
func mul(a, b byte) (p byte) {
	for ; b > 0; b >>= 1 {
		if b&1 != 0 {
			p ^= a
		}
		carry := a & 0x80
		if a <<= 1; carry != 0 {
			a ^= 0x1D
		}
	}
	return p
}

// generator returns the Reed-Solomon generator polynomial of that degree, without
// its leading 1, highest power first.
func generator(degree int) []byte {
	g := make([]byte, degree)
	g[degree-1] = 1
	root := byte(1)
	for range degree {
		for i := range g {
			g[i] = mul(g[i], root)
			if i+1 < degree {
				g[i] ^= g[i+1]
			}
		}
		root = mul(root, 2)
	}
	return g
}

func remainder(data, divisor []byte) []byte {
	r := make([]byte, len(divisor))
	for _, b := range data {
		f := b ^ r[0]
		copy(r, r[1:])
		r[len(r)-1] = 0
		for i, d := range divisor {
			r[i] ^= mul(d, f)
		}
	}
	return r
}

// Terminal draws the code for text with half blocks, two rows of modules a line,
// and its quiet zone. It sets the colours, so it does not matter whether the
// terminal is dark or light.
func Terminal(w io.Writer, text string) error {
	m, err := Encode(text)
	if err != nil {
		return err
	}
	const quiet = 4
	dark := func(x, y int) bool {
		x, y = x-quiet, y-quiet
		return y >= 0 && y < len(m) && x >= 0 && x < len(m) && m[y][x]
	}
	var b strings.Builder
	size := len(m) + 2*quiet
	for y := 0; y < size; y += 2 {
		b.WriteString("\x1b[30;107m") // black on bright white
		for x := range size {
			switch upper, lower := dark(x, y), dark(x, y+1); {
			case upper && lower:
				b.WriteString("█")
			case upper:
				b.WriteString("▀")
			case lower:
				b.WriteString("▄")
			default:
				b.WriteString(" ")
			}
		}
		b.WriteString("\x1b[0m\n")
	}
	_, err = io.WriteString(w, b.String())
	return err
}
