// SPDX-License-Identifier: GPL-3.0-or-later

// Package sensors reads the temperatures of a house: DS18B20 and its relatives
// through the kernel's 1-wire files, and the machine's own. It owns what to
// believe of a probe, the thresholds, the history, and a simulated probe for
// machines without a real one. It asks nobody else and words nothing but why a
// probe has no value.
//
// One goroutine, that of Run, reads the probes of a bus one after the other,
// each with a deadline; a read that hangs is abandoned and never doubled.
// Readings and Parts may be called from any goroutine and read only memory.
package sensors

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"oswald"
	"oswald/internal/store"
)

// cpuName is the name and id of the machine's own temperature.
const cpuName = "cpu"

// Deps is what Sensors is made of.
type Deps struct {
	DB    *sql.DB
	Alert func(oswald.Alert) // takes an alert without blocking; may be nil
	// Dir is the folder for the simulated probe where Config.SimDir is empty.
	Dir string
	Log *slog.Logger
	Now func() time.Time // time.Now if nil
}

// Sensors watches the probes. Make one with [New].
type Sensors struct {
	cfg  Config
	deps Deps
	log  *slog.Logger
	now  func() time.Time
	root string
	sim  *simulator // nil for real probes

	// read and readHost read the files, in goroutines of their own.
	readProbe func(dir string) (sample, error)
	readHost  func(dir string) (float64, error)

	looked chan struct{} // closed after the first look

	mu     sync.Mutex
	probes map[string]*probe // by id
	fault  error             // why the bus shows no probes

	// Owned by Run:
	bus, hostBus *bus
	once         sync.Once
	minute       int64
	noHost       bool // the machine does not tell its own temperature
}

// A probe is what is known of one.
type probe struct {
	watch
	id    string
	day   []point
	named bool // in config.toml, so missed if it is not there
}

// New opens the tables of package sensors in deps.DB and, if it is to simulate,
// makes the simulated probe. It starts nothing.
func New(cfg Config, deps Deps) (*Sensors, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Alert == nil {
		deps.Alert = func(oswald.Alert) {}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := store.Migrate(ctx, deps.DB, "sensors", schema); err != nil {
		return nil, err
	}
	s := &Sensors{
		cfg:       cfg,
		deps:      deps,
		log:       deps.Log.With("pkg", "sensors"),
		now:       deps.Now,
		root:      cfg.Root,
		readProbe: readProbe,
		readHost:  readCPU,
		looked:    make(chan struct{}),
		probes:    map[string]*probe{},
		bus:       newBus(),
		hostBus:   newBus(),
	}
	if cfg.Simulate {
		dir := cfg.SimDir
		if dir == "" && deps.Dir != "" {
			dir = filepath.Join(deps.Dir, "w1")
		}
		if dir == "" {
			return nil, errors.New("sensors.simulate_dir: names no folder for the simulated probe")
		}
		var err error
		if s.sim, err = newSimulator(dir); err != nil {
			return nil, oswald.Wrap(err, oswald.Unavailable, "The simulated probe cannot be made in %s.", dir)
		}
		s.root = dir
	}
	return s, nil
}

// SetFile is the file that heats the simulated probe; empty if it is real.
func (s *Sensors) SetFile() string {
	if s.sim == nil {
		return ""
	}
	return s.sim.set()
}

// Run reads the probes until ctx ends. A read that hangs in the kernel is left
// behind; everything else that it started has returned then.
func (s *Sensors) Run(ctx context.Context) error {
	tick := time.NewTicker(s.cfg.Poll)
	defer tick.Stop()
	prune := time.NewTicker(6 * time.Hour)
	defer prune.Stop()
	s.prune(ctx)
	for {
		s.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-prune.C:
			s.prune(ctx)
		}
	}
}

func (s *Sensors) prune(ctx context.Context) {
	if err := pruneHistory(ctx, s.deps.DB, s.now().Add(-s.cfg.Keep)); err != nil && ctx.Err() == nil {
		s.log.Error("old readings could not be dropped", "err", err)
	}
}

// look reads every probe once.
func (s *Sensors) look(ctx context.Context) {
	defer s.once.Do(func() { close(s.looked) })
	if s.sim != nil {
		if err := s.sim.render(s.now()); err != nil {
			s.log.Error("simulated probe", "err", err)
		}
	}
	for _, id := range s.list(ctx) {
		v, err := read(ctx, s.bus, s.cfg.Deadline, func() (sample, error) { return s.readProbe(filepath.Join(s.root, id)) })
		if ctx.Err() != nil {
			return
		}
		s.learn(ctx, id, v, err)
	}
	if s.cfg.Thermal != "" && !s.noHost {
		c, err := read(ctx, s.hostBus, s.cfg.Deadline, func() (float64, error) { return s.readHost(s.cfg.Thermal) })
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errGone) && s.probe(ctx, cpuName, false) == nil {
			s.noHost = true // it never had one; a virtual machine, most likely
		} else {
			s.learn(ctx, cpuName, sample{milli: int(c * 1000)}, err)
		}
	}
	s.keep(ctx)
}

