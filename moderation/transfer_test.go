// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oswald"
	"oswald/internal/store"
)

func TestExportImport(t *testing.T) {
	st := newSite(t, nil)
	first := st.posted("kitchen", "One **bold** word.", "name", "Ann", "secret", "a long secret")
	st.posted("kitchen", "A reply.", "name", "Bob", "to", fmt.Sprint(first))
	spam := st.posted("getting-started", "casino")
	st.posted("notes/deep/page", "perhaps")
	if _, err := st.Decide(t.Context(), "x", spam, oswald.Flag); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := st.Export(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "127.0.0") {
		t.Error("addresses were exported")
	}
	to := newSite(t, nil)
	to.clock.add(24 * time.Hour)
	for i := range 2 {
		rep, err := to.Import(t.Context(), bytes.NewReader(out.Bytes()))
		if err != nil || rep.Added != 4*(1-i) || rep.Present != 4*i || rep.Left != 0 {
			t.Errorf("%+v %v", rep, err)
		}
	}
	page := to.get("/c/kitchen")
	if !page.has("One <strong>bold</strong> word.") || !page.has("c-depth-1") || !page.has(st.keys.identity("Ann", "a long secret")) {
		t.Error(page.body)
	}
	if m, ok := to.filter.knows(3); !ok || !m.Spam {
		t.Error("the label did not come along")
	}
	if c := to.comment(4); c.State != oswald.Queued || !c.At.Equal(st.comment(4).At) {
		t.Errorf("%+v", c)
	}
}

const remarkBackup = `{"version":1,"users":[]}
{"id":"r1","pid":"","text":"<p>Hello &amp; <b>welcome</b></p>","user":{"name":"Ann"},"locator":{"site":"x","url":"https://old.example/blog/Kitchen.html?a=b"},"time":"2021-02-03T04:05:06Z"}
{"id":"r2","pid":"r1","text":"<p>x</p>","orig":"as *typed*","user":{"name":"Bob"},"locator":{"site":"x","url":"https://old.example/kitchen/"},"time":"2021-02-03T05:05:06Z"}
{"id":"r3","pid":"r1","text":"","orig":"","user":{"name":"Bob"},"locator":{"site":"x","url":"https://old.example/kitchen/"},"time":"2021-02-03T05:05:06Z","delete":true}
{"id":"r4","pid":"","text":"lost","user":{"name":"Eve"},"locator":{"site":"x","url":"https://old.example/nowhere/"},"time":"2021-02-03T05:05:06Z"}
`

const disqusExport = `<?xml version="1.0" encoding="utf-8"?>
<disqus xmlns="http://disqus.com" xmlns:dsq="http://disqus.com/disqus-internals">
<thread dsq:id="7"><id>/kitchen</id><link>https://old.example/kitchen/</link></thread>
<post dsq:id="1"><message><![CDATA[<p>First &lt;b&gt;</p>]]></message><createdAt>2019-01-02T03:04:05Z</createdAt><isDeleted>false</isDeleted><isSpam>false</isSpam><author><name>Ann</name></author><thread dsq:id="7"/></post>
<post dsq:id="2"><message><![CDATA[<p>Second, see <a href="https://a.example/">this</a></p>]]></message><createdAt>2019-01-03T03:04:05Z</createdAt><isDeleted>false</isDeleted><isSpam>false</isSpam><author><name>Bob</name></author><thread dsq:id="7"/><parent dsq:id="1"/></post>
<post dsq:id="3"><message><![CDATA[<p>gone</p>]]></message><createdAt>2019-01-03T03:04:05Z</createdAt><isDeleted>true</isDeleted><isSpam>false</isSpam><author><name>Bob</name></author><thread dsq:id="7"/></post>
</disqus>`

const wordPressExport = `<?xml version="1.0" encoding="UTF-8" ?>
<rss version="2.0" xmlns:wp="http://wordpress.org/export/1.2/"><channel><title>Blog</title>
<item><title>Kitchen</title><link>https://old.example/2019/05/kitchen/</link>
<wp:comment><wp:comment_id>11</wp:comment_id><wp:comment_author><![CDATA[Ann]]></wp:comment_author><wp:comment_date_gmt>2019-05-06 07:08:09</wp:comment_date_gmt><wp:comment_content><![CDATA[First]]></wp:comment_content><wp:comment_approved>1</wp:comment_approved><wp:comment_type></wp:comment_type><wp:comment_parent>0</wp:comment_parent></wp:comment>
<wp:comment><wp:comment_id>12</wp:comment_id><wp:comment_author><![CDATA[Bob]]></wp:comment_author><wp:comment_date_gmt>2019-05-06 08:08:09</wp:comment_date_gmt><wp:comment_content><![CDATA[Waits]]></wp:comment_content><wp:comment_approved>0</wp:comment_approved><wp:comment_type>comment</wp:comment_type><wp:comment_parent>11</wp:comment_parent></wp:comment>
<wp:comment><wp:comment_id>13</wp:comment_id><wp:comment_author>x</wp:comment_author><wp:comment_content>Ping</wp:comment_content><wp:comment_approved>1</wp:comment_approved><wp:comment_type>pingback</wp:comment_type></wp:comment>
</item></channel></rss>`

const genericExport = `[{"id":"/kitchen/","title":"Kitchen","comments":[
{"email":"a@example.org","author":"Ann","website":"","remote_addr":"203.0.113.9","created":"2017-04-20 12:00:00","text":"First"},
{"author":"Bob","created":"2017-04-21 12:00:00","text":"Second"}]}]`

