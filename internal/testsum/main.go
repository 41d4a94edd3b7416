// SPDX-License-Identifier: GPL-3.0-or-later

// Command testsum runs `go test -json` with the arguments after "--" and says
// what came of it: a line a package, the output of what failed, each skipped
// test with its reason, and a closing count. It fails where a test fails, where
// no test ran, and where a test is skipped that the list of expected skips does
// not name: a test that silently never runs is worse than none.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"sort"
	"strings"
)

// event is a line of `go test -json` (see go doc test2json).
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
	Elapsed    float64
}

type summary struct {
	out                    io.Writer
	expected               []string // patterns "package Test", path.Match syntax
	output                 map[string]*strings.Builder
	passed, failed, skips  int
	unexpected, brokenPkgs []string
}

func main() { os.Exit(run(os.Args[1:], os.Stdout)) }

func run(args []string, out io.Writer) int {
	flags := flag.NewFlagSet("testsum", flag.ExitOnError)
	skips := flags.String("skips", "", "file with the expected skips")
	flags.Parse(args)
	expected, err := readSkips(*skips)
	if err != nil {
		fmt.Fprintln(out, "testsum:", err)
		return 2
	}
	cmd := exec.Command("go", append([]string{"test", "-json"}, flags.Args()...)...)
	cmd.Stderr = out
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(out, "testsum:", err)
		return 2
	}
	s := &summary{out: out, expected: expected, output: map[string]*strings.Builder{}}
	s.read(pipe)
	testErr := cmd.Wait()
	for _, u := range s.unexpected {
		fmt.Fprintf(out, "not expected to be skipped: %s\n", u)
	}
	for _, p := range s.brokenPkgs {
		fmt.Fprintf(out, "FAIL package %s\n", p)
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skips)
	if testErr != nil || s.failed > 0 || s.passed == 0 || len(s.unexpected) > 0 || len(s.brokenPkgs) > 0 {
		return 1
	}
	return 0
}

func (s *summary) read(r io.Reader) {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		if json.Unmarshal(line, &e) == nil {
			s.event(e)
		} else if len(line) > 0 {
			s.out.Write(line)
		}
		if err != nil {
			return
		}
	}
}

func (s *summary) event(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(s.out, e.Output)
	case "output":
		b := s.output[key]
		if b == nil {
			b = new(strings.Builder)
			s.output[key] = b
		}
		if b.Len() < 1<<20 {
			b.WriteString(e.Output)
		}
	case "pass":
		if e.Test == "" {
			fmt.Fprintf(s.out, "ok   %-34s %6.1f s\n", e.Package, e.Elapsed)
		} else {
			s.passed++
		}
		delete(s.output, key)
	case "fail":
		if e.Test == "" {
			s.brokenPkgs = append(s.brokenPkgs, e.Package)
		} else {
			s.failed++
		}
		fmt.Fprintf(s.out, "FAIL %s\n", key)
		if b := s.output[key]; b != nil {
			fmt.Fprint(s.out, b)
		}
		delete(s.output, key)
	case "skip":
		if e.Test == "" { // a package without tests
			return
		}
		s.skips++
		fmt.Fprintf(s.out, "skip %s: %s\n", key, s.reason(key))
		if !s.isExpected(key) {
			s.unexpected = append(s.unexpected, key)
		}
	}
}

// reason picks the text of t.Skip out of the test's output.
func (s *summary) reason(key string) string {
	b := s.output[key]
	if b == nil {
		return "no reason given"
	}
	var parts []string
	for _, l := range strings.Split(b.String(), "\n") {
		l = strings.TrimSpace(l)
		if l != "" && !strings.HasPrefix(l, "===") && !strings.HasPrefix(l, "---") {
			parts = append(parts, l)
		}
	}
	return strings.Join(parts, " ")
}

func (s *summary) isExpected(key string) bool {
	for _, p := range s.expected {
		if ok, _ := path.Match(p, strings.ReplaceAll(key, "/", ":")); ok {
			return true
		}
	}
	return false
}

// readSkips reads patterns, one a line; # starts a comment. A "/" in a pattern
// stands for itself, "*" also matches it.
func readSkips(file string) ([]string, error) {
	if file == "" {
		return nil, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, l := range strings.Split(string(b), "\n") {
		l, _, _ = strings.Cut(l, "#")
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, strings.ReplaceAll(l, "/", ":"))
		}
	}
	sort.Strings(out)
	return out, nil
}
