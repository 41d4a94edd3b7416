// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"oswald"
)

const maxImport = 1 << 30 // bytes of one file, unpacked

// ImportFile takes in the comments of another system: an export of ours, Isso's
// database or its generic JSON, a backup of remark42, an XML export of Disqus or
// WordPress; packed with gzip or not. It tells them apart by their content. A
// comment whose page is not here is left out and reported.
func (s *Server) ImportFile(ctx context.Context, path string) (ImportReport, error) {
	f, err := os.Open(path)
	if err != nil {
		return ImportReport{}, oswald.Wrap(err, oswald.NotFound, "The file to import cannot be read.")
	}
	defer f.Close()
	magic := make([]byte, 16)
	if _, err := io.ReadFull(f, magic); err == nil && string(magic) == "SQLite format 3\x00" {
		list, err := readIsso(ctx, path)
		if err != nil {
			return ImportReport{}, oswald.Wrap(err, oswald.Invalid, "This database is not one of Isso.")
		}
		return s.take(ctx, "isso", list)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return ImportReport{}, err
	}
	return s.Import(ctx, f)
}

// Import is ImportFile for everything but a database.
func (s *Server) Import(ctx context.Context, r io.Reader) (ImportReport, error) {
	source, list, err := readComments(r)
	if err != nil {
		return ImportReport{}, oswald.Wrap(err, oswald.Invalid, "This is no export that Oswald knows, or it is damaged: %s.", oneLine(err.Error(), 120))
	}
	return s.take(ctx, source, list)
}

// readComments tells the formats apart.
func readComments(r io.Reader) (source string, list []record, err error) {
	b := bufio.NewReaderSize(r, 64<<10)
	if head, _ := b.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(b)
		if err != nil {
			return "", nil, err
		}
		b = bufio.NewReaderSize(z, 64<<10)
	}
	b = bufio.NewReaderSize(io.LimitReader(b, maxImport), 64<<10)
	head, _ := b.Peek(4096)
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\uFEFF")), " \t\r\n")
	switch {
	case len(head) == 0:
		return "", nil, errors.New("it is empty")
	case head[0] == '<' && bytes.Contains(head, []byte("disqus.com")):
		source = "disqus"
		list, err = readDisqus(b)
	case head[0] == '<':
		source = "wordpress"
		list, err = readWordPress(b)
	case head[0] == '[':
		source = "generic"
		list, err = readGeneric(b)
	case head[0] == '{' && bytes.Contains(head[:min(len(head), 200)], []byte(`"oswald"`)):
		source = "oswald"
		list, err = readOwn(b)
	case head[0] == '{':
		source = "remark42"
		list, err = readRemark(b)
	default:
		err = errors.New("it begins with neither { nor [ nor <")
	}
	return source, list, err
}

func readOwn(r io.Reader) ([]record, error) {
	dec := json.NewDecoder(r)
	var head exportHead
	if err := dec.Decode(&head); err != nil {
		return nil, err
	}
	if head.Oswald != "comments" || head.Version != 1 {
		return nil, fmt.Errorf("version %d is not known here", head.Version)
	}
	return decodeAll(dec, func(r record) (record, bool) { return r, true })
}

// decodeAll reads JSON values to the end of the stream.
func decodeAll[T any](dec *json.Decoder, convert func(T) (record, bool)) (list []record, err error) {
	for {
		var v T
		if err := dec.Decode(&v); err == io.EOF {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("after %d comments: %w", len(list), err)
		}
		if r, ok := convert(v); ok {
			list = append(list, r)
		}
	}
}

// readGeneric reads Isso's generic format: threads, each with its comments.
func readGeneric(r io.Reader) ([]record, error) {
	var threads []struct {
		ID       string `json:"id"`
		Comments []struct {
			Author  string `json:"author"`
			Text    string `json:"text"`
			Created string `json:"created"`
		} `json:"comments"`
	}
	if err := json.NewDecoder(r).Decode(&threads); err != nil {
		return nil, err
	}
	var list []record
	for _, t := range threads {
		for _, c := range t.Comments {
			list = append(list, record{Page: t.ID, Author: c.Author, Text: c.Text, At: readTime(c.Created), State: oswald.Shown})
		}
	}
	return list, nil
}

