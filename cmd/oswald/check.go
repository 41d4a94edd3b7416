// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"oswald"
	"oswald/audio"
	"oswald/bot"
	"oswald/internal/gpio"
	"oswald/internal/memcached"
	"oswald/internal/store"
	"oswald/ipc"
	"oswald/sensors"
)

// A probe of the doctor tries one part out for real. It returns what it found,
// or an error that says what to do.
type checkup struct {
	name string
	role string // only where this role is enabled; empty: always
	try  func(ctx context.Context, d *doctor) (string, error)
}

var checkups = []checkup{
	{"state folder", "", checkState},
	{"databases", "", checkDatabases},
	{"message bus", "", checkBus},
	{"xmpp login", "bot", checkXMPP},
	{"voice", "bot", checkVoice},
	{"mute lines", "bot", checkMute},
	{"probes", "bot", checkProbes},
	{"site", "site", checkSite},
	{"spam filter", "comments", checkSpam},
	{"comments", "comments", checkComments},
	{"web server", "", checkWeb},
}

// checkTimeout bounds each check-up.
const checkTimeout = 30 * time.Second

type doctor struct {
	cfg Config
	// running is true when an oswald of this configuration answers: what it
	// holds for itself is then asked of it instead of taken away.
	running bool
	log     *slog.Logger
}

// cmdCheck tries every enabled part and prints a line for each.
func cmdCheck(ctx context.Context, c console, args []string) error {
	cfg, err := configFlag(c, "check", args)
	if err != nil {
		return err
	}
	d := &doctor{cfg: cfg, log: slog.New(slog.DiscardHandler)}
	if c, err := net.DialTimeout("unix", cfg.ctlSocket(), time.Second); err == nil {
		c.Close()
		d.running = true
	}
	bad := 0
	for _, ck := range checkups {
		if ck.role != "" && !slices.Contains(cfg.Roles, ck.role) {
			continue
		}
		found, err := d.examine(ctx, ck)
		if ctx.Err() != nil {
			return oswald.Errorf(oswald.Unavailable, "Stopped before every part was tried out.")
		}
		if err != nil {
			bad++
			for _, err := range each(err) {
				fmt.Fprintf(c.out, "FAIL  %-13s %s\n", ck.name, operatorText(err))
			}
			continue
		}
		fmt.Fprintf(c.out, "ok    %-13s %s\n", ck.name, found)
	}
	if bad > 0 {
		return oswald.Errorf(oswald.Unavailable, "%d of the parts need attention.", bad)
	}
	return nil
}

func (d *doctor) examine(ctx context.Context, ck checkup) (found string, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return ck.try(ctx, d)
}

func checkState(_ context.Context, d *doctor) (string, error) {
	if err := os.MkdirAll(d.cfg.State, 0o700); err != nil {
		return "", oswald.Wrap(err, oswald.Unavailable, "The state folder cannot be made; name another under state, or make it and give it to Oswald's user.")
	}
	f, err := os.CreateTemp(d.cfg.State, "check-")
	if err != nil {
		return "", oswald.Wrap(err, oswald.Unavailable, "The state folder cannot be written; give it to Oswald's user.")
	}
	defer os.Remove(f.Name())
	_, err = f.Write(make([]byte, 1<<20))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", oswald.Wrap(err, oswald.Unavailable, "A megabyte could not be written into the state folder; is the disk full?")
	}
	p := diskPart(d.cfg.State)
	if !p.OK {
		return "", oswald.Errorf(oswald.Unavailable, "Only %s for the state folder; make room.", p.State)
	}
	return fmt.Sprintf("%s, %s", d.cfg.State, p.State), nil
}

func checkDatabases(ctx context.Context, d *doctor) (string, error) {
	if fi, err := os.Stat(d.cfg.State); err != nil || !fi.IsDir() {
		return "", oswald.Errorf(oswald.Unavailable, "They need the state folder; put that right first.")
	}
	var names []string
	var errs []error
	for _, role := range d.cfg.Roles {
		path := filepath.Join(d.cfg.State, role+".db")
		names = append(names, filepath.Base(path))
		errs = append(errs, store.Explain(soundDatabase(ctx, path), path))
	}
	if err := errors.Join(errs...); err != nil {
		return "", err
	}
	return strings.Join(names, ", ") + " open, sound and durable", nil
}

// soundDatabase opens the file at path and lets SQLite go through its structure.
func soundDatabase(ctx context.Context, path string) error {
	db, err := store.Open(ctx, path)
	if err != nil {
		return err
	}
	defer db.Close()
	return store.Sound(ctx, db)
}

// checkKeys reads the keys of the message bus that are there; the others are made
// at first start.
func (d *doctor) checkKeys() error {
	var errs []error
	keys := ipc.NewKeys(d.cfg.Bus.Keys)
	for i, a := range allRoles {
		for _, b := range allRoles[i+1:] {
			if _, err := os.Stat(keys.Path(a, b)); err == nil {
				errs = append(errs, keys.ReadOrMake(a, b))
			}
		}
	}
	return errors.Join(errs...)
}

