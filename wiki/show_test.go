// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestShow has each way in which a query can show what it finds.
func TestShow(t *testing.T) {
	s := newSite(t, nil)
	for name, text := range map[string]string{
		"people/Ann.md": "---\ncountry: Norway\nteam: \"[[Kitchen]]\"\n---\nAnn.",
		"people/Bob.md": "---\ncountry: Peru\n---\nBob likes [[Soup]].",
		"Kitchen.md":    "---\ntags: place/home\n---\nA room. ![[room.svg]]",
		"food/Soup.md":  "---\ndate: 2026-11-03\ntags: [food, warm]\nauthor: \"[[Ann]]\"\nstars: 5\ncover: soup.svg\n---\nHot [[Kitchen]].",
		"food/Bread.md": "---\ndate: 2026-11-30\ntags: [food]\nauthor: [Bob, \"[[Ann|A.]]\"]\nstars: 3\n---\nBrown.\n\n![a loaf](../bread.svg)",
		"food/Tea.md":   "---\ndate: 2026-12-24\ntags: [food, warm]\nauthor: Nobody\n---\nGreen.",
		"food/soup.svg": drawing(40, 30),
		"bread.svg":     drawing(20, 10),
		"room.svg":      `<svg viewBox="0 0 12.4 7" xmlns="x">`,
		"join.md":       "{{query author.country=Norway sort=title show=inline}}",
		"deep.md":       "{{query author.team.tag=place show=inline}}|{{query author.nothing=x show=inline empty=none}}|{{query author.country!=Norway tag=food show=inline}}",
		"links.md":      "{{query to.tag=place show=inline}}|{{query from.country=Peru show=inline}}",
		"group.md":      "{{query tag=food group=tags sort=title}}",
		"groupdown.md":  "{{query tag=food group=stars sort=-stars fields=stars}}",
		"groupjoin.md":  "{{query tag=food group=author.country show=inline}}",
		"month.md":      "{{query tag=food group=month show=posts}}",
		"table.md":      "{{query tag=food sort=stars show=table fields=title,author.country:From,author,tags,date,stars,words,backlinks}}",
		"cards.md":      "{{query tag=food show=cards}}",
		"gallery.md":    "{{query tag=food show=gallery}} {{query folder=people show=gallery}}",
		"calendar.md":   "{{query tag=food show=calendar}} {{query folder=people show=calendar}}",
		"feeds.md":      "{{query tag=warm feed=yes}}\n\n{{query tag=food feed=\"All Food\" feedtitle=\"What we eat\" limit=2}}",
		"backs.md":      "{{query backlinks>1 sort=-backlinks show=inline}}",
	} {
		write(t, s.cfg.Source, name, text)
	}
	s.now = func() time.Time { return at.AddDate(0, 2, 0) }
	build(t, s)
	for _, w := range s.Report().Warnings {
		if !strings.Contains(w, "no page links here") {
			t.Error(w)
		}
	}
	has := func(page string, want ...string) {
		t.Helper()
		html := article(t, s, page+"/index.html")
		for _, w := range want {
			if not, ok := strings.CutPrefix(w, "!"); ok {
				if strings.Contains(html, not) {
					t.Errorf("%s: has %q:\n%s", page, not, html)
				}
			} else if !strings.Contains(html, w) {
				t.Errorf("%s: lacks %q:\n%s", page, w, html)
			}
		}
	}
	soup, bread, tea := `<a href="/food/soup/">Soup</a>`, `<a href="/food/bread/">Bread</a>`, `<a href="/food/tea/">Tea</a>`
	has("join", bread+", "+soup, "!Tea")
	has("deep", bread+", "+soup+"|<span class=\"empty\">none</span>|"+tea)
	has("links", soup+"|"+soup)
	has("group", "<p class=\"group-title\"><a class=\"tag\" href=\"/tag/food/\">#food</a></p>\n<ul class=\"query\">\n<li>"+bread+"</li>\n<li>"+soup, "#warm</a></p>\n<ul class=\"query\">\n<li>"+soup)
	has("groupdown", "title\">5</p>\n<ul class=\"query\">\n<li>"+soup+" <span class=\"meta\">5</span></li>\n</ul>\n</section>\n<section class=\"group\">\n<p class=\"group-title\">3</p>", "title\">—</p>\n<ul class=\"query\">\n<li>"+tea)
	has("groupjoin", "Norway</p>\n"+bread+", "+soup, "Peru</p>\n"+bread, "—</p>\n"+tea)
	has("month", "2026-11</p>\n<ul class=\"pages\">", "2026-12</p>")
	has("table", `<th scope="col">From</th><th scope="col">Author</th>`, `<td>Norway</td><td><a href="/people/ann/">Ann</a></td>`, `<td>Peru, Norway</td><td>Bob, <a href="/people/ann/">A.</a></td>`,
		`<time datetime="2026-11-03">`, `<td>5</td><td>2</td><td>1</td>`, "<td></td><td>Nobody</td>")
	has("cards", `<img src="/food/soup.svg" alt="" width="40" height="30" loading="lazy">`+soup, `<img src="/bread.svg" alt="" width="20" height="10"`, "<li>"+tea+"<p>Green.</p>")
	has("gallery", `<ul class="gallery">`, soup, bread, "!Tea")
	has("food/bread", `<img src="/bread.svg" width="20" height="10" loading="lazy" alt="a loaf">`)
	has("kitchen", `<img src="/room.svg" alt="room" width="12" height="7" loading="lazy">`)
	has("calendar", "<caption>November 2026</caption>", "<td class=\"full\"><time datetime=\"2026-11-03\">3</time> "+soup+"</td>", "<caption>December 2026</caption>", "<tr><td></td><td></td><td></td><td></td><td></td><td></td><td>1</td></tr>", "No dates.")
	has("backs", `<a href="/people/ann/">Ann</a>, <a href="/kitchen/">Kitchen</a></div>`)
	has("feeds", `href="/feeds/feed.xml"`, `href="/feeds/all-food.xml"`)
	if head := read(t, s, "feeds/index.html"); !strings.Contains(head, `type="application/feed+json" title="feeds" href="/feeds/feed.json"`) {
		t.Error(head)
	}
	for name, n := range map[string]int{"feed": 3, "feeds/feed": 2, "feeds/all-food": 2, "tag/food/feed": 3} {
		checkFeeds(t, s, name, n)
	}
	if f := read(t, s, "feeds/all-food.xml"); !strings.Contains(f, "<title>What we eat</title>") || !strings.Contains(f, `href="https://example.org/feeds/all-food.xml"`) {
		t.Error(f)
	}
	write(t, s.cfg.Source, "feeds.md", "no more")
	if b := build(t, s); b.Removed != 4 {
		t.Errorf("%d files removed, want the four of the feeds", b.Removed)
	}
}

