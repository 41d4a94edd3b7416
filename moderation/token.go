// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"strings"
	"time"

	"oswald/internal/secret"
)

// keys holds one key for each purpose, all derived from the server's key, so that
// what is signed for one purpose is worth nothing for another.
type keys struct{ token, id, keeping, edit secret.Secret }

func newKeys(master secret.Secret) keys {
	derive := func(purpose string) secret.Secret {
		m := hmac.New(sha256.New, master.Reveal())
		m.Write([]byte("oswald comments " + purpose))
		return secret.New(m.Sum(nil))
	}
	return keys{derive("token"), derive("id"), derive("keep"), derive("edit")}
}

// mac is over the parts with their lengths, so that no two lists of parts collide.
func mac(key secret.Secret, parts ...string) []byte {
	return sum(hmac.New(sha256.New, key.Reveal()), parts)[:16]
}

func sum(m hash.Hash, parts []string) []byte {
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		m.Write(n[:])
		m.Write([]byte(p))
	}
	return m.Sum(nil)
}

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// token is what a form carries to prove that it was made here: stateless but for
// the mark that its nonce leaves when it is used.
type token struct {
	issued   time.Time
	nonce    string // 9 bytes
	question uint32
}

const tokenBytes = 8 + 9 + 4

// newToken makes a token issued at a given time: a form that is shown again keeps
// the time of the first.
func newToken(issued time.Time, question uint32) token {
	var b [9]byte
	rand.Read(b[:]) // never fails
	return token{issued, string(b[:]), question}
}

// mark is the name of the token in Marks and in the database.
func (t token) mark() string { return base32Lower.EncodeToString([]byte(t.nonce)) }

// seal binds the token to a page and signs it.
func (k keys) seal(t token, page string) string {
	b := make([]byte, 0, tokenBytes+16)
	b = binary.BigEndian.AppendUint64(b, uint64(t.issued.UnixMilli()))
	b = append(b, t.nonce...)
	b = binary.BigEndian.AppendUint32(b, t.question)
	b = append(b, mac(k.token, string(b), page)...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// open returns the token in s; ok is false for one that was not made here for
// this page. How old it is, the caller asks.
func (k keys) open(s, page string) (t token, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != tokenBytes+16 {
		return token{}, false
	}
	if !hmac.Equal(b[tokenBytes:], mac(k.token, string(b[:tokenBytes]), page)) {
		return token{}, false
	}
	return token{
		issued:   time.UnixMilli(int64(binary.BigEndian.Uint64(b))),
		nonce:    string(b[8:17]),
		question: binary.BigEndian.Uint32(b[17:]),
	}, true
}

// identity returns the cryptographic ID of name and secret: 60 bits of
// HMAC-SHA3-256 under the server's key, as 12 characters. Without the key nobody
// can try secrets, and the same person has the same ID for as long as it lives.
func (k keys) identity(name, secretText string) string {
	m := hmac.New(func() hash.Hash { return sha3.New256() }, k.id.Reveal())
	return base32Lower.EncodeToString(sum(m, []string{name, secretText}))[:12]
}

func validID(id string) bool {
	return len(id) == 12 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// keep lets a form that is shown again carry the ID instead of the secret, which
// is never sent back. It is good for this name alone.
func (k keys) keep(name, id string) string {
	return id + base32Lower.EncodeToString(mac(k.keeping, name, id))
}

func (k keys) kept(name, s string) (id string, ok bool) {
	if len(s) <= 12 || !validID(s[:12]) || !hmac.Equal([]byte(s), []byte(k.keep(name, s[:12]))) {
		return "", false
	}
	return s[:12], true
}
