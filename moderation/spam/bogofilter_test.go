// SPDX-License-Identifier: GPL-3.0-or-later

package spam

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"oswald"
)

func reseal(b []byte) []byte {
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

func needBogofilter(t testing.TB) {
	t.Helper()
	for _, p := range []string{"bogofilter", "bogolexer", "bogoutil"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skip("needs bogofilter (apt-get install bogofilter)")
		}
	}
}

// tool runs a program and returns what it printed.
func tool(t testing.TB, stdin, program string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, args...)
	c.Stdin = strings.NewReader(stdin)
	var out, fault bytes.Buffer
	c.Stdout, c.Stderr = &out, &fault
	if err := c.Run(); err != nil && (c.ProcessState == nil || c.ProcessState.ExitCode() > 2) {
		t.Fatalf("%s %q: %v %s", program, args, err, &fault)
	}
	return out.String()
}

// box is messages as an mbox.
func box(list []Message, want func(Message) bool) string {
	var b strings.Builder
	for _, m := range list {
		if want == nil || want(m) {
			b.WriteString("From x Thu Jan  1 00:00:00 1970\n" + quoteFrom(mail(m.Text)) + "\n")
		}
	}
	return b.String()
}

// train makes a word list with the real program.
func train(t testing.TB, dir string, list []Message, options ...string) {
	t.Helper()
	args := append([]string{"-C", "-d", dir, "-M"}, options...)
	tool(t, box(list, func(m Message) bool { return m.Spam }), "bogofilter", append(args, "-s")...)
	tool(t, box(list, func(m Message) bool { return !m.Spam }), "bogofilter", append(args, "-n")...)
}

func tokensOf(t testing.TB, text string) []string {
	return strings.Split(strings.TrimRight(tool(t, mail(text), "bogolexer", "-C", "-p"), "\n"), "\n")
}

// parity compares our arithmetic with the real program's on each message.
func parity(t *testing.T, learn, judge []Message) (fixture parityFixture, worst float64) {
	t.Helper()
	dir := t.TempDir()
	train(t, dir, learn)
	fixture.Words = tool(t, "", "bogoutil", "-d", filepath.Join(dir, "wordlist.db"))
	list, err := ReadWordList(strings.NewReader(fixture.Words))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range judge {
		want, err := strconv.ParseFloat(strings.TrimSpace(tool(t, mail(m.Text), "bogofilter", "-C", "-d", dir, "-TT")), 64)
		if err != nil {
			t.Fatal(err)
		}
		c := parityCase{tokensOf(t, m.Text), want}
		fixture.Cases = append(fixture.Cases, c)
		got := list.Score(c.Tokens, BogoDefaults)
		worst = max(worst, math.Abs(got-want))
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%q: %v, bogofilter says %v", m.Text, got, want)
		}
	}
	return fixture, worst
}

// A parityFixture is what the real program said of messages of ours.
type parityFixture struct {
	Words string
	Cases []parityCase
}

type parityCase struct {
	Tokens []string
	Score  float64
}

