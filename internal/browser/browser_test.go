// SPDX-License-Identifier: GPL-3.0-or-later

package browser

import (
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func TestPage(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><title>t</title><style>@media (prefers-color-scheme: dark) { body { background: #000 } }</style>
			<body><form action=/done><input name=word value=old><button>Go</button></form><p id=said>%s</p>
			<script>document.title = "with scripts"</script>`, r.FormValue("word"))
	}))
	defer web.Close()
	b := Start(t)
	for _, v := range []View{{Width: 360, Height: 640}, {Width: 800, Height: 600, Dark: true, NoScript: true}} {
		p := b.Open(web.URL, v)
		var title string
		if p.Eval("document.title", &title); (title == "t") != v.NoScript {
			t.Errorf("%+v: the title is %q", v, title)
		}
		p.Type("input", "né\"w")
		p.Click("button")
		p.Wait(`location.pathname === "/done" && document.querySelector("#said").textContent === 'né"w'`)
		file := filepath.Join(t.TempDir(), "page.png")
		p.Screenshot(file, false)
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if size := img.Bounds().Size(); size.X != v.Width || size.Y != v.Height {
			t.Errorf("%+v: a picture of %v", v, size)
		}
		if r, _, _, _ := img.At(v.Width-1, v.Height-1).RGBA(); (r == 0) != v.Dark {
			t.Errorf("%+v: red is %d in the corner", v, r)
		}
	}
}
