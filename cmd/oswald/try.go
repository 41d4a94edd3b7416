// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"oswald"
	"oswald/internal/qr"
	"oswald/internal/secret"
	"oswald/internal/store"
	"oswald/internal/xmppclient"
	"oswald/internal/xmppserver"
	"oswald/wiki"
)

// The tour's own names. The domain is reserved for testing (RFC 2606).
const (
	tryDomain = "oswald.test"
	tryOwner  = "me@" + tryDomain
	tryBot    = "oswald@" + tryDomain
	// Fixed ports let a phone that has signed in once do so again; where they
	// are taken, free ones are used.
	tryXMPPPort = 15222
	tryHTTPPort = 18080
)

// tryOptions is what the person asked for.
type tryOptions struct {
	home string
	lan  bool
}

// address is where the person's devices reach the tour.
func (o tryOptions) address() string {
	if o.lan {
		return lanAddress()
	}
	return "127.0.0.1"
}

func cmdTry(ctx context.Context, c console, args []string) error {
	var o tryOptions
	flags := flag.NewFlagSet("try", flag.ContinueOnError)
	flags.SetOutput(c.err)
	flags.StringVar(&o.home, "home", "", "folder for everything that is kept (default: a new one below "+os.TempDir()+")")
	flags.BoolVar(&o.lan, "lan", false, "let other devices in the house in")
	if flags.Parse(args) != nil || flags.NArg() != 0 {
		return errUsage
	}
	if o.home == "" {
		dir, err := os.MkdirTemp("", "oswald-try-")
		if err != nil {
			return err
		}
		o.home = dir
	}
	home, err := filepath.Abs(o.home)
	if err != nil {
		return err
	}
	o.home = home
	unlock, err := lockHome(home)
	if err != nil {
		return err
	}
	defer unlock()
	return try(ctx, c, o)
}

// lockHome keeps two programs from sharing a home.
func lockHome(home string) (unlock func(), err error) {
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, oswald.Wrap(err, oswald.Unavailable, "The home folder %s cannot be made.", home)
	}
	release, err := lockFile(filepath.Join(home, "lock"))
	switch {
	case errors.Is(err, errLocked):
		return nil, oswald.Errorf(oswald.Conflict, "Another oswald uses the home folder %s; stop it, or name another with --home.", home)
	case err != nil:
		return nil, oswald.Wrap(err, oswald.Unavailable, "The home folder %s cannot be written.", home)
	}
	return func() { release() }, nil
}

// try runs the tour until the texts end or ctx does.
func try(ctx context.Context, c console, o tryOptions) error {
	logFile, err := openLogFile(filepath.Join(o.home, "oswald.log"))
	if err != nil {
		return homeFault(err, o.home)
	}
	defer logFile.Close()
	log := newLogger(logFile, slog.LevelInfo)

	parts := &stack{log: log}
	defer parts.stop()
	t, err := startTour(parts, o, log)
	if err != nil {
		return homeFault(err, o.home)
	}
	s := &screen{w: c.out, terminal: isTerminal(c.in) && isTerminal(c.out)}
	owner := &tourOwner{tour: t, screen: s}
	if err := owner.signIn(ctx); err != nil {
		if ctx.Err() != nil { // Ctrl-C came before the prompt
			return nil
		}
		return err
	}
	defer owner.signOut()
	t.banner(c.out, s.terminal)
	owner.listen()
	return chat(ctx, c.in, s, owner)
}

// A tour is what `oswald try` has started.
type tour struct {
	options  tryOptions
	app      *app
	server   *xmppserver.Server
	xmppAddr net.Addr
	web      net.Addr
	password secret.Secret
}

