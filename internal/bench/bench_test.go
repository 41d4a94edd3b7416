// SPDX-License-Identifier: GPL-3.0-or-later

// Package bench measures the program as a whole: the real binary, beside a real
// Prosody, as somebody at the other end of a chat or of a web page sees it.
//
// It is tests only. They take minutes and depend on the machine, so they run only
// where OSWALD_BENCH is set (`make bench`). Other work on the machine makes single
// times worthless; therefore those who are compared take turns, in rounds, every
// ratio is of one round, and the figure is the median of the rounds. CPU seconds
// are given beside times, because they suffer less.
package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"oswald/internal/prosodytest"
)

// need skips a measurement that nobody has asked for.
func need(t *testing.T) {
	t.Helper()
	if os.Getenv("OSWALD_BENCH") == "" {
		t.Skip("measures; runs where OSWALD_BENCH is set (make bench)")
	}
}

// atMost prints one figure beside the most that it may be.
func atMost(t *testing.T, name string, value, limit float64) {
	t.Helper()
	verdict(t, name, value, limit, value <= limit)
}

// atLeast prints one figure beside the least that it may be.
func atLeast(t *testing.T, name string, value, limit float64) {
	t.Helper()
	verdict(t, name, value, limit, value >= limit)
}

func verdict(t *testing.T, name string, value, limit float64, ok bool) {
	t.Helper()
	word := "ok"
	if !ok {
		word = "SHORT"
		t.Errorf("%s: %.4g, the bar is %.4g", name, value, limit)
	}
	fmt.Printf("bar %s %.4g %.4g %s\n", name, value, limit, word)
}

func figure(name string, value float64) { fmt.Printf("figure %s %.4g\n", name, value) }

func peer(name string, value float64) { fmt.Printf("peer %s %.4g\n", name, value) }

// quantile returns the value below which a share of the list lies.
func quantile(list []float64, share float64) float64 {
	if len(list) == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	return list[min(int(share*float64(len(list))), len(list)-1)]
}

func median(list []float64) float64 { return quantile(list, 0.5) }

func millis(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// wait lets time pass.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// build makes the binary as it is shipped and returns its path.
func build(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "oswald")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", name, "oswald/cmd/oswald").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return name
}

// A process is a program under measurement.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	exited chan struct{}
	log    *buffer
}

// start runs a program; the end of the test ends it.
func start(t *testing.T, env []string, name string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(name, args...), exited: make(chan struct{}), log: new(buffer)}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(p.stop)
	return p
}

// stop asks it to end and waits until it has.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(10 * time.Second)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
		p.cmd.Process.Kill()
		<-p.exited
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// buffer keeps what programs print.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// rss returns the resident memory of a process in MB of 10⁶ bytes.
func rss(t *testing.T, pid int) float64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	var kb float64
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		t.Fatal(err)
	}
	return kb * 1024 / 1e6
}

// settled is the median of the resident memory over some seconds.
func settled(t *testing.T, pid int, d time.Duration) float64 {
	t.Helper()
	var list []float64
	for end := time.Now().Add(d); time.Now().Before(end); {
		list = append(list, rss(t, pid))
		wait(t.Context(), 100*time.Millisecond)
	}
	return median(list)
}

// cpu returns the CPU seconds that a process has used; the kernel counts them in
// hundredths.
func cpu(t *testing.T, pid int) float64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+2:])) // from the third field on
	user, _ := strconv.ParseFloat(f[11], 64)
	system, err := strconv.ParseFloat(f[12], 64)
	if err != nil {
		t.Fatal(err)
	}
	return (user + system) / 100
}

// newServer starts a Prosody that archives nothing, for the archive would be most
// of what is measured.
func newServer(t *testing.T, accounts ...string) *prosodytest.Server {
	t.Helper()
	s := prosodytest.Start(t, accounts...)
	s.Configure(` "mam";`, "")
	return s
}

// serverPID returns the process of the server.
func serverPID(t *testing.T, s *prosodytest.Server) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.Dir, "prosody.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// configure writes a configuration for the account oswald and returns its path.
// Each call makes an installation of its own.
func configure(t *testing.T, s *prosodytest.Server, extra string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("password", s.Password("oswald")+"\n")
	write("questions", "Q: What is three plus four?\nA: 7\n")
	write("config.toml", fmt.Sprintf(`
state = "state"
log = "warn"
[people]
%q = "owner"
[xmpp]
jid = %q
password_file = "password"
server = %q
ca_file = %q
[commands]
rate = 0
[audio]
output = "file"
%s`, s.JID("alice"), s.JID("oswald"), s.Addr, s.CAFile, extra))
	return filepath.Join(dir, "config.toml")
}
