// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestSlowClients attacks the whole program with slowhttptest, which sends heads
// (slowloris) and bodies a few bytes at a time, and reads answers as slowly. A
// visitor among them reads and writes as if they were not there.
func TestSlowClients(t *testing.T) {
	program, err := exec.LookPath("slowhttptest")
	if err != nil {
		t.Skip("needs slowhttptest (apt-get install slowhttptest)")
	}
	connections, length := 200, 4
	if os.Getenv("OSWALD_LONG") != "" {
		connections, length = 1000, 30
	}
	h := newHouse(t, "")
	start(t, "run", "--config", h.config)
	eventually(t, "the form", func() bool { return h.page("/comment/house/kitchen") != "" })
	for _, attack := range []struct {
		name string
		args []string
	}{
		{"slow heads", []string{"-H", "-i", "1"}},
		{"slow bodies", []string{"-B", "-i", "1", "-s", "8192"}},
		{"slow reading", []string{"-X", "-w", "1", "-y", "8", "-n", "1", "-z", "4", "-k", "3"}},
	} {
		t.Run(attack.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(length)*time.Second+time.Minute)
			defer cancel()
			args := append(attack.args, "-c", fmt.Sprint(connections), "-r", fmt.Sprint(connections), "-l", fmt.Sprint(length), "-p", "10",
				"-t", map[bool]string{true: "POST", false: "GET"}[attack.args[0] == "-B"], "-u", h.web+"/comment/style.css", "-f", "application/x-www-form-urlencoded")
			cmd := exec.CommandContext(ctx, program, args...)
			var out strings.Builder
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- cmd.Wait() }()
			client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
			visits := 0
			for over := false; !over; {
				select {
				case <-done:
					over = true
				case <-time.After(20 * time.Millisecond):
					res, err := client.Get(h.web + "/comment/style.css")
					if err != nil {
						t.Errorf("visit %d: %v", visits, err)
						cancel()
						<-done
						over = true
						break
					}
					res.Body.Close()
					if visits++; visits%10 == 1 {
						h.comment("house/kitchen", "Ann", fmt.Sprintf("I am here too, %s %d.", attack.name, visits), "203.0.113.7")
					}
				}
			}
			if visits < 5 || !strings.Contains(out.String(), "YES") {
				t.Errorf("%d visits\n%s", visits, out.String())
			}
			t.Logf("%d visits among %d clients", visits, connections)
		})
	}
}