// checkFeeds reads both forms of a feed.
func checkFeeds(t *testing.T, s *Site, name string, n int) {
	t.Helper()
	var atom struct {
		ID      string `xml:"id"`
		Updated string `xml:"updated"`
		Author  string `xml:"author>name"`
		Entry   []struct {
			ID, Title, Updated string
		} `xml:"entry"`
	}
	if err := xml.Unmarshal([]byte(read(t, s, name+".xml")), &atom); err != nil || atom.ID == "" || atom.Updated == "" || atom.Author == "" || len(atom.Entry) != n {
		t.Errorf("%s: %v, %+v", name, err, atom)
	}
	var feed struct {
		Version string
		URL     string `json:"feed_url"`
		Items   []struct {
			ID, URL, Title string
			Text           string `json:"content_text"`
			HTML           string `json:"content_html"`
		}
	}
	if err := json.Unmarshal([]byte(read(t, s, name+".json")), &feed); err != nil || feed.Version != "https://jsonfeed.org/version/1.1" || len(feed.Items) != n || feed.URL != "https://example.org/"+name+".json" {
		t.Errorf("%s: %v, %+v", name, err, feed)
	}
	for _, i := range feed.Items {
		if i.ID == "" || i.Text+i.HTML == "" {
			t.Errorf("%s: %+v", name, i)
		}
	}
}

// TestArchivePages: a full page of the archive stays as it is when more posts
// are written, and all of them can be reached.
func TestArchivePages(t *testing.T) {
	s := newSite(t, func(c *Config) { c.ArchiveSize = 3 })
	post := func(n int) {
		write(t, s.cfg.Source, fmt.Sprintf("blog/%02d.md", n), fmt.Sprintf("---\ndate: 2026-%02d-%02d\n---\npost", 1+n/28, 1+n%28))
	}
	for n := range 11 {
		post(n)
	}
	build(t, s)
	first := read(t, s, "archive/1/index.html")
	seen := map[string]int{}
	at, pages := "/archive/", 0
	for at != "" && pages < 20 {
		html := read(t, s, strings.Trim(at, "/")+"/index.html")
		pages++
		for n := range 11 {
			if strings.Contains(html, fmt.Sprintf(`<a href="/blog/%02d/">`, n)) {
				seen[fmt.Sprint(n)]++
			}
		}
		at = ""
		if _, rest, ok := strings.Cut(html, `<a rel="prev" href="`); ok {
			at, _, _ = strings.Cut(rest, `"`)
		}
	}
	if pages != 3 || len(seen) != 11 {
		t.Errorf("%d pages with %v", pages, seen)
	}
	for n := 11; n < 18; n++ {
		post(n)
	}
	build(t, s)
	if got := read(t, s, "archive/1/index.html"); got != first {
		t.Errorf("the first page changed:\n%s\nwas\n%s", got, first)
	}
}

