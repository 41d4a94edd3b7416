// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Two brokers that push, for comparison: a request is stored by the broker,
// handed to a worker, and the worker's reply is stored and handed back. Neither
// end keeps anything itself, so this is less than what a command of ours is.

// broker starts a program that listens on a free port, and returns its address;
// "" if it is not here.
func broker(t *testing.T, figure, program string, args func(port string) []string) string {
	path, err := exec.LookPath(program)
	if err != nil {
		fmt.Printf("peer %s absent: needs %s (apt-get install %s)\n", figure, program, program)
		return ""
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(path, args(port)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slay(cmd) })
	eventually(t, program+" answers", func() bool {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return addr
}

// waiters hand replies to those who asked, by number.
type waiters struct {
	mu sync.Mutex
	by map[string]chan struct{}
}

func (w *waiters) add(id string) chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by == nil {
		w.by = map[string]chan struct{}{}
	}
	ch := make(chan struct{})
	w.by[id] = ch
	return ch
}

func (w *waiters) done(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ch := w.by[id]; ch != nil {
		close(ch)
		delete(w.by, id)
	}
}

// compare measures request and reply: one at a time, rested and in a row, and
// many at once.
func compare(t *testing.T, name string, send func(id string)) (w *waiters, measure func()) {
	w = new(waiters)
	return w, func() {
		ask := func(id string) {
			ch := w.add(id)
			send(id)
			select {
			case <-ch:
			case <-time.After(30 * time.Second):
				t.Error(name, "does not answer")
			}
		}
		ask("first")
		var row, rested []time.Duration
		for i := range 200 {
			start := time.Now()
			ask(fmt.Sprint("row", i))
			row = append(row, time.Since(start))
		}
		for i := range 10 {
			pause(t.Context(), breath)
			start := time.Now()
			ask(fmt.Sprint("rested", i))
			rested = append(rested, time.Since(start))
		}
		peerFigure(name+"_in_a_row_ms", ms(median(row)))
		peerFigure(name+"_chat_ms", ms(median(rested)))
		peerFigure(name+"_flat_out_per_s", manyAtOnce(5000, func(i int) { ask(fmt.Sprint("flat", i)) }))
	}
}

// natsConn is as much of the NATS protocol as this takes.
type natsConn struct {
	c  net.Conn
	mu sync.Mutex
}

func (n *natsConn) send(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintf(n.c, format, args...)
}

func (n *natsConn) publish(subject, reply, body string) {
	n.send("PUB %s %s %d\r\n%s\r\n", subject, reply, len(body), body)
}

// dialNATS connects and hands every message to got.
func dialNATS(t *testing.T, addr string, got func(n *natsConn, subject, reply, body string)) *natsConn {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	n := &natsConn{c: c}
	n.send("CONNECT {\"verbose\":false,\"pedantic\":false}\r\n")
	r := bufio.NewReader(c)
	go func() {
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			f := strings.Fields(line)
			switch {
			case len(f) == 0:
			case f[0] == "PING":
				n.send("PONG\r\n")
			case f[0] == "MSG":
				size, _ := strconv.Atoi(f[len(f)-1])
				body := make([]byte, size+2)
				if _, err := io.ReadFull(r, body); err != nil {
					return
				}
				reply := ""
				if len(f) == 5 {
					reply = f[3]
				}
				got(n, f[1], reply, string(body[:size]))
			}
		}
	}()
	return n
}

