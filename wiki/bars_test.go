// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// bar prints one figure beside the most that it may be.
func bar(t *testing.T, name string, value, limit float64) {
	t.Helper()
	word := "ok"
	if value > limit {
		word = "SHORT"
		t.Errorf("%s: %.4g, the bar is %g", name, value, limit)
	}
	fmt.Printf("bar %s %.4g %g %s\n", name, value, limit, word)
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// median runs f a few times and returns the middle of what it measures.
func median(n int, f func() float64) float64 {
	var list []float64
	for range n {
		list = append(list, f())
	}
	slices.Sort(list)
	return list[n/2]
}

// goldmarkCPU is what goldmark itself needs for the pages, with the same
// extensions: parse and render, nothing else.
func goldmarkCPU(t *testing.T, src string) float64 {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(src, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var pages [][]byte
	for _, name := range list {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, body, _, _ := splitFront(data)
		pages = append(pages, body)
	}
	mk := newMarkup(Defaults(), "")
	runtime.GC()
	start := cpu()
	for _, p := range pages {
		pc := parser.NewContext()
		pc.Set(stateKey, &pageState{lines: lineStarts(p)})
		doc := mk.md.Parser().Parse(text.NewReader(p), parser.WithContext(pc))
		f := newFragment(nil)
		if err := mk.md.Renderer().Render(f, p, doc); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, f.Buffer)
		f.free()
	}
	return (cpu() - start).Seconds()
}

// TestBars measures the figures of the wiki. It takes a minute and depends on
// the machine, so it runs only where OSWALD_BENCH is set.
func TestBars(t *testing.T) {
	if os.Getenv("WIKI_CHILD") != "" {
		child(t)
		return
	}
	if os.Getenv("OSWALD_BENCH") == "" {
		t.Skip("measures; runs where OSWALD_BENCH is set (make bench)")
	}
	dir := scratch(t)
	defer os.RemoveAll(dir)
	small := filepath.Join(dir, "2000")
	if err := os.Mkdir(small, 0o755); err != nil {
		t.Fatal(err)
	}
	total := synthetic(t, small, 2000, true)
	fmt.Printf("figure wiki-site-2000-bytes %d\n", total)
	raw := median(3, func() float64 { return goldmarkCPU(t, small) })
	var wall float64
	full := median(3, func() float64 {
		out := filepath.Join(dir, "out")
		defer os.RemoveAll(out)
		defer os.RemoveAll(out + ".state")
		s := benchSite(t, small, out)
		defer s.close()
		runtime.GC()
		start, at := cpu(), time.Now()
		build(t, s)
		wall = time.Since(at).Seconds()
		return (cpu() - start).Seconds()
	})
	fmt.Printf("figure wiki-goldmark-2000-cpu-s %.3f\nfigure wiki-clean-2000-cpu-s %.3f\nfigure wiki-clean-2000-wall-s %.3f\n", raw, full, wall)
	fmt.Printf("figure wiki-clean-2000-with-search-vs-goldmark %.2f\n", full/raw)
	t.Setenv("WIKI_COMPRESS", "1")
	both := median(3, func() float64 {
		out := filepath.Join(dir, "both")
		defer os.RemoveAll(out)
		defer os.RemoveAll(out + ".state")
		s := benchSite(t, small, out)
		defer s.close()
		runtime.GC()
		start := cpu()
		build(t, s)
		return (cpu() - start).Seconds()
	})
	bar(t, "wiki-clean-2000-with-search-and-gzip-vs-goldmark", both/raw, 5)
	if err := os.Unsetenv("WIKI_COMPRESS"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("WIKI_NOSEARCH", "1")
	plain := median(3, func() float64 {
		out := filepath.Join(dir, "plain")
		defer os.RemoveAll(out)
		defer os.RemoveAll(out + ".state")
		s := benchSite(t, small, out)
		defer s.close()
		runtime.GC()
		start := cpu()
		build(t, s)
		return (cpu() - start).Seconds()
	})
	bar(t, "wiki-clean-2000-vs-goldmark", plain/raw, 3)
	if err := os.Unsetenv("WIKI_NOSEARCH"); err != nil {
		t.Fatal(err)
	}

	big := filepath.Join(dir, "10000")
	if err := os.Mkdir(big, 0o755); err != nil {
		t.Fatal(err)
	}
	synthetic(t, big, 10000, true)
	out := filepath.Join(dir, "bigout")
	rss, cpu10, _ := runChild(t, big, out)
	fmt.Printf("figure wiki-clean-10000-cpu-s %.3f\n", cpu10)
	bar(t, "wiki-clean-10000-rss-MB", rss, 150)
	_, cpu2, _ := runChild(t, small, filepath.Join(dir, "smallout"))
	bar(t, "wiki-linear-10000-vs-2000", cpu10/cpu2/5, 1.15)

	s := benchSite(t, big, out)
	defer s.close()
	build(t, s)
	n := 0
	edit := func() {
		n++
		name := filepath.Join(big, fmt.Sprintf("Page%04d.md", 4000+n))
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, fmt.Sprintf("\nOne more line, number %d, with [[Page%04d]].\n", n, n*7)...)
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-time.Hour)
	list, _ := filepath.Glob(filepath.Join(big, "*.md"))
	for _, f := range list { // as on any day but that of the first build
		if err := os.Chtimes(f, old, old); err != nil {
			t.Fatal(err)
		}
	}
	build(t, s)
	live := 0.0
	warm := median(9, func() float64 {
		edit()
		at := time.Now()
		s.kill = func(p string) {
			if p == "renamed" {
				live = float64(time.Since(at).Microseconds()) / 1000
			}
		}
		build(t, s)
		return live
	})
	bar(t, "wiki-edit-10000-warm-ms", warm, 50)
	nothing := median(5, func() float64 {
		at := time.Now()
		build(t, s)
		return float64(time.Since(at).Microseconds()) / 1000
	})
	fmt.Printf("figure wiki-nothing-10000-warm-ms %.1f\n", nothing)
	s.close()
	cold := median(5, func() float64 {
		edit()
		_, _, wall := runChild(t, big, out)
		return wall * 1000
	})
	bar(t, "wiki-edit-10000-cold-ms", cold, 250)
	hugo(t, dir, plain)
}

func benchSite(t testing.TB, src, out string) *Site {
	t.Helper()
	c := Defaults()
	c.Source, c.Output, c.URL, c.Blog, c.Gate = src, out, "https://example.org", "", false
	c.Search = os.Getenv("WIKI_NOSEARCH") == ""
	if c.Search && os.Getenv("WIKI_COMPRESS") != "" {
		c.Compress = []string{"gzip"}
	}
	s, err := New(c, Deps{Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	s.durable = false
	return s
}

// child builds in a process of its own.
func child(t *testing.T) {
	src, out, _ := strings.Cut(os.Getenv("WIKI_CHILD"), "\n")
	s := benchSite(t, src, out)
	if _, err := s.Rebuild(context.Background(), "child", "", nil); err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, hwm, _ := strings.Cut(string(status), "VmHWM:")
	hwm, _, _ = strings.Cut(hwm, "kB")
	fmt.Printf("peak %s\n", strings.TrimSpace(hwm))
}

// runChild builds in a child process and returns its peak memory in MB, its CPU
// seconds and the wall time from start to end.
func runChild(t *testing.T, src, out string) (rss, cpuS, wall float64) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestBars$")
	cmd.Env = append(os.Environ(), "WIKI_CHILD="+src+"\n"+out, "GOGC=60") // as oswald wiki build
	at := time.Now()
	msg, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, msg)
	}
	wall = time.Since(at).Seconds()
	// The peak that the kernel tells of a child may be that of its parent.
	_, peak, _ := strings.Cut(string(msg), "peak ")
	if _, err := fmt.Sscan(peak, &rss); err != nil {
		t.Fatalf("%v: %s", err, msg)
	}
	return rss / 1024, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), wall
}

