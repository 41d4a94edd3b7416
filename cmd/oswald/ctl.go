// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"oswald"
)

// The control socket carries the same commands as the chat, for whoever may
// open a socket of mode 0600: a line of JSON with the text goes in, lines with
// progress come back, the last one with the reply.

// dispatcher is what the socket needs of the command table.
type dispatcher interface {
	Dispatch(context.Context, oswald.Request) (oswald.Reply, error)
}

type ctlRequest struct {
	Text string `json:"text"`
}

type ctlAnswer struct {
	Progress string      `json:"progress,omitempty"`
	Text     string      `json:"text,omitempty"`
	Error    string      `json:"error,omitempty"`
	Code     oswald.Code `json:"code,omitempty"`
	Done     bool        `json:"done,omitempty"`
}

const (
	ctlSessions = 16
	ctlLine     = 512 << 10 // JSON makes up to six bytes of one
	ctlTimeout  = 15 * time.Minute
)

// serveCtl answers on l until ctx ends.
func serveCtl(ctx context.Context, l net.Listener, d dispatcher, log *slog.Logger) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	slots := make(chan struct{}, ctlSessions)
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		select {
		case slots <- struct{}{}:
		default:
			c.Close()
			continue
		}
		wg.Go(func() {
			defer func() { <-slots }()
			defer c.Close()
			defer context.AfterFunc(ctx, func() { c.Close() })()
			if err := ctlSession(ctx, c, d); err != nil && ctx.Err() == nil {
				log.Warn("control socket", "err", err)
			}
		})
	}
}

func ctlSession(ctx context.Context, c net.Conn, d dispatcher) error {
	ctx, cancel := context.WithTimeout(ctx, ctlTimeout)
	defer cancel()
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	var mu sync.Mutex
	enc := json.NewEncoder(c)
	send := func(a ctlAnswer) error {
		mu.Lock()
		defer mu.Unlock()
		c.SetWriteDeadline(time.Now().Add(10 * time.Second))
		return enc.Encode(a)
	}
	in := &io.LimitedReader{R: c, N: ctlLine}
	line, err := bufio.NewReaderSize(in, 4096).ReadBytes('\n')
	if in.N == 0 {
		err := send(ctlAnswer{Error: "That text is too long; I read up to 64 KB.", Code: oswald.Invalid, Done: true})
		io.CopyN(io.Discard, c, 16<<20) // an answer gets through only when the text has
		return err
	}
	if err != nil {
		return err
	}
	var req ctlRequest
	if err := json.Unmarshal(line, &req); err != nil {
		return err
	}
	reply, err := d.Dispatch(ctx, oswald.Request{
		ID:       oswald.RandomID(),
		Actor:    oswald.Actor{Address: "local", Role: oswald.Owner},
		Text:     req.Text,
		At:       time.Now(),
		Progress: func(text string) { send(ctlAnswer{Progress: text}) },
	})
	if err != nil {
		return send(ctlAnswer{Error: oswald.MessageOf(err), Code: oswald.CodeOf(err), Done: true})
	}
	return send(ctlAnswer{Text: reply.Text, Done: true})
}

// askCtl sends text to the oswald that listens at path.
func askCtl(ctx context.Context, path, text string, progress func(string)) (string, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return "", oswald.Wrap(err, oswald.Unavailable, "No oswald with this configuration is running here: its control socket does not answer.")
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if err := json.NewEncoder(c).Encode(ctlRequest{Text: text}); err != nil {
		return "", err
	}
	dec := json.NewDecoder(c)
	for {
		var a ctlAnswer
		err := dec.Decode(&a)
		if ctx.Err() != nil {
			return "", oswald.Wrap(ctx.Err(), oswald.Unknown, "Stopped waiting; the command itself goes on, see the log command.")
		}
		if err != nil {
			return "", oswald.Wrap(err, oswald.Unavailable, "The running oswald hung up before it had answered; see its log.")
		}
		switch {
		case a.Error != "":
			return "", oswald.Errorf(a.Code, "%s", a.Error)
		case a.Done:
			return a.Text, nil
		case progress != nil:
			progress(a.Progress)
		}
	}
}

func cmdCtl(ctx context.Context, c console, args []string) error {
	flags := flag.NewFlagSet("ctl", flag.ContinueOnError)
	flags.SetOutput(c.err)
	file := flags.String("config", defaultConfig, "configuration file")
	if flags.Parse(args) != nil || flags.NArg() == 0 {
		return errUsage
	}
	cfg, err := loadConfig(*file)
	if err != nil {
		return err
	}
	text, err := askCtl(ctx, cfg.ctlSocket(), strings.Join(flags.Args(), " "), func(p string) { fmt.Fprintln(c.err, p) })
	if err != nil {
		return err
	}
	fmt.Fprintln(c.out, text)
	return nil
}
