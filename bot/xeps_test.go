// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// TestExtensions wants the list in order, and each row true of a file.
func TestExtensions(t *testing.T) {
	last := 0
	for _, x := range extensions() {
		if x.number <= last {
			t.Errorf("%s stands after number %d", x.id(), last)
		}
		last = x.number
		text, err := os.ReadFile(x.where)
		if err != nil || !strings.Contains(string(text), x.id()) {
			t.Errorf("%s does not speak of %s (%v)", x.where, x.id(), err)
		}
		if x.name == "" || x.version == "" || x.use == "" {
			t.Errorf("%s has holes", x.id())
		}
	}
	d := xml.NewDecoder(strings.NewReader(DOAP()))
	n := 0
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "SupportedXep" {
			n++
		}
	}
	if n != len(extensions()) {
		t.Errorf("%d extensions in the DOAP file, %d in the list", n, len(extensions()))
	}
}
