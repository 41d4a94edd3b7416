// SPDX-License-Identifier: GPL-3.0-or-later

package bench

import (
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oswald/internal/prosodytest"
	"oswald/internal/store"
)

const (
	rounds  = 5
	asked   = 300  // a turn, one at a time
	flooded = 2000 // a turn, with window of them waiting
	window  = 64
	pause   = 10 * time.Millisecond
)

// TestBarsChat lets Oswald, the server's own ping and two other bots take turns
// on one server.
func TestBarsChat(t *testing.T) {
	need(t)
	binary := build(t)
	s := newServer(t, "alice", "bob", "oswald", "slix", "errbot")
	m := login(t, s, "alice")
	login(t, s, "bob")

	config := configure(t, s, "")
	var starts []float64
	run := func() *process {
		begin := time.Now()
		p := start(t, nil, binary, "bot", "--config", config)
		m.online(s.JID("oswald"), p)
		starts = append(starts, millis(time.Since(begin)))
		return p
	}
	for range 4 { // the first makes the database
		run().stop()
		m.offline(s.JID("oswald"))
	}
	p := run()
	figure("chat_start_first_ms", starts[0])
	figure("chat_start_online_ms", median(starts[1:]))
	figure("chat_rss_idle_MB", settled(t, p.pid(), 3*time.Second))

	ping := &contestant{name: "ping", jid: s.Domain, ping: true}
	through := &contestant{name: "ping through", jid: s.JID("bob"), ping: true}
	read := &contestant{name: "read", jid: s.JID("oswald"), text: "ping", process: p}
	receipted := &contestant{name: "read with receipt", jid: s.JID("oswald"), text: "ping", receipts: true, process: p}
	kept := &contestant{name: "journalled", jid: s.JID("oswald"), text: "ack Z9", process: p}
	full, err := m.WaitOnline(t.Context(), s.JID("bob"))
	if err != nil {
		t.Fatal(err)
	}
	through.jid = full
	all := []*contestant{ping, through, read, receipted, kept}
	peers := startPeers(t, s, m)
	all = append(all, peers...)
	server := serverPID(t, s)
	db := newCommits(t)
	var commits []float64
	for range rounds {
		for _, b := range all {
			b.round(m, asked, server)
		}
		paced(m, all)
		commits = append(commits, db.median(t, asked/3))
		for _, b := range append([]*contestant{read}, peers...) {
			b.rates = append(b.rates, m.throughput(b, flooded, window))
		}
	}

	for _, b := range []*contestant{ping, through, read, receipted, kept} {
		figure("chat_paced_"+strings.ReplaceAll(b.name, " ", "_")+"_ms", median(b.paced))
		figure("chat_paced_"+strings.ReplaceAll(b.name, " ", "_")+"_p99_ms", quantile(b.paced, 0.99))
	}
	for _, b := range peers {
		peer(b.name+"_paced_ms", median(b.paced))
	}
	figure("chat_paced_read_vs_ping", median(read.paced)/median(ping.paced))
	figure("chat_ping_ms", median(ping.medians))
	figure("chat_ping_p99_ms", median(ping.tails))
	figure("chat_ping_through_ms", median(through.medians))
	figure("chat_ping_through_p99_ms", median(through.tails))
	figure("chat_read_ms", median(read.medians))
	figure("chat_read_p99_ms", median(read.tails))
	figure("chat_read_vs_ping_through", against(read.medians, through.medians))
	figure("chat_read_p99_vs_ping_through_p99", against(read.tails, through.tails))
	figure("chat_read_with_receipt_ms", median(receipted.medians))
	figure("chat_read_cpu_ms", median(read.work))
	figure("chat_read_server_cpu_ms", median(read.server))
	figure("chat_ping_server_cpu_ms", median(ping.server))
	figure("chat_ping_through_server_cpu_ms", median(through.server))
	figure("chat_journalled_ms", median(kept.medians))
	figure("chat_commit_ms", median(commits))
	for _, b := range peers {
		peer(b.name+"_ms", median(b.medians))
		peer(b.name+"_p99_ms", median(b.tails))
		peer(b.name+"_cpu_ms", median(b.work))
		peer(b.name+"_in_flight_64_per_s", median(b.rates))
	}
	figure("chat_in_flight_64_per_s", median(read.rates))

	atMost(t, "chat_read_vs_ping", against(read.medians, ping.medians), 1.5)
	atMost(t, "chat_read_p99_vs_ping", against(read.tails, ping.medians), 5)
	var beyond []float64
	for i := range kept.medians {
		beyond = append(beyond, kept.medians[i]/(1.5*ping.medians[i]+2*commits[i]))
	}
	atMost(t, "chat_journalled_vs_ping_and_2_commits", median(beyond), 1)
	for _, b := range peers {
		atMost(t, "chat_read_vs_"+b.name, against(read.medians, b.medians), 1)
	}
}

// paced lets all ask once in turn, again and again, with a pause between: as
// people do, whose machines have gone to sleep meanwhile.
func paced(m *meter, all []*contestant) {
	m.t.Helper()
	for range asked / 5 {
		for _, b := range all {
			b.paced = append(b.paced, b.once(m))
			wait(m.t.Context(), pause)
		}
	}
}

