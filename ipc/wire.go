// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"oswald"
	"oswald/internal/secret"
)

// Sizes of the wire. Everything that a register may hold has a bound, so that
// it always fits.
const (
	maxRegister = 64 << 10
	maxOffers   = 40 << 10 // bytes of offers in a register
	maxItems    = 16 << 10 // bytes of items in a register
	maxArgs     = 32 << 10
	maxResult   = 8 << 10
	maxID       = 64
	maxMessage  = 500
	maxNote     = 200
	window      = 64
	grantRoom   = 50 // bytes that a later grant and its end add to an offer
)

// A register is all that one role has to say to another. It is rewritten as a
// whole: reading one twice, late or never loses nothing but time.
type register struct {
	Ver  string `json:"ver,omitempty"` // of the program
	Inst string `json:"inst"`          // of the file
	Boot int64  `json:"b"`             // rises with every start
	BN   string `json:"bn"`            // boot nonce, random in every process
	Seq  int64  `json:"s"`             // from 1 in every process
	T    int64  `json:"t"`             // Unix ms; for show
	SB   string `json:"sb,omitempty"`  // the boot nonce last heard from the reader
	Err  string `json:"err,omitempty"` // why the reader's register cannot be read

	// As a sender.
	O  []json.RawMessage `json:"o,omitempty"`  // offers
	F  []string          `json:"f,omitempty"`  // ids of the reader's items known to have ended
	GN int64             `json:"gn,omitempty"` // grants committed in this process

	// As a worker.
	It []json.RawMessage `json:"it,omitempty"` // items
	HB *echo             `json:"hb,omitempty"` // grants seen with the last start
}

// echo is how far the worker has seen the sender's grants, kept with each start.
type echo struct {
	BN string `json:"bn"`
	GN int64  `json:"gn"`
}

// offer is one command on offer, or granted.
type offer struct {
	ID string          `json:"id"`
	V  string          `json:"v"`
	A  json.RawMessage `json:"a,omitempty"`
	I  bool            `json:"i,omitempty"` // may run again
	G  string          `json:"g,omitempty"` // the granted nonce
	X  bool            `json:"x,omitempty"` // granted, but to be given up if it has not begun
}

// What an item may say.
const (
	itClaim   = "claim"
	itRun     = "run"
	itDone    = "done"
	itDoubt   = "doubt"
	itRefused = "refused"
)

// item is where a job stands.
type item struct {
	ID string          `json:"id"`
	St string          `json:"st"`
	N  string          `json:"n,omitempty"` // nonce of a claim
	R  json.RawMessage `json:"r,omitempty"` // result
	E  *fault          `json:"e,omitempty"` // or what went wrong
	P  string          `json:"p,omitempty"` // progress
}

// outcome is how a command ended.
type outcome struct {
	Result json.RawMessage `json:"r,omitempty"`
	Err    *fault          `json:"e,omitempty"`
}

// fault is an error on the wire: never its cause.
type fault struct {
	Code    oswald.Code `json:"code"`
	Message string      `json:"msg"`
}

func (f *fault) err() error { return &oswald.Error{Code: f.Code, Message: f.Message} }

func faultOf(err error) *fault {
	return &fault{Code: oswald.CodeOf(err), Message: cut(oswald.MessageOf(err), maxMessage)}
}

var alreadyRan = &fault{oswald.Conflict, "This has been done before; its answer is no longer kept."}

// Of a cancelled command that did not run, and of one that did.
var (
	cancelled = &fault{oswald.Conflict, "Cancelled; it was not run."}
	cutShort  = &fault{oswald.Conflict, "Cancelled while it was running."}
)

func (it item) outcome() outcome { return outcome{Result: it.R, Err: it.E} }

// cut shortens s to n bytes of whole characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// magic stands for the version of the protocol.
const magic = "OT1\n"

const macLen = sha256.Size

var (
	errVersion = errors.New("another version of the protocol")
	errMAC     = errors.New("made with another key")
	errSize    = errors.New("too large")
	errBody    = errors.New("makes no sense")
)

