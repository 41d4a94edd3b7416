// SPDX-License-Identifier: GPL-3.0-or-later

// Package servertest runs a real XMPP server for a test: a child process on free
// loopback ports, with its own certificate authority, its own data folder and as
// whoever runs the test, root included.
//
// It is what prosodytest and ejabberdtest have in common; a test starts a server
// with one of those, or both one after the other with xmpptest. Everything lives
// below t.TempDir and ends with the test. The methods of a Server are for the
// goroutine of the test.
package servertest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Domain is what every Server serves. It has rooms at rooms.DOMAIN and takes
// files at upload.DOMAIN.
const Domain = "oswald.test"

// Patience is how long a start or a stop may take on a busy machine.
const Patience = 30 * time.Second

// A Kind is what differs between the servers.
type Kind struct {
	Name   string // of the server, in messages
	Config string // its configuration file, in the Server's Dir
	// Command returns the process that is the server. Its environment, if set,
	// and what it writes are kept.
	Command func(*Server) *exec.Cmd
	// Started is called whenever the server has begun to accept connections; it
	// may be nil. An error ends the test.
	Started func(*Server) error
	// Register makes an account, while the server runs or before.
	Register func(s *Server, name string) error
}

// Server is one XMPP server.
type Server struct {
	Name     string // prosody or ejabberd
	Domain   string
	Addr     string   // host:port for clients that begin in clear and use STARTTLS
	TLSAddr  string   // host:port for TLS from the first byte
	HTTPAddr string   // host:port of plain HTTP: websocket, and what only the server's own Kind uses
	WebURL   string   // base of the HTTPS addresses of uploads, with a slash at its end
	CAFile   string   // PEM of the authority that signed its certificate
	Dir      string   // where all its files are
	Accounts []string // as named to New

	t      testing.TB
	kind   Kind
	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd has been waited for
	log    *output
}

// New makes folder, certificate and ports of a server that does not run yet.
func New(t testing.TB, kind Kind, accounts ...string) *Server {
	t.Helper()
	dir, addrs := t.TempDir(), freeAddrs(t, 4)
	s := &Server{
		Name: kind.Name, Domain: Domain,
		Addr: addrs[0], TLSAddr: addrs[1], HTTPAddr: addrs[2],
		WebURL:   "https://localhost:" + Port(addrs[3]) + "/",
		CAFile:   filepath.Join(dir, "pki", "ca.crt"),
		Dir:      dir,
		Accounts: accounts,
		t:        t,
		kind:     kind,
		log:      new(output),
	}
	for _, d := range []string{"pki", "data"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := writePKI(filepath.Join(dir, "pki"), s.Domain); err != nil {
		t.Fatal(err)
	}
	return s
}

// Port returns the port of a host:port.
func Port(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// Write writes a file into the server's folder. In text, {DIR}, {DOMAIN}, {C2S},
// {TLS}, {HTTP}, {WEB} and {WEBPORT} stand for what they say.
func (s *Server) Write(name, text string) {
	s.t.Helper()
	web := strings.TrimSuffix(s.WebURL[strings.LastIndexByte(s.WebURL, ':')+1:], "/")
	text = strings.NewReplacer("{DIR}", s.Dir, "{DOMAIN}", s.Domain, "{C2S}", Port(s.Addr), "{TLS}", Port(s.TLSAddr),
		"{HTTP}", Port(s.HTTPAddr), "{WEB}", s.WebURL, "{WEBPORT}", web).Replace(text)
	if err := os.WriteFile(filepath.Join(s.Dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// Password returns the password of the account.
func (s *Server) Password(user string) string { return user + "pw" }

// Title returns the name that an account has in the rosters of the others.
func Title(user string) string { return strings.ToUpper(user[:1]) + user[1:] }

// JID returns the address of the account.
func (s *Server) JID(user string) string { return user + "@" + s.Domain }

// Register makes one more account; it works while the server runs too. Only those
// named to Start are in the rosters.
func (s *Server) Register(name string) {
	s.t.Helper()
	if err := s.kind.Register(s, name); err != nil {
		s.t.Fatalf("%s: register %s: %v\n%s", s.Name, name, err, s.Log())
	}
}

// Run starts the server and returns when it accepts connections. It ends with the
// test.
func (s *Server) Run() {
	s.t.Helper()
	s.t.Cleanup(s.Kill)
	s.start()
}

// Stop asks the server to end, as a system that shuts down does, and waits until
// it has. It does nothing when the server is not running.
func (s *Server) Stop() { s.t.Helper(); s.end(syscall.SIGTERM) }

// Kill ends the server without a word to its clients, as a crash does.
func (s *Server) Kill() { s.t.Helper(); s.end(syscall.SIGKILL) }

// Restart stops the server, if it runs, and starts it on the same ports with the
// same data.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.start()
}

// Signal sends sig to the server: SIGSTOP freezes it, SIGCONT lets it go on.
func (s *Server) Signal(sig syscall.Signal) {
	s.t.Helper()
	if s.cmd == nil {
		s.t.Fatalf("%s is not running", s.Name)
	}
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// PID returns the number of the server's process; 0 when it is not running.
func (s *Server) PID() int {
	if s.cmd == nil {
		return 0
	}
	return s.cmd.Process.Pid
}

// Configure replaces old by new in the server's configuration and restarts it.
func (s *Server) Configure(old, new string) {
	s.t.Helper()
	path := filepath.Join(s.Dir, s.kind.Config)
	b, err := os.ReadFile(path)
	if err == nil && !strings.Contains(string(b), old) {
		err = fmt.Errorf("no %q in the configuration", old)
	}
	if err == nil {
		err = os.WriteFile(path, []byte(strings.ReplaceAll(string(b), old, new)), 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.Restart()
}

// Log returns what the server has logged.
func (s *Server) Log() string { return s.log.String() }

// start runs the server and returns when it accepts connections on all ports.
func (s *Server) start() {
	s.t.Helper()
	cmd := s.kind.Command(s)
	cmd.Stdout, cmd.Stderr = s.log, s.log
	withParent(cmd)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	exited := make(chan struct{})
	s.cmd, s.exited = cmd, exited
	go func() {
		cmd.Wait()
		close(exited)
	}()
	for _, addr := range []string{s.Addr, s.TLSAddr, s.HTTPAddr} {
		if err := waitPort(addr, exited); err != nil {
			s.Kill()
			s.t.Fatalf("%s does not answer at %s: %v\n%s", s.Name, addr, err, s.Log())
		}
	}
	if s.kind.Started == nil {
		return
	}
	if err := s.kind.Started(s); err != nil {
		s.t.Fatalf("%s: %v\n%s", s.Name, err, s.Log())
	}
}

func (s *Server) end(sig syscall.Signal) {
	s.t.Helper()
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Signal(sig) // fails only when it has ended already
	if sig != syscall.SIGKILL {
		s.cmd.Process.Signal(syscall.SIGCONT) // a frozen one hears nothing
	}
	select {
	case <-s.exited:
	case <-time.After(Patience):
		s.cmd.Process.Kill()
		<-s.exited
		s.t.Errorf("%s did not stop in %v\n%s", s.Name, Patience, s.Log())
	}
	s.cmd = nil
}

func waitPort(addr string, exited <-chan struct{}) error {
	deadline := time.After(Patience)
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

func freeAddrs(t testing.TB, n int) (addrs []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // only now, so that they differ
		addrs = append(addrs, "127.0.0.1:"+strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	return addrs
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
