// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// A pageList tells the comment server which pages there are, from the
// pages.json that the site role writes: out of the output folder where that is
// on this machine, over HTTP from the site's own address elsewhere. Safe for
// concurrent use.
type pageList struct {
	file string // may be empty
	url  string
	log  *slog.Logger
	http *http.Client

	mu      sync.Mutex
	pages   map[string]listedPage
	modTime time.Time // of file
	fetched time.Time // over HTTP
}

// listedPage is one entry of pages.json.
type listedPage struct {
	Key   string `json:"key"`
	URL   string `json:"url"`
	Title string `json:"title"`
}

const (
	pageListMax   = 32 << 20
	pageListFresh = 30 * time.Second // between two fetches
)

func newPageList(output, siteURL string, log *slog.Logger) *pageList {
	p := &pageList{log: log, http: &http.Client{Timeout: 5 * time.Second}, url: strings.TrimSuffix(siteURL, "/") + "/pages.json"}
	if output != "" {
		p.file = filepath.Join(output, "pages.json")
	}
	return p
}

// Page looks a page up by its key.
func (p *pageList) Page(key string) (title, url string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.refresh(); err != nil {
		p.log.Warn("list of pages", "err", err)
	}
	page, ok := p.pages[key]
	return page.Title, page.URL, ok
}

// refresh reads the list again if there is a newer one. The old one stays in
// use where that fails.
func (p *pageList) refresh() error {
	if p.file != "" {
		fi, err := os.Stat(p.file)
		if err == nil {
			if fi.ModTime().Equal(p.modTime) && p.pages != nil {
				return nil
			}
			f, err := os.Open(p.file)
			if err != nil {
				return err
			}
			defer f.Close()
			p.modTime = fi.ModTime()
			return p.decode(f)
		}
	}
	if time.Since(p.fetched) < pageListFresh {
		return nil
	}
	p.fetched = time.Now()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, p.url, nil)
	if err != nil {
		return err
	}
	res, err := p.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", p.url, res.Status)
	}
	return p.decode(res.Body)
}

func (p *pageList) decode(r io.Reader) error {
	var list []listedPage
	if err := json.NewDecoder(io.LimitReader(r, pageListMax)).Decode(&list); err != nil {
		return err
	}
	p.pages = make(map[string]listedPage, len(list))
	for _, page := range list {
		p.pages[page.Key] = page
	}
	return nil
}
