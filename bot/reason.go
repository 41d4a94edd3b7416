// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"mellium.im/xmpp/stream"

	"oswald"
)

var (
	errPassword  = errors.New("password_file")
	errCAFile    = errors.New("ca_file")
	errNoService = errors.New("the domain has no XMPP service")
)

// dialError says where nobody answered.
type dialError struct {
	addr string
	err  error
}

// Error names the address and the cause.
func (e *dialError) Error() string { return e.addr + ": " + e.err.Error() }

// Unwrap returns the cause.
func (e *dialError) Unwrap() error { return e.err }

// isRefusal reports whether trying again soon is pointless, or harmful.
func isRefusal(err error) bool {
	var auth *authError
	return errors.As(err, &auth) && auth.condition != "temporary-auth-failure" ||
		errors.Is(err, errDowngrade) || errors.Is(err, errNoMechanism)
}

// isConflict reports whether another session took our place.
func isConflict(err error) bool {
	var s stream.Error
	var b *bindError
	return errors.As(err, &s) && s.Err == "conflict" || errors.As(err, &b) && b.condition == "conflict"
}

func isStream(err error) bool {
	var s stream.Error
	return errors.As(err, &s)
}

// reasonOf says in plain words why there is no session, and what to do.
func reasonOf(err error) string {
	var (
		auth     *authError
		dial     *dialError
		bind     *bindError
		st       stream.Error
		unknown  x509.UnknownAuthorityError
		host     x509.HostnameError
		invalid  x509.CertificateInvalidError
		noTLS    tls.RecordHeaderError
		dns      *net.DNSError
		timedOut interface{ Timeout() bool }
	)
	switch {
	case err == nil:
		return "starting"
	case errors.Is(err, errPassword):
		return "the password file cannot be used: " + fileFault(err) + " (xmpp.password_file)"
	case errors.Is(err, errCAFile):
		return "the file of trusted certificates cannot be used: " + fileFault(err) + " (xmpp.ca_file)"
	case errors.Is(err, errNoService):
		return "the domain of the JID says that it has no XMPP server; check xmpp.jid"
	case errors.As(err, &auth):
		switch auth.condition {
		case "not-authorized":
			return "the server refuses the password; check xmpp.jid and xmpp.password_file"
		case "account-disabled":
			return "the server has disabled the account; ask who runs it"
		}
		return "the server refuses the login (" + auth.condition + "); check xmpp.jid and xmpp.password_file"
	case errors.Is(err, errDowngrade):
		return "the server offers only weaker ways to log in than it did before, which may be an attack; if you know why, set xmpp.allow_weaker_login once"
	case errors.Is(err, errNoMechanism):
		return "the server offers no way to log in that is safe here; allow SCRAM-SHA-256 on it"
	case errors.As(err, &unknown):
		return "the server's certificate is not signed by anyone this machine trusts; if the server is yours, name its certificate in xmpp.ca_file"
	case errors.As(err, &host):
		return "the server's certificate is not made for the domain of the JID; check xmpp.jid and xmpp.server"
	case errors.As(err, &invalid):
		if invalid.Reason == x509.Expired {
			return "the server's certificate has run out, or this machine's clock is wrong"
		}
		return "the server's certificate is not valid"
	case errors.As(err, &noTLS):
		return "the server does not speak TLS on that port; check xmpp.server and xmpp.direct_tls"
	case strings.Contains(err.Error(), "unrecognized name"):
		return "the server does not know the domain of the JID; check xmpp.jid and xmpp.server"
	case strings.Contains(err.Error(), "features advertised out of order"):
		return "the server offers no login on this connection; it may want encryption"
	case isConflict(err):
		return "another program has signed in as this bot with the same resource; stop one of them"
	case errors.As(err, &st):
		return "the server ended the session (" + st.Err + ")"
	case errors.As(err, &bind):
		return "the server gives no session (" + bind.condition + ")"
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %s cannot be looked up; check it and this machine's network", dns.Name)
	case errors.As(err, &dial):
		return fmt.Sprintf("nobody answers at %s; check that the server runs and that xmpp.server is right", dial.addr)
	case errors.Is(err, errSilent), errors.As(err, &timedOut) && timedOut.Timeout():
		return "the server does not answer"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(err.Error(), "EOF"),
		strings.Contains(err.Error(), "connection reset"), errors.Is(err, net.ErrClosed):
		return "the connection to the server is gone"
	case err.Error() == "stopped":
		return "stopped"
	}
	return "the session with the server failed; the log has the details"
}

// fileFault says what is wrong with a file without its path.
func fileFault(err error) string {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "it does not exist"
	case errors.Is(err, os.ErrPermission):
		return "this program may not read it"
	case strings.Contains(err.Error(), "chmod"):
		return "others can read it; run chmod 600 on it"
	case strings.Contains(err.Error(), "empty"):
		return "it is empty"
	}
	return "it cannot be read"
}

// asError is reasonOf as an error for people.
func asError(err error) error {
	r := reasonOf(err)
	return oswald.Wrap(err, oswald.Unavailable, "%s%s.", strings.ToUpper(r[:1]), r[1:])
}
