// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"mellium.im/xmpp/jid"

	"oswald"
)

// Config is the table [xmpp].
type Config struct {
	JID          string `toml:"jid" doc:"The bot's own address, such as oswald@example.org."`
	PasswordFile string `toml:"password_file" doc:"File with the account's password and nothing else; chmod 600. It is read at every login."`
	Server       string `toml:"server" doc:"HOST:PORT of the server; empty finds it by DNS (SRV records, then ports 5222 and 5223 of the JID's domain)."`
	DirectTLS    bool   `toml:"direct_tls" doc:"The port of server speaks TLS from the first byte, as 5223 does, instead of STARTTLS."`
	CAFile       string `toml:"ca_file" doc:"PEM file with the certificates to trust instead of the system's; for a server with a certificate of its own."`
	Name         string `toml:"name" doc:"What the bot is called in other people's contacts."`
	Avatar       string `toml:"avatar" doc:"PNG file with its picture, at most 64 KB; empty is an owl of our own, none leaves the account's picture as it is."`
	Resource     string `toml:"resource" doc:"Name of this session at the server; a random end is added once and kept."`

	Nick          string            `toml:"nick" doc:"The bot's nickname in rooms; -2 is put behind it where somebody has it already."`
	Rooms         []string          `toml:"rooms" doc:"Rooms (multi-user chats) to be in, besides those that owners invite the bot to: ROOM@SERVER, or ROOM@SERVER/NICKNAME. In a room commands begin with ! or with the nickname." example:"[\"home@rooms.example.org\"]"`
	RoomAlerts    []string          `toml:"room_alerts" doc:"Those of the rooms in which alerts are told too." example:"[\"home@rooms.example.org\"]"`
	RoomServers   []string          `toml:"room_servers" doc:"Servers of rooms, outside the domain of jid, that are believed when they say who is who. Whoever runs one can pass anybody off as an owner." example:"[\"conference.example.net\"]"`
	RoomPing      time.Duration     `toml:"room_ping" doc:"How often the bot makes sure that a silent room still has it."`
	RoomPasswords map[string]string `toml:"room_passwords" doc:"Files with the passwords of rooms that want one; chmod 600." example:"\"home@rooms.example.org\" = \"/etc/oswald/room-home\""`

	Ping     time.Duration `toml:"ping" doc:"How often the server is asked whether it is still there."`
	Patience time.Duration `toml:"patience" doc:"How long an answer or a write may take; two missed pings end the connection, and it is made anew."`
	Timeout  time.Duration `toml:"timeout" doc:"How long a command may take before the asker is told that it failed."`
	Workers  int           `toml:"workers" doc:"How many people's commands run at the same time; each person's run one after the other."`

	BlockAfter int `toml:"block_after" doc:"Messages within an hour by somebody without a role after which the server is told to block the address; 0 never does."`

	AllowWeakerLogin bool `toml:"allow_weaker_login" doc:"Log in even if the server offers only weaker ways than it did before; needed once after moving to another server."`
	// The names are long on purpose: nobody sets them by accident.
	DangerPlaintextToLoopback bool `toml:"danger_plaintext_to_loopback" doc:"DANGER: no encryption at all. Works only with a server on this very machine (127.0.0.1 or ::1)."`
}

// Defaults returns what config.toml starts from.
func Defaults() Config {
	return Config{
		Name:     "Oswald",
		Resource: "oswald",
		Nick:     "Oswald",
		RoomPing: 10 * time.Minute,
		Ping:     60 * time.Second,
		Patience: 20 * time.Second,
		Timeout:  time.Hour,
		Workers:  8,

		BlockAfter: 20,
	}
}

// Validate reports every fault at once, each by the key the operator typed.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("xmpp."+format, args...)) }
	if j, err := jid.Parse(c.JID); err != nil || j.Localpart() == "" {
		bad("jid: %q is not an address such as oswald@example.org", c.JID)
	}
	if c.PasswordFile == "" {
		bad("password_file: name the file with the account's password")
	}
	if c.Server != "" {
		if host, port, err := net.SplitHostPort(c.Server); err != nil || host == "" || port == "" {
			bad("server: %q is not HOST:PORT, such as xmpp.example.org:5222", c.Server)
		} else if c.DangerPlaintextToLoopback && !isLoopback(host) {
			bad("danger_plaintext_to_loopback: %q is not on this machine; use 127.0.0.1, or TLS", host)
		}
	} else if c.DangerPlaintextToLoopback {
		bad("danger_plaintext_to_loopback: name the server too")
	}
	if c.DangerPlaintextToLoopback && c.DirectTLS {
		bad("direct_tls: makes no sense without encryption")
	}
	if c.Resource == "" {
		bad("resource: give the session a name")
	} else if _, err := jid.New("a", "example.org", c.Resource); err != nil || len(c.Resource) > 200 {
		bad("resource: %q cannot be part of an address", c.Resource)
	}
	if n := utf8.RuneCountInString(c.Name); n < 1 || n > 64 || strings.ContainsAny(c.Name, "<\n") || c.Name != clean(c.Name) {
		bad("name: %q is no name of 1 to 64 characters", c.Name)
	}
	for _, d := range []struct {
		key string
		val time.Duration
	}{{"ping", c.Ping}, {"patience", c.Patience}, {"timeout", c.Timeout}, {"room_ping", c.RoomPing}} {
		if d.val <= 0 {
			bad("%s: %v is not a positive duration", d.key, d.val)
		}
	}
	c.validateRooms(bad)
	if c.BlockAfter < 0 {
		bad("block_after: %d is not a number of messages; 0 never blocks", c.BlockAfter)
	}
	if c.Workers < 1 {
		bad("workers: %d is not a positive number", c.Workers)
	}
	return errors.Join(errs...)
}

// isLoopback is true for addresses only: a name may resolve to anything.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// ParseAddress turns what a person types into a bare JID in its normal form
// (RFC 7622): "xmpp:" in front and a resource at the end are left out.
func ParseAddress(s string) (string, error) {
	s = strings.TrimSpace(s)
	if len(s) > 5 && strings.EqualFold(s[:5], "xmpp:") {
		s, _, _ = strings.Cut(s[5:], "?")
	}
	j, err := jid.Parse(s)
	if err != nil || j.Localpart() == "" {
		return "", oswald.Wrap(err, oswald.Invalid, "%q is not an address such as me@example.org.", clip(s, 80))
	}
	return j.Bare().String(), nil
}