// readRemark reads a backup of remark42: a line about itself, then one a comment.
func readRemark(r io.Reader) ([]record, error) {
	dec := json.NewDecoder(r)
	var head map[string]json.RawMessage
	if err := dec.Decode(&head); err != nil {
		return nil, err
	}
	if _, ok := head["version"]; !ok {
		return nil, errors.New("the first line names no version")
	}
	type line struct {
		ID     string `json:"id"`
		Parent string `json:"pid"`
		Text   string `json:"text"` // HTML
		Orig   string `json:"orig"` // as it was typed
		User   struct {
			Name string `json:"name"`
		} `json:"user"`
		Locator struct {
			URL string `json:"url"`
		} `json:"locator"`
		Time   time.Time `json:"time"`
		Delete bool      `json:"delete"`
	}
	return decodeAll(dec, func(l line) (record, bool) {
		text := l.Orig
		if text == "" {
			text = fromHTML(l.Text)
		}
		return record{Key: l.ID, Parent: l.Parent, Page: l.Locator.URL, Author: l.User.Name, Text: text, At: l.Time, State: oswald.Shown}, !l.Delete
	})
}

func readDisqus(r io.Reader) ([]record, error) {
	var doc struct {
		Threads []struct {
			ID   string `xml:"http://disqus.com/disqus-internals id,attr"`
			Link string `xml:"link"`
		} `xml:"thread"`
		Posts []struct {
			ID      string `xml:"http://disqus.com/disqus-internals id,attr"`
			Message string `xml:"message"`
			Created string `xml:"createdAt"`
			Deleted bool   `xml:"isDeleted"`
			Spam    bool   `xml:"isSpam"`
			Author  string `xml:"author>name"`
			Thread  struct {
				ID string `xml:"http://disqus.com/disqus-internals id,attr"`
			} `xml:"thread"`
			Parent struct {
				ID string `xml:"http://disqus.com/disqus-internals id,attr"`
			} `xml:"parent"`
		} `xml:"post"`
	}
	if err := xml.NewDecoder(r).Decode(&doc); err != nil {
		return nil, err
	}
	pages := make(map[string]string)
	for _, t := range doc.Threads {
		pages[t.ID] = t.Link
	}
	var list []record
	for _, p := range doc.Posts {
		state := oswald.Shown
		if p.Spam {
			state = oswald.Hidden
		}
		if !p.Deleted {
			list = append(list, record{Key: p.ID, Parent: p.Parent.ID, Page: pages[p.Thread.ID], Author: p.Author,
				Text: fromHTML(p.Message), At: readTime(p.Created), State: state})
		}
	}
	return list, nil
}

func readWordPress(r io.Reader) ([]record, error) {
	var doc struct {
		Items []struct {
			Link     string `xml:"link"`
			Comments []struct {
				ID       string `xml:"comment_id"`
				Parent   string `xml:"comment_parent"`
				Author   string `xml:"comment_author"`
				Date     string `xml:"comment_date_gmt"`
				Content  string `xml:"comment_content"`
				Approved string `xml:"comment_approved"`
				Type     string `xml:"comment_type"`
			} `xml:"comment"`
		} `xml:"channel>item"`
	}
	if err := xml.NewDecoder(r).Decode(&doc); err != nil {
		return nil, err
	}
	states := map[string]oswald.CommentState{"1": oswald.Shown, "0": oswald.Queued, "spam": oswald.Hidden}
	var list []record
	for _, item := range doc.Items {
		for _, c := range item.Comments {
			state, ok := states[c.Approved]
			if !ok || c.Type != "" && c.Type != "comment" { // trash; pingbacks
				continue
			}
			list = append(list, record{Key: c.ID, Parent: c.Parent, Page: item.Link, Author: c.Author, Text: fromHTML(c.Content), At: readTime(c.Date), State: state})
		}
	}
	return list, nil
}

// readIsso reads Isso's SQLite database, which it opens read-only.
func readIsso(ctx context.Context, path string) ([]record, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: abs}).EscapedPath()+"?mode=ro")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, `SELECT c.id, coalesce(c.parent, 0), t.uri, coalesce(c.author, ''), c.text, c.created, c.modified, c.mode
		FROM comments c JOIN threads t ON t.id = c.tid ORDER BY c.id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []record
	for rows.Next() {
		var id, parent, mode int64
		var created float64
		var modified sql.NullFloat64
		r := record{State: oswald.Shown}
		if err := rows.Scan(&id, &parent, &r.Page, &r.Author, &r.Text, &created, &modified, &mode); err != nil {
			return nil, err
		}
		r.Key, r.At = strconv.FormatInt(id, 10), unixFloat(created)
		if parent != 0 {
			r.Parent = strconv.FormatInt(parent, 10)
		}
		if modified.Valid {
			at := unixFloat(modified.Float64)
			r.Edited = &at
		}
		switch mode {
		case 1:
		case 2:
			r.State = oswald.Queued
		default:
			continue // deleted there
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

func unixFloat(f float64) time.Time { return time.UnixMilli(int64(f * 1000)) }

// readTime reads the ways in which exports write a time; the zero time if none.
func readTime(s string) time.Time {
	s = strings.TrimSpace(s)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && f > 0 && f < 1e11 {
		return unixFloat(f)
	}
	return time.Time{}
}
