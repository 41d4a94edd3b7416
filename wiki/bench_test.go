// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The benchmarks are for a profile of what TestBars measures:
//
//	go test -run '^$' -bench Clean -cpuprofile cpu.out ./wiki

func BenchmarkCleanPlain(b *testing.B)  { benchClean(b, false) }
func BenchmarkCleanSearch(b *testing.B) { benchClean(b, true) }

func benchClean(b *testing.B, search bool) {
	dir := scratch(b)
	defer os.RemoveAll(dir)
	src := filepath.Join(dir, "src")
	if err := os.Mkdir(src, 0o755); err != nil {
		b.Fatal(err)
	}
	synthetic(b, src, 2000, true)
	var used time.Duration
	n := 0
	for i := 0; b.Loop(); i++ {
		n++
		start := cpu()
		out := filepath.Join(dir, fmt.Sprint("out", i))
		s := benchSite(b, src, out)
		s.cfg.Search = search
		build(b, s)
		s.close()
		used += cpu() - start
		b.StopTimer()
		os.RemoveAll(out)
		os.RemoveAll(out + ".state")
		b.StartTimer()
	}
	b.ReportMetric(float64(used.Microseconds())/1000/float64(n), "cpu-ms/op")
}

func BenchmarkEditWarm(b *testing.B) { benchEdit(b, true) }
func BenchmarkEditCold(b *testing.B) { benchEdit(b, false) }

func benchEdit(b *testing.B, warm bool) {
	dir := scratch(b)
	defer os.RemoveAll(dir)
	src, out := filepath.Join(dir, "src"), filepath.Join(dir, "out")
	if err := os.Mkdir(src, 0o755); err != nil {
		b.Fatal(err)
	}
	synthetic(b, src, 10000, true)
	old := time.Now().Add(-time.Hour)
	list, _ := filepath.Glob(filepath.Join(src, "*.md"))
	for _, f := range list {
		if err := os.Chtimes(f, old, old); err != nil {
			b.Fatal(err)
		}
	}
	s := benchSite(b, src, out)
	build(b, s)
	start, n := cpu(), 0
	for i := 0; b.Loop(); i++ {
		n++
		name := filepath.Join(src, fmt.Sprintf("Page%04d.md", 4000+i%1000))
		data, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		data = append(data, fmt.Sprintf("\nOne more line, number %d, with [[Page%04d]].\n", i, i%1000*7)...)
		if err := os.WriteFile(name, data, 0o644); err != nil {
			b.Fatal(err)
		}
		if !warm {
			s.close()
			s = benchSite(b, src, out)
		}
		build(b, s)
	}
	b.ReportMetric(float64((cpu()-start).Microseconds())/1000/float64(n), "cpu-ms/op")
	s.close()
}
