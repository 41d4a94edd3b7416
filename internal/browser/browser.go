// SPDX-License-Identifier: GPL-3.0-or-later

// Package browser drives a headless Chromium in tests, over the pipe of the
// DevTools protocol: pages are opened, clicked and typed into as a visitor does,
// and looked at as pictures.
//
// A test without Chromium is skipped. Every call has a deadline and fails the test
// with what the page said. One goroutine uses a [Page]; several pages may be used
// at a time.
package browser

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a page or an answer may take on a busy machine.
const patience = time.Minute

// names are what Chromium is called.
var names = []string{"chromium", "chromium-browser", "google-chrome"}

// A Browser is a running Chromium with a profile of its own.
type Browser struct {
	t   testing.TB
	cmd *exec.Cmd
	to  *os.File

	mu      sync.Mutex
	next    int
	waiting map[int]chan answer
	gone    chan struct{} // closed when the pipe has ended
}

type answer struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

// Start starts Chromium, which ends with the test. It resolves no name but
// localhost and what hosts maps there: no page reaches anything beyond this
// machine. It takes any certificate, as those of tests are nobody's.
func Start(t testing.TB, hosts ...string) *Browser {
	t.Helper()
	program := ""
	for _, name := range names {
		if p, err := exec.LookPath(name); err == nil {
			program = p
			break
		}
	}
	if program == "" {
		t.Skip("needs chromium (apt-get install chromium)")
	}
	rules := ""
	for _, h := range hosts {
		rules += "MAP " + h + " 127.0.0.1,"
	}
	home, err := os.MkdirTemp("", "browser")
	if err != nil {
		t.Fatal(err)
	}
	hisIn, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, hisOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	b := &Browser{t: t, to: to, waiting: make(map[int]chan answer), gone: make(chan struct{})}
	b.cmd = exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
		"--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--disable-quic", "--disable-extensions", "--ignore-certificate-errors", "--disable-lcd-text", "--force-color-profile=srgb",
		"--host-resolver-rules="+rules+"MAP * ~NOTFOUND,EXCLUDE localhost,EXCLUDE 127.0.0.1",
		"--user-data-dir="+filepath.Join(home, "profile"), "--remote-debugging-pipe", "about:blank")
	b.cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home, "DBUS_SESSION_BUS_ADDRESS=none")
	b.cmd.ExtraFiles = []*os.File{hisIn, hisOut} // 3 and 4
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hisIn.Close()
	hisOut.Close()
	t.Cleanup(func() {
		to.Close()
		syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL)
		b.cmd.Wait()
		<-b.gone
		from.Close()
		os.RemoveAll(home)
	})
	go b.read(from)
	return b
}

// read takes what Chromium says, one JSON text after the other, each with a zero
// byte at its end.
func (b *Browser) read(from *os.File) {
	defer close(b.gone)
	r := bufio.NewReaderSize(from, 1<<20)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m struct {
			ID int
			answer
		}
		if json.Unmarshal(text[:len(text)-1], &m) != nil || m.ID == 0 {
			continue // an event: this package asks instead
		}
		b.mu.Lock()
		ch := b.waiting[m.ID]
		delete(b.waiting, m.ID)
		b.mu.Unlock()
		if ch != nil {
			ch <- m.answer
		}
	}
}

// call asks Chromium for something.
func (b *Browser) call(session, method string, params any, into any) error {
	b.mu.Lock()
	b.next++
	id := b.next
	ch := make(chan answer, 1)
	b.waiting[id] = ch
	text, err := json.Marshal(map[string]any{"id": id, "method": method, "params": params, "sessionId": session})
	if err == nil && session == "" {
		text, err = json.Marshal(map[string]any{"id": id, "method": method, "params": params})
	}
	if err == nil {
		_, err = b.to.Write(append(text, 0))
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case a := <-ch:
		if a.Error != nil {
			return fmt.Errorf("%s: %s", method, a.Error.Message)
		}
		if into == nil {
			return nil
		}
		return json.Unmarshal(a.Result, into)
	case <-b.gone:
		return fmt.Errorf("%s: Chromium has ended", method)
	case <-timer.C:
		return fmt.Errorf("%s: no answer within %v", method, patience)
	}
}
