// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"oswald/internal/postgrestest"
)

// TestOnPostgres runs all tests of this package once more, on a PostgreSQL server
// of its own.
func TestOnPostgres(t *testing.T) {
	if onPostgres() != "" {
		t.Skip("is running on it")
	}
	server := postgrestest.Start(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-test.v", "-test.timeout=9m", "-test.skip=^(TestOnPostgres|TestTwoServersOnPostgres|TestBars.*)$")
	cmd.Env = append(os.Environ(), "OSWALD_TEST_POSTGRES="+server.DSN(""))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	passed := strings.Count(out.String(), "\n--- PASS: ")
	if err != nil || passed < 60 {
		t.Errorf("%d passed: %v\n%s", passed, err, failures(out.String()))
	}
	t.Logf("%d tests passed on PostgreSQL", passed)
}

// failures leaves out what passed.
func failures(out string) string {
	var kept []string
	for line := range strings.SplitSeq(out, "\n") {
		if !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(strings.TrimSpace(line), "--- PASS") {
			kept = append(kept, line)
		}
	}
	if len(kept) > 200 {
		kept = kept[:200]
	}
	return strings.Join(kept, "\n")
}
