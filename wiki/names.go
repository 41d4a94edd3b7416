// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"path"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// fold returns name as it is compared: Unicode-normalised, in lower case.
func fold(name string) string {
	ascii := true
	for i := 0; i < len(name); i++ {
		if name[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return strings.ToLower(name)
	}
	return strings.ToLower(norm.NFKC.String(name))
}

// squash returns the last element of a name without spaces, hyphens and
// underscores, folded. Pages that any spelling of a name could mean share one
// squashed form, so it is the key of the name table and of what asked for it.
func squash(name string) string {
	name = fold(path.Base(strings.TrimSuffix(name, "/")))
	if !strings.ContainsAny(name, " -_") {
		return name
	}
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '_' {
			return -1
		}
		return r
	}, name)
}

// slug returns name as it stands in an address: ASCII letters of the base form,
// digits, hyphens, underscores; slashes stay. A part without any such letter is
// named by its hash, so that every page has an address.
func slug(name string) string {
	parts := strings.Split(name, "/")
	out := parts[:0]
	for _, part := range parts {
		if part == "" || part == "." || part == ".." {
			continue
		}
		var b strings.Builder
		dash := false
		for _, r := range norm.NFKD.String(part) {
			r = unicode.ToLower(r)
			switch {
			case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
				if dash && b.Len() > 0 {
					b.WriteByte('-')
				}
				dash = false
				b.WriteRune(r)
			case r == 'ß':
				b.WriteString("ss")
			case unicode.Is(unicode.Mn, r), r == '\'', r == '’':
			default:
				dash = true
			}
		}
		s := strings.TrimLeft(b.String(), "_-")
		if s == "" {
			sum := sha256.Sum256([]byte(norm.NFC.String(part)))
			s = "p" + hex.EncodeToString(sum[:5])
		}
		out = append(out, s)
	}
	s := strings.Join(out, "/")
	if len(s) > 180 {
		sum := sha256.Sum256([]byte(name))
		s = strings.TrimRight(s[:160], "/-") + "-" + hex.EncodeToString(sum[:5])
	}
	return s
}

// reserved are the first parts of addresses that are not pages.
var reserved = map[string]bool{"c": true, "comment": true, "tag": true, "archive": true, "search": true}

// pageKey returns the key of the page in file before clashes are settled.
func pageKey(file, permalink string) string {
	k := ""
	if permalink != "" {
		k = slug(strings.Trim(permalink, "/"))
	} else {
		name := strings.TrimSuffix(file, path.Ext(file))
		dir, base := path.Split(name)
		dir = strings.TrimSuffix(dir, "/")
		switch f := fold(base); {
		case dir == "" && (f == "index" || f == "home" || f == "readme" || f == "frontpage"):
			k = "index"
		case f == "index" || f == "readme" || f == fold(path.Base(dir)):
			k = slug(dir)
		default:
			k = slug(name)
		}
	}
	if k == "" {
		k = "index"
	}
	if first, _, _ := strings.Cut(k, "/"); reserved[first] {
		k = first + "-page" + k[len(first):]
	}
	return k
}

// assignKeys gives each page its key. Where two want the same one, the file
// that sorts first has it and the others are numbered.
func assignKeys(pages []*Record) (clashes []string) {
	sort.Slice(pages, func(i, j int) bool { return pages[i].File < pages[j].File })
	taken := make(map[string]*Record, len(pages))
	for _, p := range pages {
		want := pageKey(p.File, p.Permalink)
		key := want
		for n := 2; taken[key] != nil; n++ {
			key = want + "-" + strconv.Itoa(n)
		}
		if key != want {
			clashes = append(clashes, p.File+":1: has the same address /"+want+"/ as "+taken[want].File+"; it is at /"+key+"/ now: rename one of them")
		}
		taken[key] = p
		p.Key = key
	}
	return clashes
}

// pageURL returns the address of the page below the root of the site.
func pageURL(key string) string {
	if key == "index" {
		return "/"
	}
	return "/" + key + "/"
}

// pageFile returns the file of the page in the output folder.
func pageFile(key string) string {
	if key == "index" {
		return "index.html"
	}
	return key + "/index.html"
}

// fileURL returns the address of an attachment.
func fileURL(file string) string {
	return (&url.URL{Path: "/" + file}).EscapedPath()
}

// tagFold returns the tag as it is compared, without empty parts.
func tagFold(tag string) string {
	t := fold(strings.TrimPrefix(tag, "#"))
	if strings.HasPrefix(t, "/") || strings.HasSuffix(t, "/") || strings.Contains(t, "//") {
		parts := strings.FieldsFunc(t, func(r rune) bool { return r == '/' })
		t = strings.Join(parts, "/")
	}
	return t
}

// tagURL returns the address of the page of a tag.
func tagURL(tag string) string {
	return "/tag/" + (&url.URL{Path: tagFold(tag)}).EscapedPath() + "/"
}

// validTag says whether s, without its #, is a tag: letters, digits, _, -, /
// and other Unicode, not digits only.
func validTag(s string) bool {
	letters := false
	for _, r := range s {
		if !tagRune(r) {
			return false
		}
		if (r < '0' || r > '9') && r != '/' && r != '-' && r != '_' {
			letters = true
		}
	}
	return letters && tagFold(s) != "" && len(s) <= 200 && !strings.Contains(s, "..")
}

// tagRune says whether r may stand in a tag.
func tagRune(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-', r == '/':
		return true
	case r < utf8.RuneSelf || r == utf8.RuneError:
		return false
	}
	return !unicode.IsSpace(r) && !unicode.IsPunct(r) && !unicode.IsControl(r) && !unicode.Is(unicode.Cf, r) || r == '\u200d'
}

// headingID returns the id of a heading: its letters and digits of any script
// in lower case, everything else as single hyphens.
func headingID(text string) string {
	var b strings.Builder
	dash := false
	for _, r := range norm.NFC.String(text) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r) || r == '_' {
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			dash = false
			b.WriteRune(unicode.ToLower(r))
		} else {
			dash = true
		}
	}
	if b.Len() == 0 {
		return "section"
	}
	return b.String()
}

// distinct returns id, or where it was returned before id with a number.
func distinct(ids map[string]int, id string) string {
	if n := ids[id]; n > 0 {
		ids[id]++
		for ids[id+"-"+strconv.Itoa(n)] > 0 {
			n++
		}
		id += "-" + strconv.Itoa(n)
	}
	ids[id]++
	return id
}

// headingFold returns the text of a heading as links to it are compared.
// Obsidian leaves marks like # ^ [ ] | out of such links, so they count as
// spaces.
func headingFold(s string) string {
	return strings.Join(strings.FieldsFunc(fold(s), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r) && r != '_'
	}), " ")
}
