// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

// A Codec is the form in which conversations travel. Every message that carries
// words passes through it once on its way in, after it is known to be new, and
// once on its way out, before it is put into the outbox. It is where encryption
// from end to end has its place. Its methods are called from several goroutines,
// and must be quick: the reader is one of them.
type Codec interface {
	// Carries reports whether m has words, in any form.
	Carries(m *xmltree.Element) bool
	// Decode returns the message m of the bare JID from as it was written. An
	// error is told to the sender by its sentence (oswald.MessageOf).
	Decode(from string, m *xmltree.Element) (*xmltree.Element, error)
	// Encode returns the message m to the bare JID to as it shall travel, or an
	// error if it must not.
	Encode(to string, m *xmltree.Element) (*xmltree.Element, error)
}

const sorryEncrypted = "I cannot read encrypted messages yet. Please switch encryption off for this contact (in Conversations: the lock above the text, then \"Unencrypted\") and send it again."

// secrets are the elements that carry an encrypted body: OMEMO old and new
// (XEP-0384), OpenPGP new and old (XEP-0373, XEP-0027).
var secrets = []string{"eu.siacs.conversations.axolotl", "urn:xmpp:omemo:2", "urn:xmpp:openpgp:0", "jabber:x:encrypted"}

// plain is the codec without encryption. What is encrypted it refuses kindly.
type plain struct{}

// Carries implements Codec.
func (plain) Carries(m *xmltree.Element) bool {
	return hasBody(m) || encryptedIn(m)
}

// Decode implements Codec. The body of an encrypted message is only there for
// clients that cannot read it: it is never taken for a command.
func (plain) Decode(_ string, m *xmltree.Element) (*xmltree.Element, error) {
	if encryptedIn(m) {
		return nil, oswald.Errorf(oswald.Invalid, "%s", sorryEncrypted)
	}
	return m, nil
}

// Encode implements Codec.
func (plain) Encode(_ string, m *xmltree.Element) (*xmltree.Element, error) { return m, nil }

// encryptedIn reports whether e has an encrypted body. A message that carries
// keys only, as clients exchange by themselves, has none.
func encryptedIn(e *xmltree.Element) bool {
	for _, c := range e.Children() {
		for _, ns := range secrets {
			if c.Space != ns {
				continue
			}
			if ns != secrets[0] && ns != secrets[1] || c.Child(ns, "payload") != nil {
				return true
			}
		}
	}
	return false
}
