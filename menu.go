// SPDX-License-Identifier: GPL-3.0-or-later

package oswald

import (
	"slices"
	"strings"
	"unicode"
)

// A MenuItem is a command as a form can ask for it.
type MenuItem struct {
	Name   string  // "spam why": what the text of the command begins with
	Desc   string  // one line, in the imperative
	Fields []Field // in the order in which the text has them; may be empty
	Asks   bool    // it asks a question before it does anything
}

// A Field is one argument of a MenuItem. Nobody changes Options.
type Field struct {
	Name     string   // unique in the item: "page"
	Label    string   // "Page"
	Value    string   // filled in already; an option where there are some
	Options  []string // what there is to choose from; nil: any text
	Required bool
	Address  bool // somebody's address
	Lines    bool // of several lines, put below what comes before it
	Rest     bool // goes into the text as it is; all others are one word there
}

// Text is the command with its arguments, as somebody might have typed it. values
// are by the names of the fields; what is missing counts as empty. An error says
// what to fill in.
func (m MenuItem) Text(values map[string]string) (string, error) {
	var b strings.Builder
	b.WriteString(m.Name)
	skipped := ""
	for _, f := range m.Fields {
		v := strings.TrimSpace(values[f.Name])
		if v == "" && f.Options != nil {
			v = f.Value
		}
		switch {
		case v == "" && f.Required:
			return "", Errorf(Invalid, "Please fill in: %s.", f.Label)
		case v == "":
			if skipped == "" {
				skipped = f.Label
			}
			continue
		case skipped != "":
			return "", Errorf(Invalid, "Please fill in %s too.", skipped)
		case f.Options != nil && !slices.Contains(f.Options, v):
			return "", Errorf(Invalid, "Please choose one of these: %s.", strings.Join(f.Options, ", "))
		case !f.Lines && strings.ContainsAny(v, "\r\n"):
			return "", Errorf(Invalid, "%s takes one line only.", f.Label)
		}
		if f.Lines {
			b.WriteByte('\n')
		} else {
			b.WriteByte(' ')
		}
		if f.Rest || f.Lines {
			b.WriteString(v)
		} else {
			b.WriteString(asWord(v))
		}
	}
	return b.String(), nil
}

// asWord writes s so that it is read as one word: in quotation marks if need be.
func asWord(s string) string {
	first := []rune(s)[0]
	if !strings.ContainsFunc(s, unicode.IsSpace) && !strings.ContainsRune(`"“„«`, first) {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
