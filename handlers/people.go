// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"oswald"
)

// Local is the address of the control socket, which is always an owner.
const Local = "local"

// people knows everybody's role: those of config.toml, and over them those
// given and taken by chat. An owner of config.toml stays one. Safe for
// concurrent use.
type people struct {
	config map[string]oswald.Role
	mu     sync.RWMutex
	chat   map[string]oswald.Role
}

func loadPeople(ctx context.Context, db *sql.DB, config map[string]oswald.Role, address func(string) (string, error)) (*people, error) {
	p := &people{config: map[string]oswald.Role{}, chat: map[string]oswald.Role{}}
	for a, role := range config {
		a, err := address(a)
		if err != nil {
			return nil, fmt.Errorf("people: %s", oswald.MessageOf(err))
		}
		p.config[a] = role
	}
	rows, err := db.QueryContext(ctx, "SELECT address, role FROM people")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var a, name string
		if err := rows.Scan(&a, &name); err != nil {
			return nil, err
		}
		role, err := oswald.ParseRole(name)
		if err != nil {
			return nil, err
		}
		p.chat[a] = role
	}
	return p, rows.Err()
}

// Role returns what the person at address may do; NoRole for a stranger.
func (h *Handlers) Role(address string) oswald.Role { return h.people.role(address) }

// People returns everybody who has a role, by address.
func (h *Handlers) People() map[string]oswald.Role { return h.people.all() }

func (p *people) role(address string) oswald.Role {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.roleLocked(address)
}

func (p *people) roleLocked(address string) oswald.Role {
	fixed := p.config[address]
	if role, ok := p.chat[address]; ok && fixed != oswald.Owner {
		return role
	}
	return fixed
}

func (p *people) all() map[string]oswald.Role {
	p.mu.RLock()
	defer p.mu.RUnlock()
	all := map[string]oswald.Role{}
	for _, known := range []map[string]oswald.Role{p.config, p.chat} {
		for a := range known {
			if role := p.roleLocked(a); role != oswald.NoRole {
				all[a] = role
			}
		}
	}
	return all
}

// set gives role to address, on disk and here.
func (h *Handlers) setRole(ctx context.Context, address string, role oswald.Role, by string) error {
	defer h.deps.changed()
	p := h.people
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.config[address] == oswald.Owner && role != oswald.Owner {
		return oswald.Errorf(oswald.Conflict, "%s is an owner by config.toml; that can only be changed there.", address)
	}
	if role != oswald.Owner && p.roleLocked(address) == oswald.Owner && p.ownersLocked() == 1 {
		return oswald.Errorf(oswald.Conflict, "%s is the only owner; make somebody else an owner first.", address)
	}
	_, err := h.deps.DB.ExecContext(ctx, `INSERT INTO people(address, role, by, at) VALUES(?, ?, ?, ?)
		ON CONFLICT(address) DO UPDATE SET role = excluded.role, by = excluded.by, at = excluded.at`,
		address, role.String(), by, millis(h.now()))
	if err != nil {
		return err
	}
	p.chat[address] = role
	return nil
}

func (d Deps) changed() {
	if d.PeopleChanged != nil {
		d.PeopleChanged()
	}
}

func (p *people) ownersLocked() int {
	n := 0
	for a, role := range p.config {
		if role == oswald.Owner && p.roleLocked(a) == oswald.Owner {
			n++
		}
	}
	for a, role := range p.chat {
		if role == oswald.Owner && p.config[a] != oswald.Owner {
			n++
		}
	}
	return n
}

// may says what a role is good for.
var may = map[oswald.Role]string{
	oswald.Guest:     "help and nothing else",
	oswald.Member:    "voice, temperature, alerts and status",
	oswald.Moderator: "all that a member may, and the site, comments and spam",
	oswald.Owner:     "everything",
}

func (h *Handlers) allow(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	address, err := h.deps.Address(args[0])
	if err != nil {
		return oswald.Reply{}, err
	}
	role := oswald.Member
	if len(args) == 2 {
		if role, err = oswald.ParseRole(strings.TrimRight(args[1], ".")); err != nil {
			return oswald.Reply{}, err
		}
	}
	if role == oswald.NoRole {
		return h.deny(ctx, req, args[:1])
	}
	if err := h.setRole(ctx, address, role, req.Actor.Address); err != nil {
		return oswald.Reply{}, err
	}
	return oswald.Reply{Text: fmt.Sprintf("%s has the role %s now: %s.", address, role, may[role])}, nil
}

func (h *Handlers) deny(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	address, err := h.deps.Address(args[0])
	if err != nil {
		return oswald.Reply{}, err
	}
	if h.people.role(address) == oswald.NoRole {
		return oswald.Reply{Text: fmt.Sprintf("%s has no role; nothing to take away.", address)}, nil
	}
	if err := h.setRole(ctx, address, oswald.NoRole, req.Actor.Address); err != nil {
		return oswald.Reply{}, err
	}
	return oswald.Reply{Text: fmt.Sprintf("%s has no role any more and gets no answer from now on.", address)}, nil
}

func (h *Handlers) who(context.Context, oswald.Request, []string) (oswald.Reply, error) {
	all := h.people.all()
	if len(all) == 0 {
		return oswald.Reply{Text: "Nobody has a role yet. `allow JID owner` gives one."}, nil
	}
	names := slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		if all[a] != all[b] {
			return int(all[b] - all[a])
		}
		return strings.Compare(a, b)
	})
	var b strings.Builder
	last := oswald.NoRole
	for _, a := range names {
		if all[a] != last {
			last = all[a]
			fmt.Fprintf(&b, "%s: %s\n", last, may[last])
		}
		fmt.Fprintf(&b, "  %s", a)
		if h.people.config[a] == oswald.Owner {
			b.WriteString(" (config.toml)")
		}
		b.WriteByte('\n')
	}
	return oswald.Reply{Text: strings.TrimRight(b.String(), "\n")}, nil
}