// startTour brings up the XMPP server and then every role, with a configuration
// that it writes into the home folder: the same path as a real installation.
func startTour(parts *stack, o tryOptions, log *slog.Logger) (*tour, error) {
	t := &tour{options: o}
	var err error
	if t.password, err = shortPassword(filepath.Join(o.home, "password-me")); err != nil {
		return nil, err
	}
	botPassword, err := secret.ReadOrMake(filepath.Join(o.home, "password-oswald"))
	if err != nil {
		return nil, err
	}
	t.server, err = xmppserver.New(xmppserver.Config{
		Domain: tryDomain,
		Accounts: []xmppserver.Account{
			{Name: "me", Password: t.password, Nick: "You"},
			{Name: "oswald", Password: botPassword, Nick: "Oswald"},
		},
		CertDir: filepath.Join(o.home, "tls"),
		Hosts:   []string{lanAddress()},
		Log:     log.With("pkg", "xmppserver"),
	})
	if err != nil {
		return nil, err
	}
	host := "127.0.0.1"
	if o.lan {
		host = "0.0.0.0"
	}
	xl, err := listenNear(host, tryXMPPPort)
	if err != nil {
		return nil, oswald.Wrap(err, oswald.Unavailable, "No port could be opened for the XMPP server.")
	}
	wl, err := listenNear(host, tryHTTPPort)
	if err != nil {
		xl.Close()
		return nil, oswald.Wrap(err, oswald.Unavailable, "No port could be opened for the site.")
	}
	t.xmppAddr, t.web = xl.Addr(), wl.Addr()
	parts.start("xmppserver", func(ctx context.Context) error { return t.server.Serve(ctx, xl) })

	file := filepath.Join(o.home, "config.toml")
	if err := writeTour(o.home, file); err != nil {
		wl.Close()
		return nil, err
	}
	cfg, err := loadConfig(file)
	if err != nil {
		wl.Close()
		return nil, err
	}
	cfg.XMPP.Server = fmt.Sprintf("127.0.0.1:%d", port(xl.Addr()))
	cfg.Web.URL = fmt.Sprintf("http://%s:%d/", o.address(), port(wl.Addr()))
	if t.app, err = startApp(parts, cfg, appOptions{roles: allRoles, web: wl, log: log}); err != nil {
		return nil, err
	}
	if t.app.lost != nil { // nobody would answer
		return nil, startFault(t.app.lost)
	}
	return t, nil
}

// listenNear listens on the wished port, or on a free one where it is taken.
func listenNear(host string, port int) (net.Listener, error) {
	l, err := net.Listen("tcp4", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return net.Listen("tcp4", net.JoinHostPort(host, "0"))
	}
	return l, nil
}

// shortPassword is one that can be typed on a phone: 80 bits in 16 letters.
func shortPassword(path string) (secret.Secret, error) {
	s, err := secret.Read(path)
	if !errors.Is(err, os.ErrNotExist) {
		return s, err
	}
	if err := writeWhole(path, oswald.RandomID()+"\n"); err != nil {
		return s, err
	}
	return secret.Read(path)
}

// writeTour puts the sample site and the configuration into the home folder.
// What is there already stays as the person left it.
func writeTour(home, config string) error {
	pages := filepath.Join(home, "pages")
	if _, err := os.Stat(pages); errors.Is(err, os.ErrNotExist) {
		half := pages + ".new" // where a start that was cut short leaves it
		if err := os.RemoveAll(half); err != nil {
			return err
		}
		if err := wiki.WriteSample(half); err != nil {
			return err
		}
		if err := os.Rename(half, pages); err != nil {
			return err
		}
	}
	if _, err := os.Stat(config); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return writeWhole(config, tourConfig)
}

// writeWhole puts text into path, mode 0600, whole or not at all.
func writeWhole(path, text string) error {
	half := path + ".new"
	err := os.WriteFile(half, []byte(text), 0o600)
	if err == nil {
		err = os.Rename(half, path)
	}
	if err != nil {
		os.Remove(half)
	}
	return err
}

