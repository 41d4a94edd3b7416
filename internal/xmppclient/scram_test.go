// SPDX-License-Identifier: GPL-3.0-or-later

package xmppclient

import (
	"strings"
	"testing"
	"time"

	"mellium.im/sasl"
)

// FuzzChallenge finds no challenge that passes plausible and keeps the library
// busy: without it, an empty attribute does so for ever.
func FuzzChallenge(f *testing.F) {
	for _, s := range []string{"r=NONCE1,s=c2FsdA==,i=10", "r=NONCE1,,i=1", "v=x", "r=NONCE", "i=999999999,s=aa==,r=NONCE1", "", ",", "m=x,r=NONCE"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		n := sasl.NewClient(sasl.ScramSha256, sasl.Credentials(func() (u, p, i []byte) { return []byte("u"), []byte("p"), nil }))
		if _, _, err := n.Step(nil); err != nil {
			t.Fatal(err)
		}
		in = strings.ReplaceAll(in, "NONCE", string(n.Nonce()))
		if len(in) == 0 || plausible([]byte(in)) != nil {
			return
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			n.Step([]byte(in))
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatalf("%q keeps it busy", in)
		}
	})
}
