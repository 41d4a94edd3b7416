// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKill kills a process that builds again and again, at any moment. The site
// must be whole each time – every file one that some build made – and the next
// build must come out as a clean one.
func TestKill(t *testing.T) {
	if dir := os.Getenv("WIKI_KILL"); dir != "" {
		buildForEver(t, dir)
		return
	}
	dir := scratch(t)
	defer os.RemoveAll(dir)
	src, out := filepath.Join(dir, "src"), filepath.Join(dir, "out")
	rounds := 12
	if os.Getenv("OSWALD_LONG") != "" {
		rounds = 200
	}
	if err := os.MkdirAll(src, 0o755); err != nil {
		t.Fatal(err)
	}
	rewrite(t, src, 0)
	for round := range rounds {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), "WIKI_KILL="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		limit := time.Now().Add(20 * time.Second)
		for { // let it finish a build or more, so that the kill falls into work
			if _, err := os.Stat(filepath.Join(dir, "built")); err == nil || time.Now().After(limit) {
				break
			}
			wait(time.Millisecond)
		}
		wait(time.Duration(rand.IntN(40000)) * time.Microsecond)
		_ = cmd.Process.Kill()
		<-done
		os.Remove(filepath.Join(dir, "built"))
		for name, text := range tree(t, out) {
			if strings.HasSuffix(name, ".html") && !strings.HasSuffix(text, "</html>\n") {
				t.Fatalf("round %d: %s is not whole: %q", round, name, text[max(0, len(text)-100):])
			}
		}
		s := benchSite(t, src, out)
		build(t, s)
		s.close()
		clean := benchSite(t, src, filepath.Join(dir, "clean"))
		build(t, clean)
		clean.close()
		if err := sameTree(filepath.Join(dir, "clean"), out); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		os.RemoveAll(filepath.Join(dir, "clean"))
		os.RemoveAll(filepath.Join(dir, "clean.state"))
	}
}

func wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}

func rewrite(t testing.TB, src string, n int) {
	for i := range 40 {
		write(t, src, fmt.Sprintf("P%02d.md", i), fmt.Sprintf("---\ntags: [t%d]\n---\nround %d [[P%02d]]\n\n%s", (i+n)%5, n, (i*7+n)%40, strings.Repeat("word ", 200)))
	}
	os.Remove(filepath.Join(src, fmt.Sprintf("P%02d.md", n%40)))
}

// buildForEver is the process that is killed.
func buildForEver(t *testing.T, dir string) {
	s := benchSite(t, filepath.Join(dir, "src"), filepath.Join(dir, "out"))
	for n := 0; n < 10000; n++ {
		if _, err := s.Rebuild(context.Background(), "kill", "", nil); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "built"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		rewrite(t, filepath.Join(dir, "src"), n)
	}
}
