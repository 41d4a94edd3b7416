// SPDX-License-Identifier: GPL-3.0-or-later

package qr

// symbol is a code that is being drawn.
type symbol struct {
	dark  [][]bool // by row
	fixed [][]bool // modules that carry no data
}

func grid(n int) [][]bool {
	g := make([][]bool, n)
	for i := range g {
		g[i] = make([]bool, n)
	}
	return g
}

// draw places codewords in version n and takes the mask that scores best.
func draw(n int, l level, codewords []byte) [][]bool {
	var best [][]bool
	least := 0
	for mask := range 8 {
		s := &symbol{grid(17 + 4*n), grid(17 + 4*n)}
		s.patterns(n)
		s.format(l, mask)
		s.fill(codewords, mask)
		if p := penalty(s.dark); best == nil || p < least {
			best, least = s.dark, p
		}
	}
	return best
}

func (s *symbol) set(x, y int, dark bool) {
	if x >= 0 && y >= 0 && x < len(s.dark) && y < len(s.dark) {
		s.dark[y][x], s.fixed[y][x] = dark, true
	}
}

// patterns draws what is the same in every code of a version: finders, timing,
// alignment, the version itself, the dark module.
func (s *symbol) patterns(n int) {
	size := len(s.dark)
	for i := range size {
		s.set(6, i, i%2 == 0)
		s.set(i, 6, i%2 == 0)
	}
	for _, c := range [][2]int{{3, 3}, {size - 4, 3}, {3, size - 4}} {
		for dy := -4; dy <= 4; dy++ {
			for dx := -4; dx <= 4; dx++ {
				d := max(dx, -dx, dy, -dy)
				s.set(c[0]+dx, c[1]+dy, d != 2 && d != 4)
			}
		}
	}
	align := versions[n].align
	for i, y := range align {
		for j, x := range align {
			last := len(align) - 1
			if i == 0 && j == 0 || i == 0 && j == last || i == last && j == 0 {
				continue // a finder is there
			}
			for dy := -2; dy <= 2; dy++ {
				for dx := -2; dx <= 2; dx++ {
					s.set(x+dx, y+dy, max(dx, -dx, dy, -dy) != 1)
				}
			}
		}
	}
	if n >= 7 {
		bits := n<<12 | bch(n, 0x1F25, 12)
		for i := range 18 {
			d := bits>>i&1 != 0
			s.set(size-11+i%3, i/3, d)
			s.set(i/3, size-11+i%3, d)
		}
	}
}

// bch returns the check bits of v for a generator of that degree.
func bch(v, generator, degree int) int {
	r := v
	for range degree {
		r = r<<1 ^ (r>>(degree-1))*generator
	}
	return r
}

// format draws level and mask, twice, around the finders.
func (s *symbol) format(l level, mask int) {
	data := int(l)<<3 | mask
	bits := (data<<10 | bch(data, 0x537, 10)) ^ 0x5412
	size := len(s.dark)
	for i := range 15 {
		d := bits>>i&1 != 0
		switch { // down and to the left around the finder on the top left
		case i < 6:
			s.set(8, i, d)
		case i < 8:
			s.set(8, i+1, d) // the timing pattern is between
		case i == 8:
			s.set(7, 8, d)
		default:
			s.set(14-i, 8, d)
		}
		if i < 8 {
			s.set(size-1-i, 8, d)
		} else {
			s.set(8, size-15+i, d)
		}
	}
	s.set(8, size-8, true)
}

// fill lays the bits in columns two wide, from the right, up and down in turn, and
// turns over those that the mask says.
func (s *symbol) fill(codewords []byte, mask int) {
	size := len(s.dark)
	bit := 0
	for right, up := size-1, true; right > 0; right, up = right-2, !up {
		if right == 6 {
			right-- // the timing pattern
		}
		for i := range size {
			y := i
			if up {
				y = size - 1 - i
			}
			for x := right; x > right-2; x-- {
				if s.fixed[y][x] {
					continue
				}
				d := bit < 8*len(codewords) && codewords[bit/8]>>(7-bit%8)&1 != 0
				s.dark[y][x] = d != masked(mask, x, y)
				bit++
			}
		}
	}
}

func masked(mask, x, y int) bool {
	switch mask {
	case 0:
		return (x+y)%2 == 0
	case 1:
		return y%2 == 0
	case 2:
		return x%3 == 0
	case 3:
		return (x+y)%3 == 0
	case 4:
		return (x/3+y/2)%2 == 0
	case 5:
		return x*y%2+x*y%3 == 0
	case 6:
		return (x*y%2+x*y%3)%2 == 0
	}
	return ((x+y)%2+x*y%3)%2 == 0
}

// penalty scores how hard a code is to read (section 7.8.3): runs of one colour,
// squares, what looks like a finder, an uneven share of dark.
func penalty(m [][]bool) (p int) {
	size, dark := len(m), 0
	at := func(x, y int, turned bool) bool {
		if turned {
			return m[x][y]
		}
		return m[y][x]
	}
	finder := [...]bool{true, false, true, true, true, false, true}
	for _, turned := range []bool{false, true} {
		for y := range size {
			run := 0
			for x := range size {
				if run++; x+1 == size || at(x, y, turned) != at(x+1, y, turned) {
					if run >= 5 {
						p += run - 2
					}
					run = 0
				}
				// The finder's 1:1:3:1:1 with four light modules on a side.
				looks := x+7 <= size
				for i := 0; looks && i < 7; i++ {
					looks = at(x+i, y, turned) == finder[i]
				}
				if looks {
					light := func(from int) bool {
						for i := from; i < from+4; i++ {
							if i >= 0 && i < size && at(i, y, turned) {
								return false
							}
						}
						return true
					}
					if light(x-4) || light(x+7) {
						p += 40
					}
				}
			}
		}
	}
	for y := range size {
		for x := range size {
			if m[y][x] {
				dark++
			}
			if x+1 < size && y+1 < size && m[y][x] == m[y][x+1] && m[y][x] == m[y+1][x] && m[y][x] == m[y+1][x+1] {
				p += 3
			}
		}
	}
	off := 20*dark/(size*size) - 10 // steps of 5 % from the half
	if off < 0 {
		off = -off - 1
	}
	return p + 10*off
}
