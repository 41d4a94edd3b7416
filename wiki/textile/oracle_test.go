// SPDX-License-Identifier: GPL-3.0-or-later

package textile

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// oracle is another implementation of Textile. It reads a JSON list of texts
// and writes a JSON list of their HTML.
type oracle struct {
	name    string
	command []string
	needs   string
}

// The oracles, by the names that fixtures use.
var oracles = []oracle{
	{"py", []string{"/usr/bin/python3", "-c", `
import sys, json, textile
def one(t):
    try:
        return textile.textile(t, html_type="html5")
    except Exception as e:
        return "crashes: " + str(e)
json.dump([one(t) for t in json.load(sys.stdin)], sys.stdout)`}, "python3-textile"},
	{"rc", []string{"ruby", "-rjson", "-rredcloth", "-e",
		`print JSON.generate(JSON.parse(STDIN.read).map { |t| RedCloth.new(t).to_html })`}, "ruby-redcloth"},
	{"pl", []string{"perl", "-MJSON::PP", "-MText::Textile", "-e", `
local $/;
my $list = decode_json(<STDIN>);
print JSON::PP->new->ascii->encode([map { my $t = $_; my $h = eval { Text::Textile->new(charset => "utf-8")->process($t) }; $h // "crashes" } @$list]);`}, "libtext-textile-perl"},
	{"pd", []string{"pandoc", "-f", "markdown", "-t", "plain", "/dev/null", "-L"}, "pandoc"},
}

// pandocFilter makes pandoc an oracle for many texts in one process. It has no
// JSON, so the texts have a separator between them.
const pandocFilter = `
function Pandoc(doc)
  for t in (io.stdin:read("a") .. "\30"):gmatch("([^\30]*)\30") do
    io.stdout:write(pandoc.write(pandoc.read(t, "textile"), "html"), "\30")
  end
  io.stdout:flush() -- before pandoc writes its own
  return doc
end`

// present says whether the oracle can be asked.
func (o oracle) present() bool {
	out, err := o.ask([]string{"a *b* c"})
	return err == nil && len(out) == 1 && strings.Contains(out[0], "<strong>b</strong>")
}

func (o oracle) ask(texts []string) (html []string, err error) {
	args := o.command[1:]
	in, err := json.Marshal(texts)
	if o.name == "pd" {
		dir, err := os.MkdirTemp("", "textile")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		filter := filepath.Join(dir, "many.lua")
		if err := os.WriteFile(filter, []byte(pandocFilter), 0o600); err != nil {
			return nil, err
		}
		args = append(args, filter)
		in = []byte(strings.Join(texts, "\x1e"))
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, o.command[0], args...)
	cmd.Stdin = bytes.NewReader(in)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	if o.name == "pd" {
		html = strings.Split(string(out), "\x1e")
		return html[:len(html)-1], nil
	}
	return html, json.Unmarshal(out, &html)
}

// TestOracles asks each oracle that is installed about the fixtures that say
// they follow it.
func TestOracles(t *testing.T) {
	all := readFixtures(t)
	for _, o := range oracles {
		t.Run(o.name, func(t *testing.T) {
			if !o.present() {
				t.Skipf("needs %s (apt-get install %s)", o.needs, o.needs)
			}
			var texts []string
			var mine []fixture
			for _, f := range all {
				if f.follows[o.name] {
					texts = append(texts, f.input)
					mine = append(mine, f)
				}
			}
			got, err := o.ask(texts)
			if err != nil || len(got) != len(texts) {
				t.Fatalf("%s answered %d of %d: %v", o.needs, len(got), len(texts), err)
			}
			for i, f := range mine {
				if want, got := normal(f.want), normal(got[i]); want != got {
					t.Errorf("%s does not agree on %q any more:\n%s\nit says\n%s", o.needs, f.name, want, got)
				}
			}
			t.Logf("%d fixtures agree with %s", len(mine), o.needs)
		})
	}
}

// TestOraclesTogether makes texts of words at random, and expects that we agree
// where python3-textile and RedCloth agree with each other.
func TestOraclesTogether(t *testing.T) {
	py, rc := oracles[0], oracles[1]
	for _, o := range []oracle{py, rc} {
		if !o.present() {
			t.Skipf("needs %s (apt-get install %s)", o.needs, o.needs)
		}
	}
	words := strings.Split("a|*b|c*|*strong*|_em_|_three more words_|-f|g-|-del-|\"h|i\"|\"quoted\"|'q'|\"j\":/k|\"l(m)\":/n|\"(o)p\":/q.|"+
		"(see|it)|s@|@code@|+t|u+|+ins+|^v|w^|y%|??z|??cite??|**bb|cc**|**d**|__e|f__|__i__|!g|h!|!/i.png!|!/i.png(alt)!|[h|i]|.|,|!|?|--|=|5|x|3|"+
		"*\"oo\"*|(*pp*)|\"*qq*\"|rr's|_(s)t_|%{color:red}u%|http://e.org/a_b_c|a@b.c|/path/a_b/c-d|3\"|A(B)|ABC(def)|HTML|x2|v1.0|a/b|$5|&|&amp;|"+
		"10%|~v~|wv;|xx:|(c)|1-2|-3|...|€5|Ünïcode|<b>t</b>|\n|\n* item|\n# num", "|")
	var blocks []string
	for _, f := range readFixtures(t) {
		if f.options == "" && f.follows["py"] && f.follows["rc"] && !strings.Contains(f.input, "[x]") && !strings.Contains(f.input, "one]") {
			blocks = append(blocks, f.input)
		}
	}
	r := rand.New(rand.NewPCG(12, 5))
	var texts []string
	for i := range 1200 {
		if i%3 == 0 {
			texts = append(texts, blocks[r.IntN(len(blocks))]+"\n\n"+blocks[r.IntN(len(blocks))])
			continue
		}
		var some []string
		for range 2 + r.IntN(6) {
			some = append(some, strings.ReplaceAll(words[r.IntN(len(words))], `\n`, "\n"))
		}
		texts = append(texts, strings.TrimSpace(strings.ReplaceAll(strings.Join(some, " "), " \n", "\n")))
	}
	a, err := py.ask(texts)
	if err != nil {
		t.Fatal(err)
	}
	b, err := rc.ask(texts)
	if err != nil {
		t.Fatal(err)
	}
	agree, differ := 0, 0
	for i, text := range texts {
		if normal(a[i]) != normal(b[i]) {
			continue
		}
		agree++
		if out, _ := Convert([]byte(text), Trusted()); normal(string(out)) != normal(a[i]) {
			differ++
			t.Logf("%q\n--- ours\n%s\n--- theirs\n%s", text, normal(string(out)), normal(a[i]))
		}
	}
	t.Logf("they agree on %d of %d texts, we differ on %d of these", agree, len(texts), differ)
	if agree < 500 || differ > agree/200 {
		t.Errorf("too many: see the texts above")
	}
}