// commits is a database of which each transaction is on disk when it ends.
type commits struct{ db *sql.DB }

func newCommits(t *testing.T) commits {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "commits.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Exec("CREATE TABLE line(n INTEGER PRIMARY KEY, text TEXT NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	return commits{db}
}

// median returns the milliseconds of a commit.
func (c commits) median(t *testing.T, n int) float64 {
	t.Helper()
	list := make([]float64, n)
	for i := range list {
		begin := time.Now()
		if _, err := c.db.ExecContext(t.Context(), "INSERT INTO line(text) VALUES('as long as a short command is')"); err != nil {
			t.Fatal(err)
		}
		list[i] = millis(time.Since(begin))
	}
	return median(list)
}

// startPeers starts the other bots that are on this machine.
func startPeers(t *testing.T, s *prosodytest.Server, m *meter) (list []*contestant) {
	t.Helper()
	data, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	try := func(b *contestant, run func() *process) {
		begin := time.Now()
		b.process = run()
		m.online(b.jid, b.process)
		peer(b.name+"_start_online_ms", millis(time.Since(begin)))
		m.latencies(b, 20)
		peer(b.name+"_rss_idle_MB", settled(t, b.process.pid(), 2*time.Second))
		list = append(list, b)
	}
	if python := pythonWith("slixmpp"); python == "" {
		fmt.Println("peer slixmpp absent: needs python3-slixmpp (apt-get install python3-slixmpp)")
	} else {
		b := &contestant{name: "slixmpp", jid: s.JID("slix"), echoes: true}
		try(b, func() *process {
			return start(t, nil, python, filepath.Join(data, "echo.py"), b.jid, s.Password("slix"), host, port, s.CAFile)
		})
	}
	errbot, err := exec.LookPath("errbot")
	if err != nil {
		fmt.Println("peer errbot absent: needs errbot (apt-get install errbot)")
		return list
	}
	b := &contestant{name: "errbot", jid: s.JID("errbot"), text: "!e ", echoes: true}
	try(b, func() *process {
		return start(t, []string{
			"BENCH_JID=" + b.jid, "BENCH_PASSWORD=" + s.Password("errbot"), "BENCH_HOST=" + host, "BENCH_PORT=" + port,
			"BENCH_CA=" + s.CAFile, "BENCH_DIR=" + t.TempDir(), "BENCH_PLUGINS=" + filepath.Join(data, "plugin"), "BENCH_ADMIN=" + s.JID("alice"),
			"PYTHONDONTWRITEBYTECODE=1",
		}, errbot, "--config", filepath.Join(data, "errbot_config.py"))
	})
	return list
}

// pythonWith returns a Python that has the module; a machine may have several.
func pythonWith(module string) string {
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(name, "-c", "import "+module).Run() == nil {
			return name
		}
	}
	return ""
}

// TestBarsChatMemory wants that the bot does not grow with what it has done.
func TestBarsChatMemory(t *testing.T) {
	need(t)
	binary := build(t)
	s := newServer(t, "alice", "oswald")
	m := login(t, s, "alice")
	config := configure(t, s, "")
	p := start(t, nil, binary, "bot", "--config", config)
	m.online(s.JID("oswald"), p)
	b := &contestant{name: "oswald", jid: s.JID("oswald"), text: "ping", process: p}
	idle := settled(t, p.pid(), time.Second)
	m.throughput(b, 10_000, window)
	few := settled(t, p.pid(), 3*time.Second)
	m.throughput(b, 40_000, window)
	figure("chat_rss_50000_MB", settled(t, p.pid(), 3*time.Second))
	m.throughput(b, 50_000, window)
	many := settled(t, p.pid(), 3*time.Second)
	figure("chat_rss_0_MB", idle)
	figure("chat_rss_10000_MB", few)
	figure("chat_rss_100000_MB", many)
	if info, err := os.Stat(filepath.Join(filepath.Dir(config), "state", "bot.db")); err == nil {
		figure("chat_database_100000_MB", float64(info.Size())/1e6)
	}
	atMost(t, "chat_rss_100000_vs_10000", many/few, 1.1)
}

// TestBarsChatReconnect measures from the moment that the server takes
// connections again until the bot is online. Each time it is a new bot: one that
// has just come back waits longer before it tries again.
func TestBarsChatReconnect(t *testing.T) {
	need(t)
	binary := build(t)
	s := newServer(t, "alice", "oswald")
	test := func(name string, end func()) (worst float64) {
		t.Helper()
		var list []float64
		for range 5 {
			m := login(t, s, "alice")
			p := start(t, nil, binary, "bot", "--config", configure(t, s, ""))
			m.online(s.JID("oswald"), p)
			end()
			s.Restart()
			begin := time.Now()
			m = login(t, s, "alice")
			m.online(s.JID("oswald"), p)
			list = append(list, time.Since(begin).Seconds())
			p.stop()
			m.offline(s.JID("oswald"))
			m.Close()
		}
		figure("chat_reconnect_"+name+"_median_s", median(list))
		return quantile(list, 1)
	}
	figure("chat_reconnect_crash_worst_s", test("crash", s.Kill))
	atMost(t, "chat_reconnect_worst_s", test("restart", s.Stop), 2)
}
