// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"oswald"
	"oswald/alert"
	"oswald/audio"
	"oswald/bot"
	"oswald/handlers"
	"oswald/internal/gpio"
	"oswald/ipc"
	"oswald/moderation"
	"oswald/moderation/spam"
	"oswald/sensors"
	"oswald/wiki"
)

// Config is the whole of config.toml. Each part owns its own table; what stands
// here belongs to the program as a whole.
type Config struct {
	State string   `toml:"state" doc:"Folder for everything Oswald keeps: databases, keys, caches."`
	Roles []string `toml:"roles" doc:"What oswald run starts here: bot, site, comments."`
	Log   string   `toml:"log" doc:"What is logged, at least: debug, info, warn or error."`

	People   map[string]oswald.Role `toml:"people" doc:"Who may do what, by JID: owner, moderator, member or guest. Everyone else is a stranger and gets no answer." example:"\"me@example.org\" = \"owner\""`
	XMPP     bot.Config             `toml:"xmpp" doc:"The bot's account."`
	Commands handlers.Config        `toml:"commands" doc:"Commands that arrive by chat."`
	Alerts   alert.Config           `toml:"alerts" doc:"What Oswald says unasked."`
	Bus      BusConfig              `toml:"bus" doc:"Messages between the roles."`
	IPC      ipc.Config             `toml:"ipc" doc:"How roles watch the bus."`
	Web      WebConfig              `toml:"web" doc:"The small web server of the site and comments roles."`
	Delivery DeliveryConfig         `toml:"delivery" doc:"How finished pages reach a web server in front."`
	Wiki     wiki.Config            `toml:"wiki" doc:"The site."`
	Comments moderation.Config      `toml:"comments" doc:"The comment server."`
	Spam     spam.Config            `toml:"spam" doc:"The spam filter."`
	Audio    audio.Config           `toml:"audio" doc:"Speech and sound."`
	Mute     gpio.Config            `toml:"mute" doc:"The lines that mute the amplifier's two channels."`
	Sensors  sensors.Config         `toml:"sensors" doc:"Temperature."`
}

// BusConfig is the table [bus].
type BusConfig struct {
	Kind    string `toml:"kind" doc:"embedded: the bot's process is the server; memcached: a real one at address; mem: all roles in this one process and no server at all."`
	Address string `toml:"address" doc:"Where the server is: unix:FILE, HOST:PORT, or tls://USER:PASSWORD@HOST:PORT?ca=FILE for a real one (ca: who signed its certificate, if the system does not know)."`
	Keys    string `toml:"keys" doc:"Folder with one secret a pair of roles, such as bot-site.key; the same on both hosts: see oswald pair. Missing ones are made."`
}

// WebConfig is the table [web].
type WebConfig struct {
	Listen string `toml:"listen" doc:"Address that the site and the comments are served at; empty when another web server does it."`
	// URL replaces wiki.url where the port is chosen at start.
	URL string `toml:"-"`
}

// allRoles is what one machine can do by itself.
var allRoles = []string{"bot", "site", "comments"}

func defaults() Config {
	c := Config{
		State:    "/var/lib/oswald",
		Roles:    allRoles,
		Log:      "info",
		XMPP:     bot.Defaults(),
		Commands: handlers.Defaults(),
		Alerts:   alert.Defaults(),
		Bus:      BusConfig{Kind: "embedded", Address: "unix:bus.sock", Keys: "keys"},
		IPC:      ipc.Defaults(),
		Web:      WebConfig{Listen: "127.0.0.1:8080"},
		Delivery: DeliveryConfig{Site: "oswald"},
		Wiki:     wiki.Defaults(),
		Comments: moderation.Defaults(),
		Spam:     spam.Defaults(),
		Audio:    audio.Defaults(),
		Mute:     gpio.Defaults(),
		Sensors:  sensors.Defaults(),
	}
	c.Comments.KeyFile = "comments.key"
	c.Comments.BaseURL = c.Wiki.URL
	return c
}

