// SPDX-License-Identifier: GPL-3.0-or-later

package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNeverShown(t *testing.T) {
	s := New([]byte("hunter2"))
	in := struct{ P Secret }{s}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "p", s, "in", in)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "p", s, "in", in)
	j, _ := json.Marshal(in)
	all := log.String() + string(j) + fmt.Sprintf("%v %+v %#v %s %q %x %d %v %+v", s, s, s, s, s, s, s, in, &in)
	if strings.Contains(all, "hunter2") || strings.Contains(all, "68756e74") || strings.Contains(all, "104 117") {
		t.Errorf("shown in %s", all)
	}
	if string(s.Reveal()) != "hunter2" {
		t.Error("Reveal lost it")
	}
}

func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d", "key")
	a, err := ReadOrMake(path)
	if err != nil || len(a.Reveal()) != 43 {
		t.Fatal(a.Reveal(), err)
	}
	b, err := ReadOrMake(path)
	if err != nil || !bytes.Equal(a.Reveal(), b.Reveal()) {
		t.Error("made twice", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("others can read it: %v", err)
	}
}

// TestMadeOnce has many make the same secret at the same moment.
func TestMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	made := make(chan string, 16)
	for range cap(made) {
		go func() {
			s, err := ReadOrMake(path)
			if err != nil {
				t.Error(err)
			}
			made <- string(s.Reveal())
		}()
	}
	first := <-made
	for range cap(made) - 1 {
		if next := <-made; next != first || next == "" {
			t.Errorf("two secrets: %q and %q", first, next)
		}
	}
}
