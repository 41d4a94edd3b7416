// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"oswald"
	"oswald/internal/xmppclient"
	"oswald/internal/xmppclient/xmltree"
	"oswald/internal/xmpptest"
)

// TestUpload sends a picture through both servers and fetches it as a phone does.
func TestUpload(t *testing.T) {
	xmpptest.Servers(t, []string{"bot", "alice", "bob"}, func(t *testing.T, s *xmpptest.Server) {
		r := newRig(t, testConfig(t, s), filepath.Join(t.TempDir(), "bot.db")).run().waitOnline()
		alice := client(t, s, "alice")
		data := append([]byte("\x89PNG\r\n"), bytes.Repeat([]byte{1, 2, 3}, 5000)...)
		r.commands.answer = func(_ context.Context, q oswald.Request) (oswald.Reply, error) {
			f := &oswald.File{Name: "kitchen.png", Type: "image/png", Data: data}
			switch q.Text {
			case "huge":
				f.Data = make([]byte, uploadMax+1)
			case "bare":
				return oswald.Reply{File: f}, nil
			}
			return oswald.Reply{Text: "21.4 °C", File: f}, nil
		}
		var parts []string
		m, err := alice.Command(t.Context(), botJID, "plot", func(m xmppclient.Message) {
			if m.Body != "" {
				parts = append(parts, m.Body)
			}
		})
		if err != nil || len(parts) != 1 || parts[0] != "21.4 °C" || m.OOB == "" || m.OOB != m.Body || !strings.HasPrefix(m.Body, s.WebURL) || !strings.HasSuffix(m.Body, "kitchen.png") {
			t.Fatalf("%q, then %s, %v", parts, m.XML, err)
		}
		web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots(t, s)}}}
		defer web.CloseIdleConnections()
		res, err := web.Get(m.OOB)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if got, err := io.ReadAll(res.Body); !bytes.Equal(got, data) || res.Header.Get("Content-Type") != "image/png" {
			t.Errorf("%d bytes of %s, %v", len(got), res.Header.Get("Content-Type"), err)
		}
		if m := ask(t, alice, "bare"); m.OOB == "" || m.Body != m.OOB {
			t.Errorf("%s", m.XML)
		}
		if got := ask(t, alice, "huge").Body; got != "21.4 °C\n(There is no picture: The file has 10240 KB, and the server takes 10240 at most.)" {
			t.Errorf("%q", got)
		}
	})
}

// TestNoUpload wants the text where files cannot be sent.
func TestNoUpload(t *testing.T) {
	s := server(t)
	s.Configure(`"http_file_share"`, `"muc"`)
	r := newRig(t, testConfig(t, s), filepath.Join(t.TempDir(), "bot.db"))
	r.run().waitOnline()
	r.commands.answer = func(context.Context, oswald.Request) (oswald.Reply, error) {
		return oswald.Reply{Text: "21.4 °C", File: &oswald.File{Name: "a.png", Type: "image/png", Data: []byte("x")}}, nil
	}
	alice := client(t, s, "alice")
	for range 2 {
		if got := ask(t, alice, "plot").Body; got != "21.4 °C\n(There is no picture: The XMPP server keeps no files; its module for HTTP upload is missing.)" {
			t.Errorf("%q", got)
		}
	}
}

func TestSlot(t *testing.T) {
	test := func(address string, want bool) {
		t.Helper()
		if isWeb(address) != want {
			t.Errorf("%q: %v", address, !want)
		}
	}
	test("https://files.example.org/a/b.png", true)
	test("http://files.example.org/a/b.png", false)
	test("https://", false)
	test("https://me:secret@example.org/", false)
	test("file:///etc/passwd", false)
	test("https://example.org/"+strings.Repeat("x", urlMax), false)
	info, err := xmltree.Parse([]byte("<query xmlns='" + nsInfo + "'><feature var='" + nsUpload + "'/><x xmlns='jabber:x:data' type='result'>" +
		"<field var='max-file-size'><value>5000</value></field></x></query>"))
	if err != nil {
		t.Fatal(err)
	}
	if d, ok := depotIn("up.example.org", info); !ok || d.max != 5000 || d.jid != "up.example.org" {
		t.Errorf("%+v, %v", d, ok)
	}
	if _, ok := depotIn("x", xmltree.New(nsInfo, "query")); ok {
		t.Error("anything is a depot")
	}
}