// TestMeasure makes a picture of each kind and reads its size.
func TestMeasure(t *testing.T) {
	pic := image.NewRGBA(image.Rect(0, 0, 31, 17))
	var p, j bytes.Buffer
	if err := png.Encode(&p, pic); err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(&j, pic, nil); err != nil {
		t.Fatal(err)
	}
	test := func(name, data string, w, h int) {
		t.Helper()
		if d := measure([]byte(data)); d != (dims{w, h}) {
			t.Errorf("%s: %+v, want %d by %d", name, d, w, h)
		}
	}
	test("png", p.String(), 31, 17)
	test("jpeg", j.String(), 31, 17)
	test("turned jpeg", string(camera(j.Bytes(), 6)), 17, 31)
	test("upside down", string(camera(j.Bytes(), 3)), 31, 17)
	test("gif", "GIF89a\x05\x00\x07\x00\x00\x00\x00", 5, 7)
	test("lossy webp", "RIFF\x00\x00\x00\x00WEBPVP8 \x00\x00\x00\x00\x00\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00\x00", 320, 240)
	test("lossless webp", "RIFF\x00\x00\x00\x00WEBPVP8L\x00\x00\x00\x00\x2f\x1f\xc0\x03\x00\x00\x00\x00\x00\x00\x00", 32, 16)
	test("extended webp", "RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x3f\x01\x00\xef\x00\x00\x00", 320, 240)
	test("svg", drawing(3, 4), 3, 4)
	test("svg in percent", `<?xml version="1.0"?><svg width="100%" height="100%" viewBox="0 0 20 10">`, 20, 10)
	test("svg without", `<svg>`, 0, 0)
	test("text", "no picture", 0, 0)
	test("nothing", "", 0, 0)
	test("huge", drawing(70000, 4), 0, 0)
}

// camera puts what a camera notes into a picture.
func camera(jpg []byte, orientation int) []byte {
	tiff := append([]byte("Exif\x00\x00"), turned(orientation)[10:]...)
	tiff = append(tiff, "GPS 59.9 N 10.7 E"...)
	out := append([]byte{0xff, 0xd8, 0xff, 0xe1, 0, byte(2 + len(tiff))}, tiff...)
	out = append(out, "\xff\xfe\x00\x0bmy secret"...)
	return append(out, jpg[2:]...)
}

// TestStrip: what a camera noted is not published; the picture is the same, and
// turned the same way.
func TestStrip(t *testing.T) {
	pic := image.NewRGBA(image.Rect(0, 0, 31, 17))
	for i := range 31 {
		pic.Set(i, i/2, color.RGBA{uint8(i * 8), 100, 50, 255})
	}
	var j bytes.Buffer
	if err := jpeg.Encode(&j, pic, nil); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, nil)
	write(t, s.cfg.Source, "index.md", "![[a.jpg]]")
	write(t, s.cfg.Source, "a.jpg", string(camera(j.Bytes(), 6)))
	write(t, s.cfg.Source, "b.jpeg", string(camera(j.Bytes(), 1)))
	write(t, s.cfg.Source, "c.jpg", "not a picture: my secret")
	write(t, s.cfg.Source, "d.jpg", "\xff\xd8\xff\xe1\xff\xffcut short")
	build(t, s)
	a := read(t, s, "a.jpg")
	if strings.Contains(a, "GPS") || strings.Contains(a, "secret") || orientation([]byte(a)) != 6 {
		t.Errorf("%q", a)
	}
	if b := read(t, s, "b.jpeg"); b != j.String() {
		t.Error("a picture that stands upright is not what it was before the camera's notes")
	}
	want, _ := jpeg.Decode(bytes.NewReader(j.Bytes()))
	got, err := jpeg.Decode(strings.NewReader(a))
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the picture is another: %v", err)
	}
	if read(t, s, "c.jpg") != "not a picture: my secret" || read(t, s, "d.jpg") != "\xff\xd8\xff\xe1\xff\xffcut short" {
		t.Error("what is no picture does not come as it is")
	}
	if html := read(t, s, "index.html"); !strings.Contains(html, `width="17" height="31"`) {
		t.Error(html)
	}
	if b := build(t, s); b.Written != 0 {
		t.Errorf("%d files written again", b.Written)
	}
	if src, _ := os.ReadFile(filepath.Join(s.cfg.Source, "a.jpg")); !strings.Contains(string(src), "GPS") {
		t.Error("the source was changed")
	}
}

// FuzzStrip: any bytes come through; what is a picture stays one of the same
// size, and a second time changes nothing.
func FuzzStrip(f *testing.F) {
	var j bytes.Buffer
	if err := jpeg.Encode(&j, image.NewGray(image.Rect(0, 0, 3, 2)), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(camera(j.Bytes(), 8))
	f.Add(j.Bytes())
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x08Exif\x00\x00"))
	f.Add([]byte("RIFF....WEBPVP8X..................."))
	f.Add([]byte(`<svg viewBox="0 0 1 2">`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := measure(data)
		once := stripAll(t, data)
		if measure(once) != d {
			t.Fatalf("%q: %+v, stripped %+v", data, d, measure(once))
		}
		if twice := stripAll(t, once); !bytes.Equal(once, twice) {
			t.Fatalf("%q: %q, then %q", data, once, twice)
		}
	})
}

func stripAll(t *testing.T, data []byte) []byte {
	r, err := strip(io.NopCloser(bytes.NewReader(data)))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
