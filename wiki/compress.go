// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"io"
	"path"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
)

// Files that readers load may lie compressed beside themselves, as PAGE.gz and
// PAGE.br, from where nginx (gzip_static) and Handler send them. They are files
// of the build like others: in the manifest, written only when what they are
// made of has changed, and gone together with it.

// packing is one way to compress.
type packing struct {
	name, ext string
	pool      *sync.Pool // of packers
}

// packer is what the writers of both libraries have in common.
type packer interface {
	io.WriteCloser
	Reset(io.Writer)
}

// How hard to try. Both are where more effort begins to cost much and gain little.
const (
	gzipLevel   = 5
	brotliLevel = 5
)

// packings returns the ways that names name.
func packings(names []string) (list []packing) {
	for _, n := range names {
		switch n {
		case "gzip":
			list = append(list, packing{n, ".gz", &sync.Pool{New: func() any {
				w, err := gzip.NewWriterLevel(nil, gzipLevel)
				if err != nil {
					panic(err) // the level is a constant
				}
				return packer(w)
			}}})
		case "br":
			list = append(list, packing{n, ".br", &sync.Pool{New: func() any {
				return packer(brotli.NewWriterLevel(nil, brotliLevel))
			}}})
		}
	}
	return list
}

// pack appends data, compressed, to to. The same data always gives the same bytes.
func (k packing) pack(to *bytes.Buffer, data []byte) error {
	w := k.pool.Get().(packer)
	defer k.pool.Put(w)
	w.Reset(to)
	if _, err := w.Write(data); err != nil {
		return err
	}
	return w.Close()
}

// What is worth compressing: texts of some length, and not so long that they do
// not fit memory.
const (
	packMin = 512
	packMax = 8 << 20
)

func packable(name string, size int64) bool {
	if size < packMin || size > packMax {
		return false
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".html", ".css", ".js", ".json", ".xml", ".txt", ".svg", ".webmanifest":
		return true
	}
	return false
}

// packed puts the compressed forms of the file at p, which is data, beside it.
// same says that it is what it was: then they are too, where they are there.
func (o *output) packed(p string, data []byte, same bool) error {
	if !packable(p, int64(len(data))) {
		return nil
	}
	for _, k := range o.packing {
		q := p + k.ext
		if o.reserved[q] {
			continue // the source folder has its own
		}
		if (same || o.blind) && o.has(q) {
			o.keep(q)
			continue
		}
		b := buffers.Get().(*bytes.Buffer)
		b.Reset()
		err := k.pack(b, data)
		if err == nil && b.Len() < len(data) {
			_, err = o.putOne(q, b.Bytes(), "-")
		}
		buffers.Put(b)
		if err != nil {
			return err
		}
	}
	return nil
}

// plainName is the name of the file of which name holds a compressed form, or name.
func plainName(name string) string {
	if strings.HasSuffix(name, ".gz") || strings.HasSuffix(name, ".br") {
		return name[:len(name)-3]
	}
	return name
}
