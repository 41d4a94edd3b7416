// SPDX-License-Identifier: GPL-3.0-or-later

// Package prosodytest runs a real Prosody for a test: a child process on free
// loopback ports, with its own certificate authority, its own data folder and
// as whoever runs the test, root included.
//
// Everything lives below t.TempDir and ends with the test. Everybody is in
// everybody's roster. The methods of a Server are for the goroutine of the test.
package prosodytest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Domain is what every Server serves.
const Domain = "oswald.test"

// patience is how long a start or a stop may take on a busy machine.
const patience = 20 * time.Second

// Server is one Prosody.
type Server struct {
	Domain  string
	Addr    string // host:port for clients that begin in clear and use STARTTLS
	TLSAddr string // host:port for TLS from the first byte
	CAFile  string // PEM of the authority that signed its certificate
	Dir     string // where all its files are

	t      testing.TB
	config string
	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd has been waited for
	log    *output
}

// Start runs a Prosody with the accounts, whose passwords are as [Server.Password]
// says. It skips the test where there is no Prosody.
func Start(t testing.TB, accounts ...string) *Server {
	t.Helper()
	for _, program := range []string{"prosody", "prosodyctl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("needs prosody (apt-get install prosody)")
		}
	}
	dir := t.TempDir()
	ports := freePorts(t, 2)
	s := &Server{
		Domain:  Domain,
		Addr:    net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0])),
		TLSAddr: net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[1])),
		CAFile:  filepath.Join(dir, "pki", "ca.crt"),
		Dir:     dir,
		t:       t,
		config:  filepath.Join(dir, "prosody.cfg.lua"),
		log:     new(output),
	}
	if err := s.files(ports, accounts); err != nil {
		t.Fatal(err)
	}
	for _, name := range accounts {
		s.Register(name)
	}
	t.Cleanup(s.Stop)
	s.start()
	return s
}

// Password returns the password of the account.
func (s *Server) Password(user string) string { return user + "pw" }

// JID returns the address of the account.
func (s *Server) JID(user string) string { return user + "@" + s.Domain }

// Register makes one more account; it works while the server runs too, but only
// those named to Start are in the rosters.
func (s *Server) Register(name string) {
	s.t.Helper()
	s.ctl("register", name, s.Domain, s.Password(name))
}

// Stop asks the server to end, as a system that shuts down does, and waits until
// it has. It does nothing when the server is not running.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill ends the server without a word to its clients, as a crash does.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// Restart stops the server, if it runs, and starts it on the same ports with the
// same data.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.start()
}

// Log returns what the server has logged.
func (s *Server) Log() string { return s.log.String() }

// files writes everything that the server reads.
func (s *Server) files(ports []int, accounts []string) error {
	me, group := "root", "root"
	if u, err := user.Current(); err == nil {
		me = u.Username
		if g, err := user.LookupGroupId(u.Gid); err == nil {
			group = g.Name
		}
	}
	for _, d := range []string{"pki", "data"} {
		if err := os.Mkdir(filepath.Join(s.Dir, d), 0o700); err != nil {
			return err
		}
	}
	if err := writePKI(filepath.Join(s.Dir, "pki"), s.Domain); err != nil {
		return err
	}
	var groups strings.Builder
	groups.WriteString("[Oswald]\n")
	for _, name := range accounts {
		fmt.Fprintf(&groups, "%s=%s\n", s.JID(name), strings.ToUpper(name[:1])+name[1:])
	}
	config := strings.NewReplacer("{DIR}", s.Dir, "{DOMAIN}", s.Domain, "{USER}", me, "{GROUP}", group,
		"{C2S}", strconv.Itoa(ports[0]), "{TLS}", strconv.Itoa(ports[1])).Replace(configText)
	return errors.Join(
		os.WriteFile(filepath.Join(s.Dir, "groups.txt"), []byte(groups.String()), 0o600),
		os.WriteFile(s.config, []byte(config), 0o600))
}

func (s *Server) ctl(args ...string) {
	s.t.Helper()
	out, err := exec.Command("prosodyctl", append([]string{"--config", s.config}, args...)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("prosodyctl %s: %v\n%s", args[0], err, out)
	}
}

// start runs the server and returns when it accepts connections on both ports.
func (s *Server) start() {
	s.t.Helper()
	s.cmd = exec.Command("prosody", "--config", s.config, "-F")
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	cmd, exited := s.cmd, make(chan struct{})
	s.exited = exited
	go func() {
		cmd.Wait()
		close(exited)
	}()
	for _, addr := range []string{s.Addr, s.TLSAddr} {
		if err := waitPort(addr, exited); err != nil {
			s.Kill()
			s.t.Fatalf("prosody does not answer at %s: %v\n%s", addr, err, s.Log())
		}
	}
}

func (s *Server) end(sig syscall.Signal) {
	s.t.Helper()
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Signal(sig) // fails only when it has ended already
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.cmd.Process.Kill()
		<-s.exited
		s.t.Errorf("prosody did not stop in %v\n%s", patience, s.Log())
	}
	s.cmd = nil
}

func waitPort(addr string, exited <-chan struct{}) error {
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return c.Close()
		}
		select {
		case <-exited:
			return errors.New("it has ended")
		case <-deadline:
			return err
		case <-tick.C:
		}
	}
}

func freePorts(t testing.TB, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // only now, so that they differ
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// output keeps what the server logs; the goroutines of os/exec write to it.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
