// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"encoding/binary"
	"io"
	"path"
	"strings"
)

// segment is the start of a JPEG file, marker by marker (ITU-T T.81, B.1.1):
// everything before the picture itself.
type segment struct {
	marker byte
	data   []byte // with marker and length
}

// segments takes the start of a JPEG file apart. rest is the picture itself, from
// its marker SOS on; ok is false where the file is something else.
func segments(b []byte) (list []segment, rest []byte, ok bool) {
	if !bytes.HasPrefix(b, []byte{0xff, 0xd8}) {
		return nil, b, false
	}
	rest = b[2:]
	for {
		for len(rest) > 1 && rest[0] == 0xff && rest[1] == 0xff { // fill bytes
			rest = rest[1:]
		}
		if len(rest) < 4 || rest[0] != 0xff {
			return list, rest, false
		}
		m := rest[1]
		if m == 0xda || m == 0xd9 {
			return list, rest, true
		}
		n := 2 + int(binary.BigEndian.Uint16(rest[2:]))
		if n < 4 || n > len(rest) {
			return list, rest, false
		}
		list = append(list, segment{m, rest[:n]})
		rest = rest[n:]
	}
}

var exifHead = []byte("Exif\x00\x00")

// orientation returns how a JPEG picture is to be turned (Exif 2.32, tag 0x0112):
// 1 to 8, or 0 where it does not say.
func orientation(b []byte) int {
	list, _, _ := segments(b)
	for _, s := range list {
		if s.marker == 0xe1 && bytes.HasPrefix(s.data[4:], exifHead) {
			return orientationOf(s.data[4+len(exifHead):])
		}
	}
	return 0
}

// orientationOf reads the tag from the first directory of a TIFF block.
func orientationOf(t []byte) int {
	if len(t) < 8 {
		return 0
	}
	var order binary.ByteOrder = binary.LittleEndian
	if t[0] == 'M' {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(t[4:]))
	if at < 8 || at+2 > int64(len(t)) {
		return 0
	}
	for n := order.Uint16(t[at:]); n > 0; n-- {
		e := at + 2 + 12*int64(n-1)
		if e+12 > int64(len(t)) || order.Uint16(t[e:]) != 0x0112 {
			continue
		}
		if v := int(order.Uint16(t[e+8:])); v >= 1 && v <= 8 {
			return v
		}
		return 0
	}
	return 0
}

// stripped says whether what a camera wrote is taken out of a file: where a
// picture was taken is nobody's business but its owner's.
func stripped(file string) bool {
	switch strings.ToLower(path.Ext(file)) {
	case ".jpg", ".jpeg":
		return true
	}
	return false
}

// maxCamera is the longest start of a picture that is looked through.
const maxCamera = 4 << 20

// strip returns a JPEG file without what camera and programs noted in it: place,
// time, device, small pictures, comments. How the picture is to be turned stays,
// and so do its colours. The picture itself is not touched. What cannot be read
// comes as it is.
func strip(in io.ReadCloser) (io.ReadCloser, error) {
	head, err := io.ReadAll(io.LimitReader(in, maxCamera))
	if err != nil {
		in.Close()
		return nil, err
	}
	list, rest, ok := segments(head)
	if !ok {
		return &joined{io.MultiReader(bytes.NewReader(head), in), in}, nil
	}
	out := []byte{0xff, 0xd8}
	for _, s := range list {
		body := s.data[4:]
		switch {
		case s.marker == 0xe1 && bytes.HasPrefix(body, exifHead):
			if o := orientationOf(body[len(exifHead):]); o > 1 {
				out = append(out, turned(o)...)
			}
		case s.marker == 0xe1, s.marker == 0xed, s.marker == 0xfe: // XMP, IPTC, comments
		case s.marker == 0xe2 && !bytes.HasPrefix(body, []byte("ICC_PROFILE\x00")): // further pictures
		case s.marker >= 0xe3 && s.marker <= 0xec, s.marker == 0xef: // notes of makers; APP14 says how colours are coded
		default:
			out = append(out, s.data...)
		}
	}
	return &joined{io.MultiReader(bytes.NewReader(out), bytes.NewReader(rest), in), in}, nil
}

// turned is an Exif block that says how a picture is to be turned, and no more.
func turned(orientation int) []byte {
	b := []byte{0xff, 0xe1, 0, 34}
	b = append(b, exifHead...)
	b = append(b, 'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1) // one entry
	b = append(b, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, byte(orientation), 0, 0)
	return append(b, 0, 0, 0, 0) // no further directory
}

// joined reads from one and closes the other.
type joined struct {
	io.Reader
	io.Closer
}