// checkBus stores a value and reads it back.
func checkBus(ctx context.Context, d *doctor) (string, error) {
	key, want := "osw/check/"+oswald.RandomID(), []byte("1")
	var b ipc.Bus
	switch {
	case d.cfg.Bus.Kind == "mem" || d.cfg.Bus.Kind == "embedded" && slices.Contains(d.cfg.Roles, "bot") && !d.running:
		b = memcached.New(memcached.Defaults())
	default:
		var err error
		if b, err = ipc.NewMemcached(d.cfg.Bus.Address); err != nil {
			return "", err
		}
	}
	if err := d.checkKeys(); err != nil {
		return "", err
	}
	begin := time.Now()
	if err := b.Put(key, want); err != nil {
		return "", oswald.Wrap(err, oswald.Unavailable, "The message bus at %s does not take a value; is it running?", d.cfg.Bus.Address)
	}
	got, err := b.Get([]string{key})
	if err != nil || string(got[key]) != string(want) {
		return "", oswald.Wrap(err, oswald.Unavailable, "The message bus at %s does not give back what it was given.", d.cfg.Bus.Address)
	}
	return fmt.Sprintf("%s, round trip in %v", d.cfg.Bus.Kind, time.Since(begin).Round(time.Microsecond)), nil
}

func checkXMPP(ctx context.Context, d *doctor) (string, error) {
	return bot.Check(ctx, d.cfg.XMPP)
}

// checkVoice renders a phrase and plays it where there is a card.
func checkVoice(ctx context.Context, d *doctor) (string, error) {
	if d.running {
		return "in use by the oswald that is running; text it: say both test", nil
	}
	mute, err := gpio.New(d.cfg.Mute, gpio.Deps{Log: d.log})
	if err != nil {
		return "", err
	}
	defer mute.Close()
	player, err := audio.New(d.cfg.Audio, audio.Deps{Lines: mute, Log: d.log})
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { player.Run(ctx) })
	spoken, err := player.Say(ctx, oswald.RandomID(), oswald.Both, "Oswald is checking the voice.", true)
	if err != nil {
		return "", err
	}
	if spoken.Simulated {
		return "no sound card: simulated, in " + spoken.File, nil
	}
	return fmt.Sprintf("said %.1f s of speech", spoken.Took.Seconds()), nil
}

func checkMute(_ context.Context, d *doctor) (string, error) {
	if d.running {
		return "held by the oswald that is running", nil
	}
	mute, err := gpio.New(d.cfg.Mute, gpio.Deps{Log: d.log})
	if err != nil {
		return "", err
	}
	defer mute.Close()
	p := mute.Part()
	if !p.OK {
		return "", oswald.Errorf(oswald.Unavailable, "%s", p.State)
	}
	return p.State, nil
}

func checkProbes(ctx context.Context, d *doctor) (string, error) {
	dir, err := os.MkdirTemp("", "oswald-check-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	db, err := store.Open(ctx, filepath.Join(dir, "check.db"))
	if err != nil {
		return "", err
	}
	defer db.Close()
	cfg := d.cfg.Sensors
	cfg.SimDir = "" // the running one writes its own
	s, err := sensors.New(cfg, sensors.Deps{DB: db, Dir: dir, Log: d.log})
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { s.Run(ctx) })
	var lines []string
	for _, r := range s.Readings(ctx) {
		if r.Err != nil {
			return "", oswald.Errorf(oswald.Unavailable, "%s: %s", r.Probe, oswald.MessageOf(r.Err))
		}
		text := fmt.Sprintf("%s %.1f °C", r.Probe, r.Celsius)
		if r.Simulated {
			text += " (simulated)"
		}
		lines = append(lines, text)
	}
	if len(lines) == 0 {
		return "none connected", nil
	}
	return strings.Join(lines, ", "), nil
}

// checkWeb asks the running web server for the front page, or sees that its
// address is free.
func checkWeb(ctx context.Context, d *doctor) (string, error) {
	if d.cfg.Web.Listen == "" {
		return "left to another web server", nil
	}
	l, err := net.Listen("tcp", d.cfg.Web.Listen)
	if err == nil {
		l.Close()
		return d.cfg.Web.Listen + " is free", nil
	}
	if !d.running {
		return "", oswald.Wrap(err, oswald.Conflict, "%s (web.listen) cannot be listened on: another program has it?", d.cfg.Web.Listen)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.cfg.Web.Listen+"/", nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", oswald.Wrap(err, oswald.Unavailable, "The web server at %s does not answer.", d.cfg.Web.Listen)
	}
	defer res.Body.Close()
	n, _ := io.Copy(io.Discard, res.Body)
	if res.StatusCode != http.StatusOK {
		return "", oswald.Errorf(oswald.Unavailable, "The front page at %s answers %s.", d.cfg.Web.Listen, res.Status)
	}
	return fmt.Sprintf("the front page has %d bytes", n), nil
}
