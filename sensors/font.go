// SPDX-License-Identifier: GPL-3.0-or-later

package sensors

import (
	"image"
	"strings"
	"unicode"
)

// The letters of a plot: five by seven dots, in capitals, so that a picture needs
// neither a font file nor a library.
const (
	glyphWide = 5
	glyphHigh = 7
)

const glyphArt = `
0     1     2     3     4     5     6     7     8     9     -     .     :     °
.###. ..#.. .###. ##### ...#. ##### ..##. ##### .###. .###. ..... ..... ..... .##..
#...# .##.. #...# ...#. ..##. #.... .#... ....# #...# #...# ..... ..... ..#.. #..#.
#..## ..#.. ....# ..#.. .#.#. ####. #.... ...#. #...# #...# ..... ..... ..... #..#.
#.#.# ..#.. ...#. ...#. #..#. ....# ####. ..#.. .###. .#### ##### ..... ..... .##..
##..# ..#.. ..#.. ....# ##### ....# #...# ..#.. #...# ....# ..... ..... ..... .....
#...# ..#.. .#... #...# ...#. #...# #...# ..#.. #...# ...#. ..... .##.. ..#.. .....
.###. .###. ##### .###. ...#. .###. .###. ..#.. .###. .##.. ..... .##.. ..... .....
A     B     C     D     E     F     G     H     I     J     K     L     M
.###. ####. .###. ####. ##### ##### .###. #...# .###. ..### #...# #.... #...#
#...# #...# #...# #...# #.... #.... #...# #...# ..#.. ...#. #..#. #.... ##.##
#...# #...# #.... #...# #.... #.... #.... #...# ..#.. ...#. #.#.. #.... #.#.#
##### ####. #.... #...# ####. ####. #.### ##### ..#.. ...#. ##... #.... #.#.#
#...# #...# #.... #...# #.... #.... #...# #...# ..#.. ...#. #.#.. #.... #...#
#...# #...# #...# #...# #.... #.... #...# #...# ..#.. #..#. #..#. #.... #...#
#...# ####. .###. ####. ##### #.... .#### #...# .###. .##.. #...# ##### #...#
N     O     P     Q     R     S     T     U     V     W     X     Y     Z     ?
#...# .###. ####. .###. ####. .#### ##### #...# #...# #...# #...# #...# ##### .###.
#...# #...# #...# #...# #...# #.... ..#.. #...# #...# #...# #...# #...# ....# #...#
##..# #...# #...# #...# #...# #.... ..#.. #...# #...# #...# .#.#. .#.#. ...#. ....#
#.#.# #...# ####. #...# ####. .###. ..#.. #...# #...# #.#.# ..#.. ..#.. ..#.. ...#.
#..## #...# #.... #.#.# #.#.. ....# ..#.. #...# #...# #.#.# .#.#. ..#.. .#... ..#..
#...# #...# #.... #..#. #..#. ....# ..#.. #...# .#.#. ##.## #...# ..#.. #.... .....
#...# .###. #.... .##.# #...# ####. ..#.. .###. ..#.. #...# #...# ..#.. ##### ..#..
`

// glyphs reads the art: under each row of characters stand the seven rows of their
// dots.
func glyphs() map[rune][glyphHigh]string {
	m := make(map[rune][glyphHigh]string)
	lines := strings.Split(strings.Trim(glyphArt, "\n"), "\n")
	for band := 0; band+glyphHigh < len(lines); band += glyphHigh + 1 {
		for i, name := range strings.Fields(lines[band]) {
			var g [glyphHigh]string
			for row := range g {
				g[row] = strings.Fields(lines[band+1+row])[i]
			}
			m[[]rune(name)[0]] = g
		}
	}
	return m
}

// folded are letters that have a place among the capitals.
var folded = strings.NewReplacer("Ä", "A", "Á", "A", "À", "A", "Å", "A", "Ö", "O", "Ó", "O", "Ø", "O", "Ü", "U", "Ú", "U",
	"É", "E", "È", "E", "Ê", "E", "Í", "I", "Ñ", "N", "Ç", "C", "ß", "SS", "−", "-", "_", "-", "/", "-")

// lettering is text as it is drawn.
func lettering(text string) []rune {
	return []rune(folded.Replace(strings.Map(unicode.ToUpper, text)))
}

// wide is how many dots text takes at a size.
func wide(text string, size int) int { return len(lettering(text)) * (glyphWide + 1) * size }

// letters draws text with its left upper corner at x, y. What has no picture is a
// question mark.
func letters(m *image.Paletted, font map[rune][glyphHigh]string, x, y, size int, text string, color uint8) {
	for _, r := range lettering(text) {
		g, ok := font[r]
		if !ok && r != ' ' {
			g = font['?']
		}
		for row, dots := range g {
			for col, dot := range dots {
				if dot == '#' {
					fill(m, image.Rect(x+col*size, y+row*size, x+(col+1)*size, y+(row+1)*size), color)
				}
			}
		}
		x += (glyphWide + 1) * size
	}
}

func fill(m *image.Paletted, r image.Rectangle, color uint8) {
	r = r.Intersect(m.Bounds())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			m.SetColorIndex(x, y, color)
		}
	}
}
