package wiki

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestProf(t *testing.T) {
	dir := scratch(t)
	defer os.RemoveAll(dir)
	src := filepath.Join(dir, "s")
	os.Mkdir(src, 0o755)
	synthetic(t, src, 2000, true)
	for i := range 6 {
		out := filepath.Join(dir, fmt.Sprint("out", i))
		s := benchSite(t, src, out)
		a := cpu()
		build(t, s)
		fmt.Println(cpu() - a)
		s.close()
	}
}
func TestProfCold(t *testing.T) {
	dir := scratch(t)
	defer os.RemoveAll(dir)
	src := filepath.Join(dir, "s")
	os.Mkdir(src, 0o755)
	synthetic(t, src, 10000, true)
	out := filepath.Join(dir, "out")
	list, _ := filepath.Glob(filepath.Join(src, "*.md"))
	old := time.Now().Add(-time.Hour)
	for _, f := range list {
		os.Chtimes(f, old, old)
	}
	s := benchSite(t, src, out)
	build(t, s)
	s.close()
	for range 6 {
		s := benchSite(t, src, out)
		write(t, src, "Page4000.md", fmt.Sprint("---\ntitle: x y 4000\n---\nhello\n\n", time.Now()))
		a := cpu()
		at := time.Now()
		b := build(t, s)
		fmt.Println(cpu()-a, time.Since(at), b.Written)
		s.close()
	}
}