// natsPeer takes JetStream with file storage; Debian's does not sync before it
// acknowledges.
func natsPeer(t *testing.T) {
	const name = "ipc_nats_jetstream"
	dir := t.TempDir()
	addr := broker(t, name, "nats-server", func(port string) []string {
		return []string{"-js", "-sd", dir, "-a", "127.0.0.1", "-p", port}
	})
	if addr == "" {
		return
	}
	api := make(chan string, 16)
	var client *natsConn
	w, measure := compare(t, name, func(id string) { client.publish("cmd", "acks", id) })
	client = dialNATS(t, addr, func(n *natsConn, subject, reply, body string) {
		switch {
		case subject == "api":
			api <- body
		case reply != "": // from the stream of replies
			n.publish(reply, "", "+ACK")
			w.done(body)
		}
	})
	client.send("SUB api 1\r\nSUB acks 2\r\nSUB answers 3\r\n")
	worker := dialNATS(t, addr, func(n *natsConn, subject, reply, body string) {
		n.publish("rep", "", body)
		n.publish(reply, "", "+ACK")
	})
	worker.send("SUB work 1\r\n")
	request := func(subject, body string) {
		client.publish("$JS.API."+subject, "api", body)
		select {
		case answer := <-api:
			if strings.Contains(answer, `"error"`) {
				t.Fatal(answer)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("no JetStream")
		}
	}
	for _, s := range [][2]string{{"cmd", "work"}, {"rep", "answers"}} {
		request("STREAM.CREATE."+s[0], fmt.Sprintf(`{"name":%q,"subjects":[%q],"storage":"file","retention":"limits","num_replicas":1,"max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"discard":"old"}`, s[0], s[0]))
		request("CONSUMER.CREATE."+s[0], fmt.Sprintf(`{"stream_name":%q,"config":{"deliver_subject":%q,"deliver_policy":"all","ack_policy":"explicit","ack_wait":30000000000,"replay_policy":"instant"}}`, s[0], s[1]))
	}
	measure()
}

// redisConn is as much of the Redis protocol as this takes.
type redisConn struct {
	c  net.Conn
	r  *bufio.Reader
	mu sync.Mutex
}

func dialRedis(t *testing.T, addr string) *redisConn {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &redisConn{c: c, r: bufio.NewReader(c)}
}

func (c *redisConn) send(args ...string) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	io.WriteString(c.c, b.String())
}

// read returns every string of one answer, in order, whatever its shape.
func (c *redisConn) read() (texts []string, err error) {
	line, err := c.r.ReadString('\n')
	if err != nil || len(line) < 3 {
		return nil, err
	}
	rest := strings.TrimSpace(line[1:])
	n, _ := strconv.Atoi(rest)
	switch line[0] {
	case '-':
		return nil, fmt.Errorf("redis: %s", rest)
	case '+':
		return []string{rest}, nil
	case '$':
		if n < 0 {
			return nil, nil
		}
		b := make([]byte, n+2)
		_, err := io.ReadFull(c.r, b)
		return []string{string(b[:n])}, err
	case '*':
		for range n {
			more, err := c.read()
			if err != nil {
				return nil, err
			}
			texts = append(texts, more...)
		}
	}
	return texts, nil
}

// follow hands every entry of a stream, of one field, to got.
func (c *redisConn) follow(stream string, got func(body string)) {
	last := "0"
	for {
		c.send("XREAD", "COUNT", "64", "BLOCK", "0", "STREAMS", stream, last)
		texts, err := c.read() // the stream's name, then id, field, value of each
		if err != nil || len(texts) < 4 {
			return
		}
		for i := 1; i+2 < len(texts); i += 3 {
			last = texts[i]
			got(texts[i+2])
		}
	}
}

// redisPeer takes streams with each write synced before it is acknowledged.
func redisPeer(t *testing.T) {
	const name = "ipc_redis_streams"
	dir := t.TempDir()
	addr := broker(t, name, "redis-server", func(port string) []string {
		return []string{"--bind", "127.0.0.1", "--port", port, "--dir", dir, "--appendonly", "yes", "--appendfsync", "always", "--save", ""}
	})
	if addr == "" {
		return
	}
	client, worker := dialRedis(t, addr), dialRedis(t, addr)
	w, measure := compare(t, name, func(id string) { client.send("XADD", "cmd", "*", "id", id) })
	discard := func(c *redisConn) {
		for {
			if _, err := c.read(); err != nil {
				return
			}
		}
	}
	go discard(client)
	go discard(worker)
	go dialRedis(t, addr).follow("cmd", func(body string) { worker.send("XADD", "rep", "*", "id", body) })
	go dialRedis(t, addr).follow("rep", w.done)
	measure()
}
