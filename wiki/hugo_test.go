// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

// hugoTheme makes Hugo write what a build of ours writes: the same elements of a
// page, its table of contents, the pages that link to it, lists of tags with
// dates and summaries, a feed of each tag, the site map, the list of all pages.
// Backlinks are gathered once for all pages, which is the fast way to do it; the
// usual one, which asks every page about every other, takes minutes. The words
// around a link are left out, since Hugo has no way to find them.
var hugoTheme = map[string]string{
	"config.toml": `baseURL = 'https://example.org/'
title = 'Test'
disableKinds = ['section']
[taxonomies]
tag = 'tags'
[services.rss]
limit = 20
[outputs]
home = ['HTML', 'RSS', 'JSON']
[markup.tableOfContents]
startLevel = 1
endLevel = 3
`,
	"layouts/_default/baseof.html": `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ .Title }}{{ if ne .Title site.Title }} – {{ site.Title }}{{ end }}</title>
{{ with .Summary }}<meta name="description" content="{{ . | plainify | truncate 200 }}">{{ end }}
<meta name="color-scheme" content="light dark">
<link rel="canonical" href="{{ .Permalink }}">
<link rel="stylesheet" href="/style.css">
<link rel="alternate" type="application/rss+xml" title="{{ site.Title }}" href="/index.xml">
</head>
<body class="{{ .Kind }}">
<a class="skip" href="#main">Skip to the text</a>
<header class="site"><a class="name" href="/">{{ site.Title }}</a></header>
<main id="main">
{{ block "main" . }}{{ end }}
</main>
<footer class="site"><nav aria-label="More"><a href="/tags/">Tags</a><a href="/index.xml">Feed</a></nav></footer>
</body>
</html>
`,
	"layouts/_default/single.html": `{{ define "main" }}<article>
<h1>{{ .Title }}</h1>
<p class="meta"><time datetime="{{ .Date.Format "2006-01-02" }}">{{ .Date.Format "2006-01-02" }}</time></p>
<details class="contents"><summary>Contents</summary><nav>{{ .TableOfContents }}</nav></details>
{{ .Content }}
</article>
<footer class="page">
{{ with .Params.tags }}<p class="tagline"><span>Tags</span>{{ range . }} <a class="tag" href="/tags/{{ . }}/">#{{ . }}</a>{{ end }}</p>{{ end }}
<p><a class="comments" href="/c{{ .RelPermalink }}">Comments on this page</a></p>
{{ $all := partialCached "backlinks.html" . }}
{{ with index $all (path.BaseName .File.Path | lower) }}<section class="linked"><h2 id="linked">Pages that link here</h2>
<ul>
{{ range . }}<li><a href="{{ .RelPermalink }}">{{ .Title }}</a></li>
{{ end }}</ul></section>{{ end }}
</footer>{{ end }}
`,
	"layouts/partials/backlinks.html": `{{ $s := newScratch }}
{{ range site.RegularPages.ByTitle }}
{{ $p := . }}
{{ range findRE "\\]\\([^)]*\\.md\\)" .RawContent | uniq }}
{{ $s.Add (. | strings.TrimPrefix "](" | strings.TrimSuffix ".md)" | lower) (slice $p) }}
{{ end }}
{{ end }}
{{ return $s.Values }}
`,
	"layouts/_default/list.html": `{{ define "main" }}<article><h1>{{ .Title }}</h1>
<ul class="pages">
{{ range .Pages }}<li><a href="{{ .RelPermalink }}">{{ .Title }}</a> <time datetime="{{ .Date.Format "2006-01-02" }}">{{ .Date.Format "2 January 2006" }}</time><p>{{ .Summary | plainify | truncate 200 }}</p></li>
{{ end }}</ul></article>{{ end }}
`,
	"layouts/index.json": `[{{ range $i, $p := site.RegularPages }}{{ if $i }},{{ end }}
{{ dict "key" (path.BaseName .File.Path) "url" .RelPermalink "title" .Title | jsonify }}{{ end }}
]
`,
}
