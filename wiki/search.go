// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"oswald"
)

// searchWords is how many words of a question count.
const searchWords = 8

// Search finds pages by their words, in the index that the last build has put
// into the output, and as search.js does in the browser: the pages that have all
// words or longer ones, or else some of them. It may be called while a build
// runs.
func (s *Site) Search(query string, limit int) (oswald.Found, error) {
	var found oswald.Found
	words := splitTerms(cut(query, 400))
	slices.Sort(words)
	words = slices.Compact(words)
	words = words[:min(len(words), searchWords)]
	if len(words) == 0 {
		return found, oswald.Errorf(oswald.Invalid, "Name a word to search for, of two letters at least.")
	}
	if !s.cfg.Search {
		return found, oswald.Errorf(oswald.Unavailable, "There is no index to search in: set wiki.search and rebuild.")
	}
	root, err := os.OpenRoot(s.cfg.Output)
	if err != nil {
		return found, oswald.Wrap(err, oswald.NotFound, "The site has not been built yet: say rebuild.")
	}
	defer root.Close()
	var sh shape
	if err := readJSON(root, "search/index.json", &sh); err != nil {
		return found, oswald.Wrap(err, oswald.NotFound, "The site has no index yet: say rebuild.")
	}
	if sh.Letters < 1 || sh.Letters > 8 || sh.IDs < 0 || sh.IDs > idSize {
		return found, damagedIndex(fmt.Errorf("shape %+v", sh))
	}
	sum, count := map[string]float64{}, map[string]int{}
	for _, word := range words {
		points, err := lookup(root, sh, word)
		if err != nil {
			return found, damagedIndex(err)
		}
		rare := math.Log(1 + float64(sh.Pages)/float64(max(len(points), 1)))
		for id, p := range points {
			sum[id] += rare * p / (p + 2)
			count[id]++
		}
	}
	var ids, some []string
	for id := range sum {
		some = append(some, id)
		if count[id] == len(words) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		ids, found.Part = some, len(some) > 0
	}
	sort.Slice(ids, func(i, j int) bool {
		if a, b := sum[ids[i]], sum[ids[j]]; a != b {
			return a > b
		}
		return ids[i] < ids[j]
	})
	found.Total = len(ids)
	for _, id := range ids[:min(len(ids), max(limit, 0))] {
		rows := map[string][][3]string{}
		if err := readJSON(root, sh.pageFile(id), &rows); err != nil {
			return found, damagedIndex(err)
		}
		for _, r := range rows[id] {
			key := strings.Trim(strings.TrimPrefix(r[1], s.base), "/")
			if key == "" {
				key = "index"
			}
			found.Hits = append(found.Hits, oswald.Hit{Key: key, Title: r[0], URL: r[1], Summary: r[2]})
		}
	}
	return found, nil
}

func damagedIndex(err error) error {
	return oswald.Wrap(err, oswald.Internal, "The index of the words is damaged: say rebuild.")
}

func readJSON(root *os.Root, name string, into any) error {
	data, err := root.ReadFile(filepath.FromSlash(name))
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// lookup reads which pages have a word or a longer one, and their points.
func lookup(root *os.Root, sh shape, word string) (map[string]float64, error) {
	points := map[string]float64{}
	data, err := root.ReadFile(sh.wordFile(word))
	if errors.Is(err, fs.ErrNotExist) {
		return points, nil
	}
	if err != nil {
		return nil, err
	}
	letters := utf8.RuneCountInString(word)
	longer := letters >= max(sh.Letters, 2)
	for line := range bytes.Lines(data) {
		w, list, ok := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
		if !ok || len(list)%(idSize+1) != 0 {
			return nil, errors.New("a line of a file of words is damaged")
		}
		part := 1.0
		if string(w) != word {
			if !longer || !bytes.HasPrefix(w, []byte(word)) {
				continue
			}
			part = .5 * float64(len(word)) / float64(len(w))
		}
		for ; len(list) > 0; list = list[idSize+1:] {
			id := string(list[:idSize])
			points[id] = max(points[id], part*float64(list[idSize]-'0'))
		}
	}
	return points, nil
}
