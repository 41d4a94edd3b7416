// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Config is the table [comments] of config.toml.
type Config struct {
	KeyFile     string        `toml:"key_file" doc:"File with the server's key, for form tokens and visitors' IDs; made at first start. Keep it: a new key changes every ID."`
	Database    string        `toml:"database_file" doc:"File that names a PostgreSQL database for the comments, as libpq writes it: host=/run/postgresql dbname=oswald. It may hold a password, so nobody else may read it. Several comment servers can share one behind one web server; they share key_file, a Memcached (bus) and this file's database. Empty: a file of this server's own. \"oswald backup\" leaves PostgreSQL to pg_dump."`
	Further     bool          `toml:"further" doc:"This is a further server on the database of another, which alone talks to the bot: it takes comments, and suggested edits where the role site runs in the same process."`
	BaseURL     string        `toml:"base_url" doc:"Address of the site as readers see it, for feeds: https://example.org"`
	Hosts       []string      `toml:"hosts" doc:"Host names that requests must ask for; empty means any."`
	Proxies     []string      `toml:"trusted_proxies" doc:"Networks of your own web servers; X-Forwarded-For is believed from these alone, and only its last address."`
	Questions   string        `toml:"questions_file" doc:"File with your own questions for the form; empty means the built-in ones. Read again when it changes."`
	MinTime     time.Duration `toml:"min_time" doc:"A form sent sooner than this is asked to wait; sooner than half of it is taken for a machine."`
	MaxTime     time.Duration `toml:"form_lifetime" doc:"A form older than this must be sent once more; nothing typed is lost."`
	MaxText     int           `toml:"max_text" doc:"Longest comment, in characters."`
	MaxLinks    int           `toml:"max_links" doc:"A comment with more links than this waits for approval, whatever the filter says."`
	PerPage     int           `toml:"per_page" doc:"Comments on one page."`
	RateLimit   int           `toml:"rate_limit" doc:"Comments from one network (IPv4 /24, IPv6 /64; four times as many from a /48) or one ID in a rate_window."`
	RateWindow  time.Duration `toml:"rate_window" doc:"The time that rate_limit speaks of."`
	FloodLimit  int           `toml:"flood_limit" doc:"When more comments than this arrive in a minute, all further ones wait for approval."`
	BurstCount  int           `toml:"burst_count" doc:"This much spam within burst_window is a burst, and you are told."`
	BurstWindow time.Duration `toml:"burst_window" doc:"The time that burst_count speaks of; a burst is over after as long without spam."`
	AlertEvery  time.Duration `toml:"alert_every" doc:"Comments that wait are told of at most this often."`
	Tarpit      int           `toml:"tarpit" doc:"How many machines are held in the tarpit at once; further ones are refused."`
	TarpitHold  time.Duration `toml:"tarpit_hold" doc:"How long one is held."`
	EditWindow  time.Duration `toml:"edit_window" doc:"How long a visitor can change a comment by its one-time link; 0 means not at all."`
	ReadOnlyAge time.Duration `toml:"read_only_age" doc:"A page whose last comment is older than this takes no more; 0 means pages stay open."`
	Retention   time.Duration `toml:"retention" doc:"Spam and deleted comments are erased after this time, and network addresses forgotten."`
	Contact     bool          `toml:"contact" doc:"Answer /comment/contact with a form that writes to you; nothing of it is published."`
	OwnerIDs    []string      `toml:"owner_ids" doc:"IDs that are shown with the owner's badge."`
}

// Defaults returns the settings that suit a small site.
func Defaults() Config {
	return Config{
		KeyFile:     "state/comments.key",
		BaseURL:     "http://localhost",
		Proxies:     []string{"127.0.0.0/8", "::1/128"},
		MinTime:     4 * time.Second,
		MaxTime:     3 * time.Hour,
		MaxText:     10000,
		MaxLinks:    5,
		PerPage:     50,
		RateLimit:   6,
		RateWindow:  10 * time.Minute,
		FloodLimit:  30,
		BurstCount:  5,
		BurstWindow: 10 * time.Minute,
		AlertEvery:  time.Minute,
		Tarpit:      64,
		TarpitHold:  30 * time.Second,
		EditWindow:  15 * time.Minute,
		Retention:   90 * 24 * time.Hour,
		Contact:     true,
	}
}

// Validate reports every fault at once, each by the key the operator typed.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("comments."+key+": "+format, args...))
	}
	if c.KeyFile == "" {
		bad("key_file", "is missing")
	}
	if c.Further && c.Database == "" {
		bad("further", "needs database_file, the database that the servers share")
	}
	if u, err := url.Parse(c.BaseURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
		bad("base_url", "%q is not an address like https://example.org", c.BaseURL)
	}
	if _, err := c.proxies(); err != nil {
		errs = append(errs, err)
	}
	for key, d := range map[string]time.Duration{"form_lifetime": c.MaxTime, "rate_window": c.RateWindow,
		"burst_window": c.BurstWindow, "tarpit_hold": c.TarpitHold, "retention": c.Retention} {
		if d <= 0 {
			bad(key, "%v is not a positive duration", d)
		}
	}
	for key, d := range map[string]time.Duration{"min_time": c.MinTime, "alert_every": c.AlertEvery,
		"edit_window": c.EditWindow, "read_only_age": c.ReadOnlyAge} {
		if d < 0 {
			bad(key, "%v is a negative duration", d)
		}
	}
	if c.MinTime > time.Minute {
		bad("min_time", "%v is longer than people take; use at most 1m", c.MinTime)
	}
	if c.MaxTime > 0 && c.MaxTime <= c.MinTime {
		bad("form_lifetime", "%v is not longer than min_time", c.MaxTime)
	}
	if c.TarpitHold > 5*time.Minute {
		bad("tarpit_hold", "%v is too long; use at most 5m", c.TarpitHold)
	}
	between := func(key string, v, low, high int) {
		if v < low || v > high {
			bad(key, "%d is not between %d and %d", v, low, high)
		}
	}
	between("max_text", c.MaxText, 100, 50000)
	between("max_links", c.MaxLinks, 0, 1000)
	between("per_page", c.PerPage, 5, 200)
	between("rate_limit", c.RateLimit, 1, 1000)
	between("flood_limit", c.FloodLimit, 1, 100000)
	between("burst_count", c.BurstCount, 2, 10000)
	between("tarpit", c.Tarpit, 0, 10000)
	for _, id := range c.OwnerIDs {
		if !validID(id) {
			bad("owner_ids", "%q is not an ID of 12 characters as the comments show it", id)
		}
	}
	return errors.Join(errs...)
}

func (c Config) proxies() ([]netip.Prefix, error) {
	var list []netip.Prefix
	var errs []error
	for _, p := range c.Proxies {
		if a, err := netip.ParseAddr(p); err == nil {
			list = append(list, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		n, err := netip.ParsePrefix(p)
		if err != nil {
			errs = append(errs, fmt.Errorf("comments.trusted_proxies: %q is not a network like 10.0.0.0/24", p))
			continue
		}
		list = append(list, n.Masked())
	}
	return list, errors.Join(errs...)
}

// hostAllowed reports whether a request may ask for this Host header.
func (c Config) hostAllowed(host string) bool {
	if len(c.Hosts) == 0 {
		return true
	}
	for _, h := range c.Hosts {
		if strings.EqualFold(h, host) || strings.EqualFold(h, hostOnly(host)) {
			return true
		}
	}
	return false
}

func hostOnly(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		return host[:i]
	}
	return host
}