// hugo builds the same pages, with tags, feeds, backlinks and a site map, by the
// Hugo that is installed, and by the one that OSWALD_HUGO names.
func hugo(t *testing.T, dir string, ours float64) {
	t.Helper()
	for _, name := range []string{"hugo", os.Getenv("OSWALD_HUGO")} {
		if _, err := exec.LookPath(name); err == nil {
			version, _ := exec.Command(name, "version").Output()
			fmt.Printf("peer hugo is %s", version)
			besideHugo(t, dir, name, ours)
		} else if name == "hugo" {
			fmt.Println("peer hugo absent: needs hugo (apt-get install hugo)")
		} else {
			fmt.Println("peer current-hugo absent: OSWALD_HUGO does not name one")
		}
	}
}

func besideHugo(t *testing.T, dir, name string, ours float64) {
	t.Helper()
	site := filepath.Join(dir, "hugo")
	content := filepath.Join(site, "content")
	if err := os.MkdirAll(content, 0o755); err != nil {
		t.Fatal(err)
	}
	synthetic(t, content, 2000, false)
	for name, text := range hugoTheme {
		write(t, site, name, text)
	}
	var rss float64
	used := median(3, func() float64 {
		os.RemoveAll(filepath.Join(site, "public"))
		cmd := exec.Command(name, "--quiet")
		cmd.Dir = site
		var msg bytes.Buffer
		cmd.Stderr, cmd.Stdout = &msg, &msg
		if err := cmd.Run(); err != nil {
			t.Fatalf("hugo: %v %s", err, msg.String())
		}
		rss = float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1024
		return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	})
	fmt.Printf("figure wiki-hugo-2000-cpu-s %.3f\nfigure wiki-hugo-2000-rss-MB %.0f\n", used, rss)
	bar(t, "wiki-clean-2000-share-of-hugo-cpu", ours/used, 0.2)
	mine, _, _ := runChild(t, filepath.Join(dir, "2000"), filepath.Join(dir, "rssout"))
	bar(t, "wiki-clean-2000-share-of-hugo-rss", mine/rss, 0.25)
	os.RemoveAll(filepath.Join(dir, "rssout"))
	os.RemoveAll(filepath.Join(dir, "rssout.state"))
}
