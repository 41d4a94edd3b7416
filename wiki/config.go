// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// Config is the [wiki] part of config.toml.
type Config struct {
	Source      string   `toml:"source" doc:"folder of Markdown pages; an Obsidian vault works unchanged"`
	Output      string   `toml:"output" doc:"folder that the site is written to; only files that a build made are ever changed or removed there"`
	State       string   `toml:"state" doc:"folder for what the builder remembers, on the same file system as output; empty means output with .state added"`
	Theme       string   `toml:"theme" doc:"folder whose files replace those of the built-in theme one by one; empty means none"`
	URL         string   `toml:"url" doc:"address of the site as readers type it, for feeds and the sitemap"`
	Title       string   `toml:"title" doc:"name of the site, at the top of every page"`
	Description string   `toml:"description" doc:"one sentence about the site, for feeds and search engines"`
	Author      string   `toml:"author" doc:"who writes, for feeds"`
	Language    string   `toml:"language" doc:"language of the pages as a tag such as en or de"`
	Nav         []string `toml:"nav" doc:"names of the pages that every page links to at its top"`
	CamelCase   bool     `toml:"camelcase" doc:"turn words like FrontPage into links where there is such a page"`
	Blog        string   `toml:"blog" doc:"folder whose dated pages are the blog; empty means no blog"`
	Macros      string   `toml:"macros" doc:"folder whose pages define macros and are not published"`
	RawHTML     bool     `toml:"raw_html" doc:"keep HTML that stands in a page; set false when strangers can write pages"`
	History     bool     `toml:"history" doc:"show below each page when and by whom it was changed, and on /changes/ what changed last, where the pages are in a git repository"`
	KeepEXIF    bool     `toml:"keep_exif" doc:"publish JPEG pictures with what the camera noted in them: place, time, device; false takes it out, the files in the source folder stay as they are"`
	Highlight   bool     `toml:"highlight" doc:"colour program text that names its language"`
	Comments    bool     `toml:"comments" doc:"link each page to its comments"`
	MaxPage     int      `toml:"max_page" doc:"largest page in bytes; a larger one is published as a notice that says so"`
	Gate        bool     `toml:"gate" doc:"hold a build back that brings broken links or loops, loses the front page or a fifth of the pages, or doubles the site; publish then puts it live all the same"`
	Publish     string   `toml:"publish" doc:"files puts each changed file in for itself, the page that was asked for first; switch exchanges the whole folder at once, which must then be no mount point"`
	Target      string   `toml:"target" doc:"where rsync brings the site after each build, as USER@HOST:/FOLDER, when another host serves it; empty means that this one does"`
	TargetSSH   string   `toml:"target_ssh" doc:"command that rsync connects by, as ssh -i /etc/oswald/site_key; empty means ssh"`
	Search      bool     `toml:"search" doc:"make an index of the words, with which readers search in their browser and you from the chat"`
	Compress    []string `toml:"compress" doc:"put compressed copies beside the files that readers load, for nginx (gzip_static, brotli_static): gzip, br or both; a build takes about a third longer with gzip and twice as long with br"`
	FeedSize    int      `toml:"feed_size" doc:"how many posts a feed holds"`
	ArchiveSize int      `toml:"archive_size" doc:"how many posts stand on one page of the archive of the blog"`
	Workers     int      `toml:"workers" doc:"pages worked on at once; 0 means one for each processor"`
}

// Defaults returns the configuration that an empty [wiki] block means.
func Defaults() Config {
	return Config{
		Source:   "pages",
		Output:   "public",
		URL:      "http://localhost:8080/",
		Title:    "Oswald",
		Language: "en",
		Blog:     "blog",
		Macros:   "macros",
		RawHTML:  true,
		Comments: true,

		Highlight: true,
		History:   true,
		Search:    true,
		Gate:      true,
		Publish:   "files",
		MaxPage:   1 << 20,
		FeedSize:  20,

		ArchiveSize: 50,
	}
}

// Validate reports every fault at once, each by the key the operator typed.
func (c Config) Validate() error {
	var errs []error
	fault := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("wiki."+key+": "+format, args...))
	}
	if c.Source == "" {
		fault("source", "name the folder that holds the pages")
	}
	if c.Output == "" {
		fault("output", "name the folder that the site is written to")
	}
	if c.Source != "" && c.Output != "" {
		if within(c.Source, c.Output) || within(c.Output, c.Source) {
			fault("output", "%s and the source %s must lie beside each other, neither inside the other", c.Output, c.Source)
		}
	}
	if c.State != "" && c.Output != "" && within(c.Output, c.State) {
		fault("state", "%s lies inside the output, where readers could fetch it", c.State)
	}
	if u, err := url.Parse(c.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		fault("url", "%q is not an http or https address", c.URL)
	}
	if strings.TrimSpace(c.Title) == "" {
		fault("title", "give the site a name")
	}
	if c.Language == "" || strings.ContainsAny(c.Language, " \t\"<>") {
		fault("language", "%q is not a language tag such as en", c.Language)
	}
	if c.MaxPage < 1<<10 || c.MaxPage > 64<<20 {
		fault("max_page", "%d is not between 1024 and 67108864", c.MaxPage)
	}
	if c.FeedSize < 1 || c.FeedSize > 1000 {
		fault("feed_size", "%d is not between 1 and 1000", c.FeedSize)
	}
	if c.ArchiveSize < 1 || c.ArchiveSize > 10000 {
		fault("archive_size", "%d is not between 1 and 10000", c.ArchiveSize)
	}
	if strings.HasPrefix(c.Target, "-") || strings.ContainsAny(c.Target, "\n\x00") {
		fault("target", "%q is no place for rsync, such as web@example.org:/srv/www", c.Target)
	}
	if c.Publish != "files" && c.Publish != "switch" {
		fault("publish", "%q is neither files nor switch", c.Publish)
	}
	for _, name := range c.Compress {
		if len(packings([]string{name})) == 0 {
			fault("compress", "%q is neither gzip nor br", name)
		}
	}
	if c.Workers < 0 || c.Workers > 1024 {
		fault("workers", "%d is not between 0 and 1024", c.Workers)
	}
	return errors.Join(errs...)
}

// within says whether inner is outer or lies inside it.
func within(outer, inner string) bool {
	a, err := filepath.Abs(outer)
	if err != nil {
		return false
	}
	b, err := filepath.Abs(inner)
	if err != nil {
		return false
	}
	return a == b || strings.HasPrefix(b, strings.TrimSuffix(a, "/")+"/")
}

// state returns the folder for what the builder remembers.
func (c Config) state() string {
	if c.State != "" {
		return c.State
	}
	return strings.TrimRight(c.Output, "/") + ".state"
}