// Every third message of the seed is judged by the rest of it.
func TestParityWithBogofilter(t *testing.T) {
	needBogofilter(t)
	var learn, judge []Message
	for i, m := range labels(t) {
		if i%3 == 0 {
			judge = append(judge, m)
		} else {
			learn = append(learn, m)
		}
	}
	fixture, worst := parity(t, learn, judge)
	t.Logf("%d messages, worst difference %.2g", len(judge), worst)
	if os.Getenv("OSWALD_RECORD") != "" {
		b, err := json.MarshalIndent(fixture, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("testdata/parity.json", append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestParityRecorded(t *testing.T) {
	b, err := os.ReadFile("testdata/parity.json")
	if err != nil {
		t.Fatal(err)
	}
	var fixture parityFixture
	if err := json.Unmarshal(b, &fixture); err != nil {
		t.Fatal(err)
	}
	list, err := ReadWordList(strings.NewReader(fixture.Words))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range fixture.Cases {
		if got := list.Score(c.Tokens, BogoDefaults); math.Abs(got-c.Score) > 1e-9 {
			t.Errorf("%v: %v, recorded %v", c.Tokens, got, c.Score)
		}
	}
	if len(fixture.Cases) < 40 {
		t.Errorf("only %d cases", len(fixture.Cases))
	}
}

func TestParityOnCollection(t *testing.T) {
	youtube := collection(t, "youtube.jsonl")
	needBogofilter(t)
	var learn, judge []Message
	for i, s := range youtube {
		if s.fold == 1 {
			judge = append(judge, s.message(i))
		} else {
			learn = append(learn, s.message(i))
		}
	}
	_, worst := parity(t, learn, judge)
	t.Logf("%d messages, worst difference %.2g", len(judge), worst)
}

func TestChi2Q(t *testing.T) {
	test := func(x float64, n int, want float64) {
		t.Helper()
		if got := chi2Q(x, n); math.Abs(got-want) > 1e-12 {
			t.Errorf("chi2Q(%v, %v) = %v, want %v", x, n, got, want)
		}
	}
	test(0, 1, 1)
	test(2, 1, math.Exp(-1))
	test(2, 2, 2*math.Exp(-1))
	test(4000, 10, 0)
	test(1400, 5000, 1)
	// On both sides of the change to logarithms.
	if a, b := chi2Q(1399.999999, 650), chi2Q(1400.000001, 650); math.Abs(a-b) > 1e-7 || a == 0 {
		t.Errorf("%v, %v", a, b)
	}
}

func TestWordListThroughBogoutil(t *testing.T) {
	l := NewWordList()
	for _, m := range labels(t) {
		l.Add(m.Text, m.Spam)
	}
	var text bytes.Buffer
	if err := l.Write(&text, time.Date(2025, 4, 1, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	same := func(text string) {
		t.Helper()
		got, err := ReadWordList(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if got.Spam != l.Spam || got.Ham != l.Ham || len(got.Words) != len(l.Words) {
			t.Errorf("%d %d %d words, want %d %d %d", got.Spam, got.Ham, len(got.Words), l.Spam, l.Ham, len(l.Words))
		}
		for w, c := range l.Words {
			if got.Words[w] != c {
				t.Errorf("%q: %v, want %v", w, got.Words[w], c)
			}
		}
	}
	same(text.String())
	needBogofilter(t)
	db := filepath.Join(t.TempDir(), "wordlist.db")
	tool(t, text.String(), "bogoutil", "-C", "-l", db)
	same(tool(t, "", "bogoutil", "-C", "-d", db))
}

func TestWordListFaults(t *testing.T) {
	test := func(text string) {
		t.Helper()
		if _, err := ReadWordList(strings.NewReader(text)); oswald.CodeOf(err) != oswald.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
	test("word")
	test("word 1 2")
	test("word x 2 20250101")
	test("word -1 2 20250101")
	test("word 1 99999999999 20250101")
	test(" 1 2 20250101")
}

// A word list of another filter makes a start, even without the seed.
func TestWordListAsStart(t *testing.T) {
	name := filepath.Join(t.TempDir(), "words")
	text := ".MSG_COUNT 500 500 20250101\nladder 1 400 20250101\nzeppelin 300 1 20250101\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := bare()
	cfg.Words = name
	f := open(t, cfg)
	if s, h := f.Classify("Zeppelin").Score, f.Classify("ladder").Score; !(s > 0.6 && h < 0.4) {
		t.Errorf("spam word %v, ham word %v", s, h)
	}
	cfg.Words = name + ".none"
	if _, err := New(cfg, Deps{}); oswald.CodeOf(err) != oswald.Invalid {
		t.Errorf("missing list: %v", err)
	}
}

func FuzzReadWordList(f *testing.F) {
	f.Add(".MSG_COUNT 1 2 20250101\nword 1 2 20250101\na b 3 4 20250101\n")
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ReadWordList(strings.NewReader(s))
		if err != nil {
			return
		}
		l.prior()
		var b bytes.Buffer
		if err := l.Write(&b, time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
		if again, err := ReadWordList(&b); err != nil || len(again.Words) != len(l.Words) {
			t.Errorf("%v: %d words, then %d", err, len(l.Words), len(again.Words))
		}
	})
}

func withBogofilter(t testing.TB) Config {
	c := Defaults()
	c.Engine = EngineBogofilter
	c.Directory = filepath.Join(t.TempDir(), "words")
	c.Timeout = time.Minute
	return c
}

func TestBogofilterEngine(t *testing.T) {
	needBogofilter(t)
	cfg := withBogofilter(t)
	f := open(t, cfg)
	if r := f.Classify("casino"); r.Verdict != oswald.Unsure {
		t.Errorf("with no list: %+v", r)
	}
	f.Learn(Message{N: 1, Text: "first spam", Spam: true})
	if err := f.Refit(t.Context(), labels(t)); err != nil {
		t.Fatal(err)
	}
	if s := f.Stats(); s.SpamLearnt != 75 || s.HamLearnt != 75 {
		t.Errorf("stats %+v", s)
	}
	const text = "From casino bonus: subscribe now, free spins deposit"
	r := f.Classify(text)
	want := strings.TrimSpace(tool(t, mail(text), "bogofilter", slices.Concat([]string{"-C", "-d", cfg.Directory, "-TT"}, strings.Fields(cfg.Parameters))...))
	if fmt.Sprintf("%.6f", r.Score) != want[:min(len(want), 8)] && math.Abs(r.Score-atof(t, want)) > 1e-6 {
		t.Errorf("score %v, the program alone says %v", r.Score, want)
	}
	if len(r.Evidence) == 0 || r.Evidence[0].Spam <= 0.5 {
		t.Errorf("evidence %v", r.Evidence)
	}
	m := Message{N: 4000, Text: "novelword about bridges", Spam: true}
	f.Learn(m)
	before := f.Classify(m.Text).Score
	m.Spam = false
	f.Learn(m)
	if after := f.Classify(m.Text).Score; after >= before {
		t.Errorf("unflagged: %v, was %v", after, before)
	}
	if s := open(t, cfg).Stats(); s.SpamLearnt != 75 || s.HamLearnt != 76 {
		t.Errorf("after a start: %+v", s)
	}
}

func atof(t testing.TB, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A program that hangs or fails leaves the decision to a person.
func TestBogofilterThatHangs(t *testing.T) {
	for name, script := range map[string]string{"hangs": "exec sleep 600", "fails": "exit 3", "babbles": "echo hello"} {
		dir := t.TempDir()
		program := filepath.Join(dir, "bogofilter")
		util := "#!/bin/sh\necho .MSG_COUNT 5 5\n"
		if err := os.WriteFile(program, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "bogoutil"), []byte(util), 0o700); err != nil {
			t.Fatal(err)
		}
		cfg := withBogofilter(t)
		cfg.Program = program
		f := open(t, cfg)
		f.bogo.spam, f.bogo.ham = 5, 5
		if name == "hangs" {
			f.bogo.timeout = 20 * time.Millisecond
		}
		if r := f.Classify("text"); r.Verdict != oswald.Unsure || r.Score != 0.5 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	cfg := withBogofilter(t)
	cfg.Program = "no-such-program"
	if _, err := New(cfg, Deps{}); oswald.CodeOf(err) != oswald.Unavailable {
		t.Errorf("no program: %v", err)
	}
}