// registerKey is where from writes what to reads.
func registerKey(to, from string) string { return "osw/1/" + to + "/" + from }

// directionKey is one key for each way, so that nobody can send a writer its own
// words back.
func directionKey(pair secret.Secret, from, to string) []byte {
	m := hmac.New(sha256.New, pair.Reveal())
	m.Write([]byte("oswald-ipc/1|" + from + "|" + to))
	return m.Sum(nil)
}

func mac(key []byte, name string, body []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(name))
	m.Write([]byte{0})
	m.Write(body)
	return m.Sum(nil)
}

// seal puts body into an envelope that is good for the register name only.
func seal(key []byte, name string, body []byte) []byte {
	v := make([]byte, 0, len(magic)+macLen+len(body))
	v = append(v, magic...)
	v = append(v, mac(key, name, body)...)
	return append(v, body...)
}

// open returns the body of an envelope; the MAC is checked before anything is
// read.
func open(key []byte, name string, v []byte) ([]byte, error) {
	switch {
	case len(v) > maxRegister+len(magic)+macLen:
		return nil, errSize
	case len(v) < len(magic)+macLen || !bytes.HasPrefix(v, []byte("OT")):
		return nil, errMAC
	case !bytes.HasPrefix(v, []byte(magic)):
		return nil, errVersion
	}
	body := v[len(magic)+macLen:]
	if !hmac.Equal(v[len(magic):len(magic)+macLen], mac(key, name, body)) {
		return nil, errMAC
	}
	return body, nil
}

// message is a register whose parts have been read.
type message struct {
	register
	offers []offer
	items  []item
}

// decode reads the body of a register.
func decode(body []byte) (message, error) {
	var m message
	if err := json.Unmarshal(body, &m.register); err != nil {
		return m, errors.Join(errBody, err)
	}
	if m.BN == "" || len(m.BN) > maxID || len(m.Inst) > maxID || len(m.SB) > maxID || m.Seq < 1 {
		return m, errBody
	}
	m.Ver, m.Err = cut(m.Ver, maxID), cut(m.Err, maxNote)
	seen := map[string]bool{}
	for _, raw := range m.O {
		var o offer
		if err := json.Unmarshal(raw, &o); err != nil || !legalID(o.ID) || seen[o.ID] || len(o.G) > maxID {
			return m, errBody
		}
		seen[o.ID] = true
		m.offers = append(m.offers, o)
	}
	clear(seen)
	for _, raw := range m.It {
		var it item
		if err := json.Unmarshal(raw, &it); err != nil || !legalID(it.ID) || seen[it.ID] || len(it.N) > maxID {
			return m, errBody
		}
		seen[it.ID] = true
		if it.St == itClaim && it.N == "" {
			return m, errBody
		}
		if it.E != nil {
			it.E.Message = cut(it.E.Message, maxMessage)
		}
		m.items = append(m.items, it)
	}
	return m, nil
}

// legalID reports whether id is 1 to 64 printable ASCII bytes without quotes, so
// that it is as long on the wire as it is.
func legalID(id string) bool {
	if id == "" || len(id) > maxID {
		return false
	}
	for i := range len(id) {
		if c := id[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// legalName reports whether a role's name is [a-z0-9-]{1,32}.
func legalName(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// encode is JSON without the escapes meant for HTML, which would make comments
// six times as long.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// encodeResult makes an outcome of what a handler returned. A text that is too
// long is cut, anything else that is too long cannot be.
func encodeResult(v any) outcome {
	b, err := encode(v)
	if err != nil {
		return outcome{Err: &fault{oswald.Internal, "It was done, but the answer could not be written down."}}
	}
	if len(b) <= maxResult {
		return outcome{Result: b}
	}
	if s, ok := v.(string); ok {
		for n := maxResult - 16; n > 0; n -= n/8 + 1 {
			if b, err := encode(cut(s, min(n, len(s)-1))); err == nil && len(b) <= maxResult {
				return outcome{Result: b}
			}
		}
	}
	return outcome{Err: &fault{oswald.Internal, "It was done, but the answer is too long for the message bus."}}
}

// randomHex is 128 random bits.
func randomHex() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
