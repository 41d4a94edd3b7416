// SPDX-License-Identifier: GPL-3.0-or-later

package textile

import (
	"flag"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

var record = flag.Bool("record", false, "write the fixtures anew, with what we make of them and the oracles that agree")

// fixture is one case of testdata. Its file reads
//
//	%%% name | py rc | strict
//	text
//	%%=
//	HTML
//
// where the second field names the oracles that make the same of it, or says
// "own" and why, and the third the options.
type fixture struct {
	file, name, note string
	follows          map[string]bool
	options          string
	input, want      string
}

func readFixtures(t testing.TB) (all []fixture) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	sort.Strings(files)
	names := map[string]bool{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split("\n"+string(data), "\n%%% ")[1:] {
			head, body, _ := strings.Cut(part, "\n")
			fields := strings.Split(head, "|")
			for len(fields) < 3 {
				fields = append(fields, "")
			}
			f := fixture{file: file, name: strings.TrimSpace(fields[0]), note: strings.TrimSpace(fields[1]), options: strings.TrimSpace(fields[2]), follows: map[string]bool{}}
			if !strings.HasPrefix(f.note, "own") {
				for _, o := range strings.Fields(f.note) {
					f.follows[o] = true
				}
			}
			f.input, f.want, _ = strings.Cut(strings.TrimRight(body, "\n")+"\n", "\n%%=\n")
			f.input = strings.TrimRight(f.input, "\n")
			f.want = strings.TrimSpace(f.want)
			if names[f.name] {
				t.Errorf("%s: two fixtures are called %q", file, f.name)
			}
			names[f.name] = true
			all = append(all, f)
		}
	}
	return all
}

// made is what we make of a fixture.
func (f fixture) made() string {
	o := Trusted()
	switch f.options {
	case "strict":
		o = Options{}
	case "wiki":
		o = Options{Attributes: true, Wiki: sampleWiki, Camel: true}
	}
	out, _ := Convert([]byte(f.input), o)
	return strings.TrimSpace(string(out))
}

// sampleWiki writes constructs so that they can be seen.
func sampleWiki(dst []byte, c Construct) ([]byte, Form) {
	names := [...]string{WikiLink: "wiki", Embed: "embed", Tag: "tag", Macro: "macro", Camel: "camel"}
	form := Inline
	if c.Kind == Embed || c.Kind == Macro {
		form = Block
	}
	if c.Text == "unknown" {
		return dst, Literal
	}
	dst = append(dst, `<a href="`+names[c.Kind]+":"...)
	dst = append(escape(dst, c.Text), `">`...)
	return append(escape(dst, c.Label()), "</a>"...), form
}

func TestFixtures(t *testing.T) {
	all := readFixtures(t)
	if *record {
		recordFixtures(t, all)
		return
	}
	if len(all) < 300 {
		t.Errorf("%d fixtures, want 300", len(all))
	}
	for _, f := range all {
		if got, want := f.made(), f.want; normal(got) != normal(want) {
			t.Errorf("%s: %s\n%s\n--- is\n%s\n--- want\n%s", filepath.Base(f.file), f.name, f.input, got, want)
		}
		if f.note == "" {
			t.Errorf("%s: %s: it does not say which oracle it follows", filepath.Base(f.file), f.name)
		}
	}
}

// recordFixtures writes what we make of each fixture and who agrees. Whoever
// calls it reads the difference.
func recordFixtures(t *testing.T, all []fixture) {
	t.Helper()
	agrees := make([]map[string]bool, len(all))
	answers := make([]map[string]string, len(all))
	var texts []string
	for i, f := range all {
		texts = append(texts, f.input)
		agrees[i], answers[i] = map[string]bool{}, map[string]string{}
	}
	for _, o := range oracles {
		if !o.present() {
			t.Fatalf("needs %s", o.needs)
		}
		out, err := o.ask(texts)
		if err != nil || len(out) != len(texts) {
			t.Fatalf("%s: %d of %d: %v", o.needs, len(out), len(texts), err)
		}
		for i, f := range all {
			answers[i][o.name] = out[i]
			agrees[i][o.name] = normal(out[i]) == normal(f.made())
		}
	}
	files := map[string]*strings.Builder{}
	for i, f := range all {
		b := files[f.file]
		if b == nil {
			b = &strings.Builder{}
			files[f.file] = b
		}
		var who []string
		for _, o := range oracles {
			if agrees[i][o.name] {
				who = append(who, o.name)
			}
		}
		note := strings.Join(who, " ")
		if strings.HasPrefix(f.note, "own") && (f.options != "" || note == "") {
			note = f.note
		}
		if note == "" {
			t.Logf("NOBODY %s\n%s\n--- ours\n%s\n--- py\n%s\n--- rc\n%s\n--- pl\n%s\n", f.name, f.input, f.made(), answers[i]["py"], answers[i]["rc"], answers[i]["pl"])
		}
		head := "%%% " + f.name + " | " + note
		if f.options != "" {
			head += " | " + f.options
		}
		b.WriteString(head + "\n" + f.input + "\n%%=\n" + f.made() + "\n\n")
	}
	for file, b := range files {
		if err := os.WriteFile(file, []byte(strings.TrimRight(b.String(), "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
