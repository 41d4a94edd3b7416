// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"io"

	"oswald"
)

// The source of a page is larger than an answer on the bus, so it travels
// compressed and in parts; so does what an edit changes.

// partSize is how much of a compressed source fits an answer, in base64.
const partSize = 5400

// unpackedMax bounds what compressed bytes may grow to.
const unpackedMax = 64 << 20

type sourceArgs struct {
	Page string `json:"page"`
	From int    `json:"from,omitempty"` // of the compressed source
}

// packedPart is a part of a compressed source.
type packedPart struct {
	Hash string `json:"hash"` // of the whole source
	Size int    `json:"size"` // of the whole, compressed
	Data []byte `json:"data"`
}

type editArgs struct {
	Page   string `json:"page"`
	Was    string `json:"was"`
	Now    string `json:"now"`
	Author string `json:"author,omitempty"`
	Note   string `json:"note,omitempty"`
	Packed []byte `json:"packed"` // the splices
}

func deflate(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(b)
	err = errors.Join(err, w.Close())
	return out.Bytes(), err
}

func inflate(b []byte) ([]byte, error) {
	r := flate.NewReader(bytes.NewReader(b))
	defer r.Close()
	out, err := io.ReadAll(io.LimitReader(r, unpackedMax+1))
	if err == nil && len(out) > unpackedMax {
		err = io.ErrShortBuffer
	}
	return out, err
}

func sourcePart(src oswald.PageSource, from int) (packedPart, error) {
	b, err := deflate([]byte(src.Text))
	if err != nil {
		return packedPart{}, err
	}
	if from < 0 || from >= len(b) {
		return packedPart{}, oswald.Errorf(oswald.Conflict, "The page changed while it was read: try again.")
	}
	return packedPart{Hash: src.Hash, Size: len(b), Data: b[from:min(len(b), from+partSize)]}, nil
}

func unpackSource(b []byte, hash string) (oswald.PageSource, error) {
	text, err := inflate(b)
	if err != nil || oswald.TextHash(string(text)) != hash {
		return oswald.PageSource{}, oswald.Wrap(err, oswald.Conflict, "The page changed while it was read: try again.")
	}
	return oswald.PageSource{Text: string(text), Hash: hash}, nil
}

func packEdit(e oswald.PageEdit) (editArgs, error) {
	b, err := json.Marshal(e.Splices)
	if err != nil {
		return editArgs{}, err
	}
	a := editArgs{Page: e.Page, Was: e.Was, Now: e.Now, Author: cut(e.Author, 60), Note: cut(e.Note, 200)}
	a.Packed, err = deflate(b)
	return a, err
}

func (a editArgs) edit() (oswald.PageEdit, error) {
	e := oswald.PageEdit{Page: a.Page, Was: a.Was, Now: a.Now, Author: a.Author, Note: a.Note}
	b, err := inflate(a.Packed)
	if err == nil {
		err = json.Unmarshal(b, &e.Splices)
	}
	if err != nil {
		return e, oswald.Wrap(err, oswald.Invalid, "The edit arrived damaged; nothing was changed.")
	}
	return e, nil
}
