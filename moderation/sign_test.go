// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oswald"
)

// sshKey makes a key of some kind and returns what signs with it.
func sshKey(t *testing.T, kind string, args ...string) func(namespace, message string) string {
	t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("needs ssh-keygen (apt-get install openssh-client)")
	}
	file := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", append([]string{"-q", "-t", kind, "-N", "", "-f", file}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return func(namespace, message string) string {
		t.Helper()
		cmd := exec.Command("ssh-keygen", "-Y", "sign", "-n", namespace, "-f", file)
		cmd.Stdin = strings.NewReader(message)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
}

func TestSigned(t *testing.T) {
	st := newSite(t, nil)
	sign := sshKey(t, "ed25519")
	test := func(page, text, signature string, status int) answer {
		t.Helper()
		v := st.form("/comment/"+page, "name", "Ann", "text", text, "signature", strings.ReplaceAll(signature, "\n", "\r\n"))
		st.clock.add(time.Minute)
		a := st.send("/comment/"+page, v)
		if a.status != status {
			t.Errorf("%q: %d, want %d: %s", text, a.status, status, a.body)
		}
		return a
	}
	test("kitchen", "Signed by me.", sign("comment", "kitchen\nSigned by me.\n"), 303)
	c := st.comment(st.last())
	if !strings.HasPrefix(c.Signer, "SHA256:") || !validID(c.ID) {
		t.Fatalf("%+v", c)
	}
	if a := st.get("/c/kitchen"); !a.has("signed by "+c.Signer) && !a.has("signed by "+strings.ReplaceAll(c.Signer, "+", "&#43;")) {
		t.Errorf("not shown: %s", a.body)
	}
	test("kitchen", "Two\nlines, no end.", sign("comment", "kitchen\nTwo\nlines, no end."), 303)
	if again := st.comment(st.last()); again.ID != c.ID || again.Signer != c.Signer {
		t.Errorf("the same key, another ID: %+v", again)
	}
	good := sign("comment", "kitchen\nOnly here.\n")
	for _, bad := range []string{
		"nonsense",
		"-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----",
		sign("file", "kitchen\nOnly here.\n"),                              // made for something else
		sign("comment", "Only here.\n"),                                    // no page
		sign("comment", "garden\nOnly here.\n"),                            // another page
		sign("comment", "kitchen\nOnly there.\n"),                          // another text
		sshKey(t, "rsa", "-b", "1024")("comment", "kitchen\nOnly here.\n"), // weak
		strings.Repeat("x", 20000),
	} {
		if a := test("kitchen", "Only here.", bad, 422); !a.has("does not fit") || !a.has("Only here.") {
			t.Errorf("%s", a.body)
		}
	}
	test("kitchen", "Only here.", good, 303)
	st.clock.add(48 * time.Hour)
	test("kitchen", "Only here.", good, 409) // a signature is good once
	sig := sshKey(t, "rsa", "-b", "2048")("comment", "kitchen\nFrom another.\n")
	test("kitchen", "From another.", sig, 303)
	if other := st.comment(st.last()); other.ID == c.ID || other.Signer == c.Signer {
		t.Errorf("%+v", other)
	}
	if _, err := st.SetStanding(t.Context(), "ban", c.ID, Banned); err != nil {
		t.Fatal(err)
	}
	test("kitchen", "Banned now.", sign("comment", "kitchen\nBanned now.\n"), 303)
	if got := st.comment(st.last()); got.State != oswald.Hidden {
		t.Errorf("%+v", got)
	}
}

func FuzzSigner(f *testing.F) {
	f.Add("-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAQ==\n-----END SSH SIGNATURE-----\n", "text")
	f.Fuzz(func(t *testing.T, signature, text string) {
		if fp, ok := signer(signature, "kitchen", text, text); ok && !strings.HasPrefix(fp, "SHA256:") {
			t.Error(fp)
		}
	})
}
