// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const netnsEnv = "OSWALD_IPC_NETNS"

// TestDistributed has bot, site, comments and cache as four hosts, each in a
// network namespace of its own, the site behind a slow link. Packets are lost,
// hosts are cut off and killed, while every role commands every other. It runs in
// namespaces of its own, so it needs no rights.
func TestDistributed(t *testing.T) {
	if os.Getenv(netnsEnv) != "" {
		distributed(t)
		return
	}
	for program, pkg := range map[string]string{"unshare": "util-linux", "nsenter": "util-linux", "ip": "iproute2", "nft": "nftables", "memcached": "memcached"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s (apt-get install %s)", program, pkg)
		}
	}
	const try = "mount -t tmpfs none /run && mkdir /run/netns && ip netns add x && ip link add veth1 type veth peer name eth0 netns x && nsenter --net=/run/netns/x nft add table inet x"
	if out, err := exec.Command("unshare", "-Urnm", "sh", "-ec", try).CombinedOutput(); err != nil {
		t.Skipf("needs network namespaces: %v: %s", err, out)
	}
	cmd := exec.Command("unshare", "-Urnm", os.Args[0], "-test.run=^TestDistributed$", "-test.v", "-test.timeout=20m")
	cmd.Env = append(os.Environ(), netnsEnv+"=1")
	cmd.WaitDelay = 10 * time.Second // should it leave a role behind
	out, err := cmd.CombinedOutput()
	t.Log(string(out))
	if err != nil {
		t.Fatal(err)
	}
}

// hosts are the namespaces and their addresses.
var netHosts = map[string]string{"bot": "10.9.0.1", "site": "10.9.0.2", "comments": "10.9.0.3", "cache": "10.9.0.4"}

// network is the four hosts on one bridge.
type network struct {
	t    *testing.T
	rand *rand.Rand
}

func (n network) sh(format string, args ...any) {
	n.t.Helper()
	script := fmt.Sprintf(format, args...)
	if out, err := exec.Command("sh", "-ec", script).CombinedOutput(); err != nil {
		n.t.Fatalf("%s: %v: %s", script, err, out)
	}
}

// on runs a script on a host.
func (n network) on(host, format string, args ...any) {
	n.t.Helper()
	script := fmt.Sprintf(format, args...)
	if out, err := exec.Command("nsenter", "--net=/run/netns/"+host, "sh", "-ec", script).CombinedOutput(); err != nil {
		n.t.Fatalf("%s: %s: %v: %s", host, script, err, out)
	}
}

func (n network) build() {
	n.sh("mount -t tmpfs none /run; mkdir /run/netns; ip link set lo up; ip link add br0 type bridge; ip link set br0 up")
	for host, addr := range netHosts {
		n.sh("ip netns add %[1]s; ip link add v%[1]s type veth peer name eth0 netns %[1]s; ip link set v%[1]s master br0 up", host)
		n.on(host, "ip link set lo up; ip addr add %s/24 dev eth0; ip link set eth0 up", addr)
		n.on(host, "nft 'add table inet f; add chain inet f in { type filter hook input priority 0; }'")
	}
}

// spawn runs c on a host.
func (n network) spawn(host string, c child, done *counter) *exec.Cmd {
	text, err := json.Marshal(c)
	if err != nil {
		n.t.Fatal(err)
	}
	cmd := exec.Command("nsenter", "--net=/run/netns/"+host, os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	if done != nil {
		cmd.Stdout = done
	}
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { slay(cmd) })
	return cmd
}

func (n network) memcached() *exec.Cmd {
	cmd := exec.Command("nsenter", "--net=/run/netns/cache", "memcached", "-l", netHosts["cache"], "-p", "11211", "-U", "0", "-u", "root")
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { slay(cmd) })
	return cmd
}

func distributed(t *testing.T) {
	commands, faults := 60, 14
	pace := 700 * time.Millisecond // so that commands are under way in every fault
	if longTest() {
		commands, faults, pace = 1000, 200, 1500*time.Millisecond
	}
	n := network{t, rand.New(rand.NewPCG(1, 1))}
	n.build()
	cache := n.memcached()
	direct, slow := netHosts["cache"]+":11211", netHosts["cache"]+":11212"
	n.spawn("cache", child{Role: "relay", Bus: slow, Relay: direct, Skew: 30 * time.Millisecond}, nil)
	dirs, roles, procs := map[string]string{}, map[string]child{}, map[string]*exec.Cmd{}
	var done counter
	for name, peers := range meshRoles {
		dirs[name] = t.TempDir()
		roles[name] = child{Role: "mesh", Name: name, Peers: peers, Targets: peers, Dir: dirs[name], Bus: direct, To: commands, Pace: pace}
		if name == "site" {
			c := roles[name]
			c.Bus = slow
			roles[name] = c
		}
		procs[name] = n.spawn(name, roles[name], &done)
	}
	names := []string{"bot", "site", "comments"}
	counts := map[string]int{}
	for k := range faults {
		// The first blows are one of each, whatever the seed.
		name := names[n.rand.IntN(len(names))]
		length := time.Duration(200+n.rand.IntN(1500)) * time.Millisecond
		kind := n.rand.IntN(6)
		if k < 6 {
			kind = k
		}
		what := [...]string{"lose packets", "cut off", "cut one way", "kill -9 a role", "kill -9 memcached", "cut off the cache"}[kind]
		counts[what]++
		rule := func(host, rule string) {
			n.on(host, "nft add rule inet f in %s", rule)
			pause(t.Context(), length)
			n.on(host, "nft flush chain inet f in")
		}
		switch kind {
		case 0:
			rule(name, fmt.Sprintf("numgen random mod 100 '<' %d drop", 10+n.rand.IntN(40)))
		case 1:
			rule(name, "iifname eth0 drop")
		case 2:
			rule("cache", "ip saddr "+netHosts[name]+" drop")
		case 3:
			slay(procs[name])
			procs[name] = n.spawn(name, roles[name], &done)
		case 4:
			slay(cache)
			pause(t.Context(), length/4)
			cache = n.memcached()
		case 5:
			rule("cache", "iifname eth0 drop")
		}
		pause(t.Context(), length/4)
	}
	last, lastAt := int64(-1), time.Now()
	for done.n.Load() < int64(commands*6) {
		if now := done.n.Load(); now != last {
			last, lastAt = now, time.Now()
		}
		if time.Since(lastAt) > 20*time.Second {
			break // some ended while their role was being killed: judgeMesh knows
		}
		pause(t.Context(), 20*time.Millisecond)
	}
	for _, cmd := range procs {
		slay(cmd)
	}
	t.Logf("%d commands between three hosts, %v", commands*6, counts)
	for _, w := range judgeMesh(t, dirs, commands) {
		t.Error(w)
	}
	if !strings.Contains(fmt.Sprint(counts), "cut off the cache") {
		t.Error("not every fault took place")
	}
}