// Validate reports every fault of every part at once.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.State == "" {
		bad("state: name a folder")
	}
	if len(c.Roles) == 0 {
		bad("roles: name at least one of %s", strings.Join(allRoles, ", "))
	}
	for _, r := range c.Roles {
		if !slices.Contains(allRoles, r) {
			bad("roles: %q is none of %s", r, strings.Join(allRoles, ", "))
		}
	}
	if _, err := c.logLevel(); err != nil {
		errs = append(errs, err)
	}
	switch c.Bus.Kind {
	case "embedded", "memcached", "mem":
	default:
		bad("bus.kind: %q is none of embedded, memcached, mem", c.Bus.Kind)
	}
	if c.Bus.Kind != "mem" && c.Bus.Address == "" {
		bad("bus.address: name a socket or an address")
	} else if c.Bus.Kind == "memcached" {
		if _, err := ipc.NewMemcached(c.Bus.Address); err != nil {
			bad("bus.address: %s", oswald.MessageOf(err))
		}
	}
	if c.Web.Listen != "" {
		if _, _, err := net.SplitHostPort(c.Web.Listen); err != nil {
			bad("web.listen: %q is not an address such as 127.0.0.1:8080", c.Web.Listen)
		}
	}
	owners := 0
	for _, address := range slices.Sorted(maps.Keys(c.People)) {
		if _, err := bot.ParseAddress(address); err != nil {
			bad("people: %s", oswald.MessageOf(err))
		}
		if c.People[address] == oswald.Owner {
			owners++
		}
	}
	if slices.Contains(c.Roles, "bot") {
		if owners == 0 {
			bad(`people: there is no owner; write "you@example.org" = "owner"`)
		}
		errs = append(errs, c.XMPP.Validate(), c.Commands.Validate(), c.Alerts.Validate(),
			c.Audio.Validate(), c.Mute.Validate(), c.Sensors.Validate())
	}
	if slices.Contains(c.Roles, "site") {
		errs = append(errs, c.Wiki.Validate())
	}
	if slices.Contains(c.Roles, "comments") {
		errs = append(errs, c.Comments.Validate(), c.Spam.Validate(), c.Delivery.validate())
	}
	errs = append(errs, c.IPC.Validate())
	return errors.Join(errs...)
}

// resolve makes relative paths absolute: those that the operator writes files
// for lie beside the configuration, those that Oswald makes lie in its state
// folder.
func (c *Config) resolve(dir string) {
	beside := func(base string, paths ...*string) {
		for _, p := range paths {
			if *p != "" && !filepath.IsAbs(*p) {
				*p = filepath.Join(base, *p)
			}
		}
	}
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	if c.Sensors.SimDir == "" {
		c.Sensors.SimDir = "simulated-probe"
	}
	beside(dir, &c.State, &c.Spam.Words, &c.XMPP.PasswordFile, &c.XMPP.CAFile, &c.Wiki.Source, &c.Wiki.Output, &c.Wiki.State, &c.Wiki.Theme, &c.Comments.Questions, &c.Comments.Database)
	if c.Audio.Folder == "" {
		c.Audio.Folder = "voice"
	}
	beside(c.State, &c.Bus.Keys, &c.Comments.KeyFile, &c.Spam.Model, &c.Spam.Directory, &c.Audio.Folder, &c.Sensors.SimDir)
	if path, ok := strings.CutPrefix(c.Bus.Address, "unix:"); ok && !filepath.IsAbs(path) {
		c.Bus.Address = "unix:" + filepath.Join(c.State, path)
	}
	if c.Comments.BaseURL == defaults().Comments.BaseURL {
		c.Comments.BaseURL = c.Wiki.URL
	}
}

// ctlSocket is where the control socket of this configuration is.
func (c Config) ctlSocket() string { return filepath.Join(c.State, "ctl.sock") }

// exampleConfig writes the defaults as a commented file.
func exampleConfig(w io.Writer) error {
	fmt.Fprintln(w, `# Oswald's configuration. Every key stands here with its default; a key that is
# commented out has none. "oswald config check FILE" names mistakes, "oswald check"
# tries the parts out. Relative paths of files that you write are taken from this
# file's folder, those of files that Oswald makes from the state folder.
# Printed by "oswald config example".`)
	fmt.Fprintln(w)
	writeExample(w, defaults())
	return nil
}

// knownKeys are the full names of all keys, for "did you mean".
func knownKeys() []string {
	var keys []string
	var walk func(prefix string, t reflect.Type)
	walk = func(prefix string, t reflect.Type) {
		for i := range t.NumField() {
			f := t.Field(i)
			key := tomlKey(f)
			if key == "" {
				continue
			}
			keys = append(keys, prefix+key)
			if f.Type.Kind() == reflect.Struct {
				walk(prefix+key+".", f.Type)
			}
		}
	}
	walk("", reflect.TypeFor[Config]())
	return keys
}
