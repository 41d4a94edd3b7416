// SPDX-License-Identifier: GPL-3.0-or-later

package oswald

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
)

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// CommandID names the command that sender's message origin carries. It depends
// on nothing else, so a stanza that comes again by carbon, archive or resend
// has the same ID. origin is the origin-id or stanza-id (XEP-0359), or the
// message id where there is neither.
func CommandID(sender, origin string) string {
	sum := sha256.Sum256([]byte(sender + "\x00" + origin))
	return idEncoding.EncodeToString(sum[:])[:16]
}

// RandomID names a command that has no message behind it.
func RandomID() string {
	var b [10]byte
	rand.Read(b[:]) // never fails
	return idEncoding.EncodeToString(b[:])
}
