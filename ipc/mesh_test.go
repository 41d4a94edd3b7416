// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"oswald"
	"oswald/internal/store"
)

// mesh is a role that carries out the commands of its peers and gives each of
// its targets commands of its own, until it is killed. It writes a byte for each
// that ends.
func (c child) mesh(ctx context.Context, n *Node) error {
	over, err := endedIn(ctx, n.db)
	if err != nil {
		return err
	}
	if err := c.handle(n); err != nil {
		return err
	}
	go func() {
		for _, peer := range c.Targets {
			next := make(chan Command)
			go func() {
				defer close(next)
				for i := c.From; i < c.To; i++ {
					if cmd := meshPlan(i, c.Name, peer, c.now()); !over[cmd.ID] {
						next <- cmd
					}
				}
			}()
			for range 8 {
				go func() {
					for cmd := range next {
						for {
							if _, err := n.Call(ctx, cmd, nil); oswald.CodeOf(err) != oswald.Unavailable {
								break
							}
						}
						os.Stdout.Write([]byte{'.'})
						pause(ctx, c.Pace)
					}
				}()
			}
		}
	}()
	return n.Run(ctx)
}

// meshPlan is command i of from to peer; its deadlines suit a slow network.
func meshPlan(i int, from, peer string, now time.Time) Command {
	c := plan(i, now)
	c.ID, c.Peer = fmt.Sprint(from, "-", peer, "-", i), peer
	if i%7 < 2 {
		c.Deadline = now.Add(time.Duration(100+i%50*20) * time.Millisecond)
	}
	return c
}

// meshRoles are who commands whom: everyone everyone it is paired with.
var meshRoles = map[string][]string{
	"bot":      {"site", "comments"},
	"site":     {"bot", "comments"},
	"comments": {"bot", "site"},
}

// judgeMesh compares the books of every role with the effects at its peers.
func judgeMesh(t *testing.T, dirs map[string]string, commands int) (wrong []string) {
	ends := map[string]int{}
	for from, peers := range meshRoles {
		db, err := store.Open(t.Context(), filepath.Join(dirs[from], from+".db"))
		if err != nil {
			t.Fatal(err)
		}
		books := newFile(db)
		for _, peer := range peers {
			ran := effectsOf(t, dirs[peer], peer)
			for i := range commands {
				c := meshPlan(i, from, peer, time.Now())
				tk, err := books.ticket(t.Context(), c.ID)
				if err != nil || tk == nil {
					wrong = append(wrong, fmt.Sprintf("%s is lost (%v)", c.ID, err))
					continue
				}
				ends[string(tk.State)]++
				switch n := ran[c.ID]; {
				case !tk.State.ended():
					wrong = append(wrong, c.ID+" has not ended")
				case tk.State == done && n == 0:
					wrong = append(wrong, c.ID+" is done without effect")
				case (tk.State == expired || tk.State == refused) && n > 0:
					wrong = append(wrong, fmt.Sprintf("%s is %s but ran", c.ID, tk.State))
				case c.Verb != "rebuild" && n > 1:
					wrong = append(wrong, fmt.Sprintf("%s (%s) ran %d times", c.ID, c.Verb, n))
				}
			}
		}
		books.close()
		db.Close()
	}
	t.Logf("ends: %v", ends)
	return wrong
}

// relay forwards TCP from listen to target, each byte late by delay, as a link
// over half the world would. It serves until the process is killed.
func relay(listen, target string, delay time.Duration) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	for {
		a, err := l.Accept()
		if err != nil {
			return err
		}
		b, err := net.Dial("tcp", target)
		if err != nil {
			a.Close()
			continue
		}
		go lag(a, b, delay)
		go lag(b, a, delay)
	}
}

// lag copies, each piece delay after it came.
func lag(to, from net.Conn, delay time.Duration) {
	type piece struct {
		at time.Time
		b  []byte
	}
	line := make(chan piece, 1024)
	go func() {
		defer close(line)
		buf := make([]byte, 64<<10)
		for {
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			line <- piece{time.Now().Add(delay), append([]byte(nil), buf[:n]...)}
		}
	}()
	for p := range line {
		pause(context.Background(), time.Until(p.at))
		if _, err := to.Write(p.b); err != nil {
			from.Close()
		}
	}
	to.Close()
}

// TestEveryDirection has three processes that command each other over a real
// memcached: any role may command any role it is paired with.
func TestEveryDirection(t *testing.T) {
	d := startMemcached(t)
	const commands = 40
	dirs := map[string]string{}
	var done counter
	var procs []*exec.Cmd
	for name, peers := range meshRoles {
		dirs[name] = t.TempDir()
		procs = append(procs, spawn(t, child{Role: "mesh", Name: name, Peers: peers, Targets: peers, Dir: dirs[name], Bus: d.addr, To: commands}, &done))
	}
	total := int64(commands * 6)
	eventually(t, "all have ended", func() bool { return done.n.Load() >= total })
	for _, cmd := range procs {
		slay(cmd)
	}
	for _, w := range judgeMesh(t, dirs, commands) {
		t.Error(w)
	}
}
