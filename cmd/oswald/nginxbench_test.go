// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestBarsNginx measures how fast nginx serves a page of comments out of
// Memcached, against the same bytes as a file, while the comment server is
// stopped. The file is served as our configuration does it and as nginx does it
// without any, and the faster of the two counts.
func TestBarsNginx(t *testing.T) {
	if os.Getenv("OSWALD_BENCH") == "" {
		t.Skip("measures; runs where OSWALD_BENCH is set (make bench)")
	}
	wrk := program(t, "wrk", "wrk")
	h := newWebHost(t)
	words := strings.Fields(packaged(t, "../wiki/sample/house/Kitchen.md") + packaged(t, "../ARCHITECTURE.md"))
	words = slices.DeleteFunc(words, func(w string) bool { return strings.Trim(w, "abcdefghijklmnopqrstuvwxyz.,") != "" })
	dice := rand.New(rand.NewPCG(1, 2))
	for i := range 16 { // a page of an ordinary size
		text := fmt.Sprintf("Comment %d:", i)
		for range 30 + 10*(i%7) {
			text += " " + words[dice.IntN(len(words))]
		}
		h.post("house/kitchen", text)
	}
	var page answer
	eventually(t, "the page in Memcached", func() bool {
		page = h.do("GET", "/c/house/kitchen", "", "Accept-Encoding", "gzip")
		return page.cached() && strings.Contains(unzip(t, page.body), "Comment 15")
	})
	h.oswald.stop()

	// The same bytes, compressed, as the site role would write them.
	writeFile(t, h.site, "bar.html", unzip(t, page.body))
	writeFile(t, h.site, "bar.html.gz", page.body)
	writeFile(t, h.site, "bare.html", page.body)
	for _, name := range []string{"bar.html", "bar.html.gz", "bare.html"} {
		if err := os.Chmod(filepath.Join(h.site, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if a := h.do("GET", "/bar.html", "", "Accept-Encoding", "gzip"); a.body != page.body {
		t.Fatalf("the file is served otherwise: %s %v", a.Status, a.Header)
	}

	var files, cached, ratios []float64
	for range 7 { // by turns, so that a noisy machine disturbs both
		f := max(load(t, wrk, h.url+"/bar.html"), load(t, wrk, h.bare+"/bare.html"))
		c := load(t, wrk, h.url+"/c/house/kitchen")
		files, cached, ratios = append(files, f), append(cached, c), append(ratios, c/f)
	}
	fmt.Printf("figure nginx-page-bytes %d\nfigure nginx-static-rps %.0f\nfigure nginx-memcached-rps %.0f\n", len(page.body), middle(files), middle(cached))
	ratio, word := middle(ratios), "ok"
	if ratio < 0.5 {
		word = "SHORT"
		t.Errorf("out of Memcached at %.2f of the rate of files", ratio)
	}
	fmt.Printf("bar nginx-memcached-to-static %.3g %g %s\n", ratio, 0.5, word)
}

var requestsPerSecond = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)

// load is how many requests a second url answers, with 32 connections.
func load(t *testing.T, wrk, url string) float64 {
	t.Helper()
	out, err := exec.Command(wrk, "-t1", "-c32", "-d2s", "-H", "Accept-Encoding: gzip", url).CombinedOutput()
	m := requestsPerSecond.FindSubmatch(out)
	if err != nil || m == nil || strings.Contains(string(out), "Non-2xx") || strings.Contains(string(out), "Socket errors") {
		t.Fatalf("wrk: %v\n%s", err, out)
	}
	n, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func middle(list []float64) float64 {
	s := slices.Sorted(slices.Values(list))
	return s[len(s)/2]
}
