// SPDX-License-Identifier: GPL-3.0-or-later

// Command bars runs the measurements of the packages named after "--", which
// are the tests called TestBars…, one package after the other so that they do
// not disturb each other. It prints their figures and nothing else:
//
//	bar NAME VALUE LIMIT ok|SHORT   a figure and what it has to reach
//	peer NAME VALUE                 what another program does in the same run
//	peer NAME absent: REASON        another program that is not here
//	figure NAME VALUE               a figure without a bar
//
// It fails where a bar is SHORT, where a test fails otherwise, whose output it
// shows then, and where there was no bar at all.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout)) }

func run(args []string, out io.Writer) int {
	flags := flag.NewFlagSet("bars", flag.ContinueOnError)
	flags.SetOutput(out)
	tests := flags.String("run", "^TestBars", "which tests to run")
	all := flags.Bool("v", false, "show all that the tests print")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() == 0 {
		fmt.Fprintln(out, "usage: bars [-run REGEXP] [-v] -- PACKAGES")
		return 2
	}
	// -p 1: packages one after the other, and their output as it comes.
	cmd := exec.Command("go", append([]string{"test", "-run", *tests, "-count=1", "-v", "-p", "1", "-timeout", "90m"}, flags.Args()...)...)
	cmd.Env = append(os.Environ(), "OSWALD_BENCH=1")
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		cmd.Stderr = cmd.Stdout
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(out, "bars:", err)
		return 2
	}
	s := summary{out: out, all: *all}
	s.read(pipe)
	return s.close(cmd.Wait())
}

// A summary is what came of a run.
type summary struct {
	out   io.Writer
	all   bool // show everything
	bars  int
	short []string
	other []string // lines that are no figures, the last ones of the package
}

// otherMax is how many lines are kept to be shown when a test fails.
const otherMax = 200

func (s *summary) read(r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		s.line(lines.Text())
	}
	io.Copy(io.Discard, r) // a line beyond all bounds must not hold up the tests
}

func (s *summary) line(line string) {
	f := strings.Fields(line)
	switch {
	case len(f) == 5 && f[0] == "bar":
		s.bars++
		if f[4] != "ok" {
			s.short = append(s.short, f[1])
		}
	case len(f) > 1 && (f[0] == "peer" || f[0] == "figure"):
	default:
		if s.other = append(s.other, line); len(s.other) > otherMax {
			s.other = s.other[1:]
		}
		if !s.all {
			return
		}
	}
	fmt.Fprintln(s.out, line)
}

// close says how the run ended, of which err is what the tests themselves say,
// and returns the exit code.
func (s *summary) close(err error) int {
	switch {
	case len(s.short) > 0:
		fmt.Fprintf(s.out, "%d of %d bars SHORT: %s\n", len(s.short), s.bars, strings.Join(s.short, " "))
		return 1
	case err != nil:
		if !s.all {
			fmt.Fprintln(s.out, strings.Join(s.other, "\n"))
		}
		fmt.Fprintln(s.out, "the measurements failed:", err)
		return 1
	case s.bars == 0:
		fmt.Fprintln(s.out, strings.Join(s.other, "\n"))
		fmt.Fprintln(s.out, "nothing was measured")
		return 1
	}
	fmt.Fprintf(s.out, "all %d bars reached\n", s.bars)
	return 0
}
