// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"path"
	"strings"
)

// hints are the fragments after the name of a picture that say how it looks.
var hints = map[string]bool{"icon": true, "interface": true, "outline": true, "invert": true}

// media writes a picture, sound, film or a link to a file.
func (x *expander) media(out *bytes.Buffer, c place, target, section, label string, line int) {
	file := x.file(c, target)
	if file == "" {
		out.WriteString(`<span class="missing" title="There is no file “` + esc(target) + `”">` + esc(target) + `</span>`)
		x.warn(c, line, "the file %q is missing", target)
		return
	}
	url := x.b.markup.base + esc(fileURL(file))
	name := strings.TrimSuffix(path.Base(file), path.Ext(file))
	alt, size := label, ""
	if i := strings.LastIndexByte(label, '|'); i >= 0 {
		if size = imageSize(label[i+1:]); size != "" {
			alt = label[:i]
		}
	} else if size = imageSize(label); size != "" {
		alt = ""
	}
	class := ""
	if h := fold(section); hints[h] {
		class = ` class="` + h + `"`
	}
	switch fileTypes[strings.ToLower(path.Ext(file))] {
	case "image":
		if alt == "" && class != ` class="icon"` {
			alt = name
		}
		out.WriteString(`<img src="` + url + `" alt="` + esc(alt) + `"` + x.sized(file, size) + class + ` loading="lazy">`)
	case "audio":
		out.WriteString(`<audio controls preload="none" src="` + url + `" aria-label="` + esc(name) + `"></audio>`)
	case "video":
		out.WriteString(`<video controls preload="metadata" src="` + url + `" aria-label="` + esc(name) + `"` + size + `></video>`)
	default:
		if alt == "" {
			alt = path.Base(file)
		}
		out.WriteString(`<a class="file" href="` + url + `">` + esc(alt) + `</a>`)
	}
}