func TestImportOfOthers(t *testing.T) {
	test := func(name, file string, want ImportReport, texts ...string) {
		t.Helper()
		st := newSite(t, nil)
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		fmt.Fprint(w, file)
		w.Close()
		for i, in := range []string{file, z.String()} {
			rep, err := st.Import(t.Context(), strings.NewReader(in))
			if i == 1 { // the same again
				want.Added, want.Present = 0, want.Added
			}
			if err != nil || fmt.Sprint(rep) != fmt.Sprint(want) {
				t.Errorf("%s: %+v %v, want %+v", name, rep, err, want)
			}
		}
		page := st.get("/c/kitchen")
		for _, text := range texts {
			if !page.has(text) {
				t.Errorf("%s: no %q in %s", name, text, page.body)
			}
		}
		checkPage(t, name, page.body)
	}
	test("remark42", remarkBackup, ImportReport{Added: 2, Left: 1, Unmatched: []string{"https://old.example/nowhere/"}},
		"Hello &amp; <strong>welcome</strong>", "as <em>typed</em>", "c-depth-1", "3 February 2021")
	test("Disqus", disqusExport, ImportReport{Added: 2}, "First &lt;b&gt;", "this (<a class=", "c-depth-1")
	test("WordPress", wordPressExport, ImportReport{Added: 2}, "First")
	test("generic", genericExport, ImportReport{Added: 2}, "First", "Second", "20 April 2017")
	st := newSite(t, nil)
	for _, bad := range []string{"", "hello", "{", "[1]", "<a>", `{"oswald":"comments","version":9}`, `{"version":1}` + "\n{"} {
		if rep, err := st.Import(t.Context(), strings.NewReader(bad)); err == nil && rep.Added == 0 && bad == "<a>" {
			continue // an XML file without comments
		} else if oswald.CodeOf(err) != oswald.Invalid {
			t.Errorf("%q: %+v %v", bad, rep, err)
		}
	}
}

func TestImportOfIsso(t *testing.T) {
	path := filepath.Join(t.TempDir(), "isso 100%.db")
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for _, stmt := range []string{
		`CREATE TABLE threads(id INTEGER PRIMARY KEY, uri VARCHAR(256) UNIQUE, title VARCHAR(256))`,
		`CREATE TABLE comments(tid REFERENCES threads(id), id INTEGER PRIMARY KEY, parent INTEGER, created FLOAT NOT NULL, modified FLOAT, mode INTEGER,
			remote_addr VARCHAR, text VARCHAR, author VARCHAR, email VARCHAR, website VARCHAR, likes INTEGER DEFAULT 0, dislikes INTEGER DEFAULT 0, voters BLOB NOT NULL, notification INTEGER DEFAULT 0)`,
		`INSERT INTO threads VALUES(1, '/kitchen/', 'Kitchen')`,
		`INSERT INTO comments(tid, id, parent, created, modified, mode, remote_addr, text, author, voters) VALUES
			(1, 1, NULL, 1500000000.5, NULL, 1, '203.0.113.0', 'From **Isso**', 'Ann', ''),
			(1, 2, 1, 1500000100.5, 1500000200, 1, '203.0.113.0', 'Reply', NULL, ''),
			(1, 3, NULL, 1500000100.5, NULL, 2, '203.0.113.0', 'Pending', 'Bob', ''),
			(1, 4, NULL, 1500000100.5, NULL, 4, '', '', NULL, '')`,
		"PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA journal_mode = DELETE"} {
		if _, err := db.Exec(stmt); err != nil {
			t.Fatal(err)
		}
	}
	db.Close()
	st := newSite(t, nil)
	rep, err := st.ImportFile(t.Context(), path)
	if err != nil || rep.Added != 3 {
		t.Fatalf("%+v %v", rep, err)
	}
	if page := st.get("/c/kitchen"); !page.has("From <strong>Isso</strong>") || !page.has("c-depth-1") || !page.has("(changed)") || page.has("Pending") {
		t.Error(page.body)
	}
	if rep, err := st.ImportFile(t.Context(), path); err != nil || rep.Present != 3 {
		t.Errorf("%+v %v", rep, err)
	}
	if err := os.WriteFile(path, []byte("SQLite format 3\x00 and no more"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := st.ImportFile(t.Context(), path); oswald.CodeOf(err) != oswald.Invalid {
		t.Error(err)
	}
}

func TestFromHTML(t *testing.T) {
	test := func(in, want string) {
		t.Helper()
		if got := fromHTML(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	test("plain &amp; simple", "plain & simple")
	test("<p>one\n two</p><p>three<br>four</p>", "one two\n\nthree\nfour")
	test("<b>x</b> <i>y</i> <code>z</code>", "**x** *y* `z`")
	test("<pre><code>a\n  b</code></pre>", "```\na\n  b\n```")
	test("before<blockquote><p>said</p><blockquote>deep</blockquote></blockquote>after", "before\n\n> said\n>\n> > deep\n\nafter")
	test(`<a href="https://a.example/">here</a> <a href="javascript:x">there</a>`, "here (https://a.example/) there")
	test("<script>alert(1)</script><style>x</style>ok", "ok")
	test("<ul><li>a<li>b</ul>", "- a\n- b")
}

func FuzzImport(f *testing.F) {
	for _, s := range []string{remarkBackup, disqusExport, wordPressExport, genericExport, `{"oswald":"comments","version":1}` + "\n" + `{"key":"1","page":"kitchen","text":"x"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, list, err := readComments(bytes.NewReader(b))
		if err != nil {
			return
		}
		for _, r := range list {
			checkRendered(t, r.Text, string(render(cleanText(r.Text), nil)))
		}
	})
}