// homeFault words an error of the home folder that was not written for people.
func homeFault(err error, home string) error {
	switch {
	case oswald.CodeOf(err) != oswald.Internal:
		return err
	case store.Full(err):
		return oswald.Wrap(err, oswald.Unavailable, "The disk of the home folder %s is full; make room, or name another with --home.", home)
	}
	return oswald.Wrap(err, oswald.Unavailable, "The tour cannot be started in the home folder %s; delete it, or name another with --home.", home)
}

// port returns the port of a TCP address.
func port(a net.Addr) int { return a.(*net.TCPAddr).Port }

// tourConfig names what differs from the defaults and nothing else. The ports
// are chosen at each start.
const tourConfig = `# The tour's configuration. Change it and start again: what you name here is
# used instead of its simulation. Paths are relative to this folder;
# "oswald config example" prints every key.
state = "state"

[people]
"` + tryOwner + `" = "owner"

[xmpp]
jid = "` + tryBot + `"
password_file = "password-oswald"
ca_file = "tls/server.crt"

[wiki]
source = "pages"
output = "site"
title = "Lime Street 4"
camelcase = true
nav = ["Home", "HowToWrite", "QueryCorner", "/archive/"]

[sensors]
simulate = true
hold = "20s"
clear = "30s"
`

// signIn logs the owner in and waits until the bot can be texted.
func (t *tour) signIn(ctx context.Context) (*xmppclient.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	client, err := xmppclient.Dial(ctx, xmppclient.Config{
		JID:      tryOwner,
		Password: t.password,
		Addr:     net.JoinHostPort("127.0.0.1", strconv.Itoa(port(t.xmppAddr))),
		TLS:      &tls.Config{RootCAs: t.server.Roots(), ServerName: tryDomain},
		Resource: "prompt",
	})
	if err != nil {
		return nil, err
	}
	if _, err := client.WaitOnline(ctx, tryBot); err != nil {
		client.Close()
		return nil, oswald.Wrap(err, oswald.Unavailable, "The bot did not come online; its log is %s.", filepath.Join(t.options.home, "oswald.log"))
	}
	return client, nil
}

// banner says what runs where and how other clients sign in.
func (t *tour) banner(w io.Writer, terminal bool) {
	host := t.options.address()
	probe := ""
	if file := t.app.bot.sensors.SetFile(); file != "" {
		probe = fmt.Sprintf("  probe        simulated; heat it with: echo 36 > %s\n", file)
	}
	fmt.Fprintf(w, `Oswald is up, for a look around. For real use give it an account on a real server (see README.md).

  site         http://%s:%d/
  home         %s   (delete it whenever you like)
  log          %s
%s
Sign in with your phone or desktop XMPP client, if you like:
  JID          %s
  password     %s
  server       %s, port %d (STARTTLS or direct TLS)
  certificate  SHA-256 %s
  add contact  %s
`, host, port(t.web), t.options.home, filepath.Join(t.options.home, "oswald.log"),
		probe, tryOwner, t.password.Reveal(), host, port(t.xmppAddr), t.server.Fingerprint(), "xmpp:"+tryBot)
	if !t.options.lan {
		fmt.Fprintln(w, "  (only from this machine; --lan lets the phone on the sofa in)")
	}
	if terminal {
		if err := qr.Terminal(w, "xmpp:"+tryOwner); err == nil {
			fmt.Fprintln(w, "  xmpp:"+tryOwner)
		}
	}
	for _, p := range t.app.missing {
		fmt.Fprintln(w, "\n"+p.String())
	}
	fmt.Fprintln(w, "\nText Oswald here; \"help\" lists what it understands, Ctrl-D or Ctrl-C ends it.")
}

// lanAddress is the address that other devices in the house reach.
func lanAddress() string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return "127.0.0.1"
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsPrivate() {
			return n.IP.String()
		}
	}
	return "127.0.0.1"
}

// isTerminal reports whether x is a terminal rather than a pipe or a file.
func isTerminal(x any) bool {
	f, ok := x.(*os.File)
	if !ok {
		return false
	}
	fi, err := f.Stat()
	return err == nil && fi.Mode()&os.ModeCharDevice != 0
}