// list returns the ids to read: those on the bus, those that were, and those
// that config.toml names.
func (s *Sensors) list(ctx context.Context) []string {
	found, err := read(ctx, s.bus, s.cfg.Deadline, func() ([]string, error) { return findProbes(s.root) })
	if ctx.Err() != nil {
		return nil
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = oswald.Wrap(err, oswald.Unavailable, "there is no 1-wire bus; on a Raspberry Pi add dtoverlay=w1-gpio to config.txt")
	case err != nil && oswald.CodeOf(err) == oswald.Internal:
		err = readFault(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && s.fault == nil {
		s.log.Warn("the probes cannot be listed", "err", err)
	}
	s.fault = err
	ids := map[string]bool{}
	for _, id := range found {
		ids[id] = true
	}
	for id := range s.cfg.Probes {
		if s.sim == nil {
			ids[id] = true
		}
	}
	for id := range s.probes {
		if id != cpuName {
			ids[id] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// probe returns what is known of id, and begins to know it if create is set.
func (s *Sensors) probe(ctx context.Context, id string, create bool) *probe {
	s.mu.Lock()
	p := s.probes[id]
	s.mu.Unlock()
	if p != nil || !create {
		return p
	}
	name, named := s.cfg.Probes[id]
	switch {
	case named:
	case s.sim != nil && id == simID:
		name = simName
	default:
		name = id
	}
	p = &probe{id: id, named: named}
	limit, limited := s.cfg.limitOf(id, name)
	p.watch = watch{key: "probe/" + strings.ReplaceAll(name, " ", "-"), name: name, simulated: s.sim != nil && id != cpuName,
		limit: limit, limited: limited, critical: s.cfg.Critical, hold: s.cfg.Hold, clear: s.cfg.Clear}
	var err error
	if p.day, err = loadDay(ctx, s.deps.DB, id, s.now()); err != nil && ctx.Err() == nil {
		s.log.Error("history could not be read", "probe", id, "err", err)
	}
	s.mu.Lock()
	s.probes[id] = p
	s.mu.Unlock()
	return p
}

// learn takes in one look at a probe.
func (s *Sensors) learn(ctx context.Context, id string, v sample, err error) {
	p := s.probe(ctx, id, true)
	now := s.now()
	var out []oswald.Alert
	s.mu.Lock()
	before := p.err
	if err != nil {
		out = p.bad(err, now)
	} else {
		out = p.good(float64(v.milli)/1000, v, now)
	}
	if p.at.Equal(now) {
		p.day = add(p.day, point{minuteOf(now), p.value})
	}
	after := p.err
	s.mu.Unlock()
	if after != nil && before == nil {
		s.log.Warn("a probe has no value", "probe", id, "err", after)
	}
	for _, a := range out {
		s.deps.Alert(a)
	}
}

// keep writes the history, once a minute.
func (s *Sensors) keep(ctx context.Context) {
	now := s.now()
	if minuteOf(now) == s.minute {
		return
	}
	values := map[string]point{}
	s.mu.Lock()
	for id, p := range s.probes {
		if !p.at.IsZero() && now.Sub(p.at) < time.Minute {
			values[id] = point{minuteOf(now), p.value}
		}
	}
	s.mu.Unlock()
	if err := saveMinute(ctx, s.deps.DB, values); err != nil {
		if ctx.Err() == nil {
			s.log.Error("readings could not be kept", "err", err)
		}
		return
	}
	s.minute = minuteOf(now)
}

// Readings returns the last look at every probe, the machine's own last. Right
// after the start it waits for the first look.
func (s *Sensors) Readings(ctx context.Context) []oswald.Reading {
	select {
	case <-s.looked:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	var list []oswald.Reading
	for _, p := range s.sortedLocked() {
		r := oswald.Reading{Probe: p.name, Celsius: p.value, At: p.at, Simulated: p.simulated, Trend: trend(p.day, now), Recent: recent(p.day, now)}
		if p.at.IsZero() || p.unknown == yes {
			r.Err = p.err
		}
		list = append(list, r)
	}
	return list
}

func (s *Sensors) sortedLocked() []*probe {
	return slices.SortedFunc(maps.Values(s.probes), func(a, b *probe) int {
		if (a.id == cpuName) != (b.id == cpuName) {
			if a.id == cpuName {
				return 1
			}
			return -1
		}
		return strings.Compare(a.name, b.name)
	})
}

// Parts tells how every probe is doing.
func (s *Sensors) Parts() []oswald.Part {
	s.mu.Lock()
	defer s.mu.Unlock()
	var parts []oswald.Part
	found := false
	for _, p := range s.sortedLocked() {
		part := oswald.Part{Name: "probe " + p.name, OK: true, Simulated: p.simulated, State: fmt.Sprintf("%.1f °C", p.value)}
		if p.id == cpuName {
			part.Name = cpuName
		} else {
			found = true
		}
		if p.at.IsZero() && p.err == nil {
			continue // not looked at yet
		}
		if p.at.IsZero() || p.unknown == yes {
			part.OK, part.State = false, oswald.MessageOf(p.err)
		} else if p.hot == yes {
			part.State += fmt.Sprintf(", above its limit of %s °C", short(p.limit))
		}
		parts = append(parts, part)
	}
	if !found {
		none := oswald.Part{Name: "probes", OK: true, State: "none connected"}
		if s.fault != nil && !os.IsNotExist(s.fault) && !errors.Is(s.fault, fs.ErrNotExist) {
			none.OK, none.State = false, oswald.MessageOf(s.fault)
		} else if s.fault != nil {
			none.State += ": " + oswald.MessageOf(s.fault)
		}
		parts = append(parts, none)
	}
	return parts
}
