// SPDX-License-Identifier: GPL-3.0-or-later

package textile_test

import (
	"fmt"
	"html"
	"strings"

	"oswald/wiki/textile"
)

func ExampleConvert() {
	text := `h1. Bread

Take *500 g* of flour(c), see [[Flour]] and #baking.

* "Yeast(fresh)":http://example.org/yeast
* water -- warm`

	out, headings := textile.Convert([]byte(text), textile.Options{
		Wiki: func(dst []byte, c textile.Construct) ([]byte, textile.Form) {
			switch c.Kind {
			case textile.WikiLink, textile.Tag:
				return fmt.Appendf(dst, `<a class="wiki">%s</a>`, html.EscapeString(c.Label())), textile.Inline
			}
			return dst, textile.Literal
		},
		HeadingID: strings.ToLower,
	})
	fmt.Print(string(out))
	fmt.Println(headings[0].Text, headings[0].ID)
	// Output:
	// <h1 id="bread">Bread</h1>
	// <p>Take <strong>500 g</strong> of flour©, see <a class="wiki">Flour</a> and <a class="wiki">#baking</a>.</p>
	//
	// <ul>
	// <li><a href="http://example.org/yeast" title="fresh">Yeast</a></li>
	// <li>water — warm</li>
	// </ul>
	// Bread bread
}
