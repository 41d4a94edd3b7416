// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"bytes"
	"crypto/rsa"
	"strings"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// A comment may be signed with an SSH key, in the format of OpenSSH's
// PROTOCOL.sshsig. What is signed is the name of the page on a line of its own and
// below it the comment, so that a signature is good for one text on one page.

// signNamespace keeps signatures that were made for something else out.
const signNamespace = "comment"

const (
	maxSignature = 8 << 10
	minRSABits   = 2048
)

// signer returns the fingerprint of the key that signed text for page; ok is false
// where the signature does not hold. raw is the text as it was typed.
func signer(signature, page, text, raw string) (fingerprint string, ok bool) {
	if len(signature) > maxSignature {
		return "", false
	}
	sig, err := sshsig.Unarmor([]byte(strings.TrimSpace(strings.ReplaceAll(signature, "\r\n", "\n")) + "\n"))
	if err != nil || !strong(sig.PublicKey) {
		return "", false
	}
	raw = strings.ReplaceAll(raw, "\r\n", "\n")
	// An editor ends a file with a line end, and a browser's field has none.
	for _, body := range []string{text + "\n", text, raw, raw + "\n"} {
		if sshsig.Verify(bytes.NewReader([]byte(page+"\n"+body)), sig, sig.PublicKey, sig.HashAlgorithm, signNamespace) == nil {
			return ssh.FingerprintSHA256(sig.PublicKey), true
		}
	}
	return "", false
}

// strong reports whether a key is of a kind that is still good for signing.
func strong(key ssh.PublicKey) bool {
	switch key.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256:
		return true
	case ssh.KeyAlgoRSA:
		c, ok := key.(ssh.CryptoPublicKey)
		if !ok {
			return false
		}
		k, ok := c.CryptoPublicKey().(*rsa.PublicKey)
		return ok && k.N.BitLen() >= minRSABits
	}
	return false
}

// sign is identify for a signed comment: the key gives the ID.
func (s *Server) sign(f *form, raw string) {
	fp, ok := signer(f.Signature, f.Key, f.Text, raw)
	if !ok {
		f.fault("signature", "The signature does not fit. Sign the name of the page on one line and below it exactly this comment, or leave the field empty.")
		return
	}
	f.Signer, f.ID = fp, s.keys.identity("ssh", fp)
}
