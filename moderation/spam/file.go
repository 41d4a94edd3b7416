// SPDX-License-Identifier: GPL-3.0-or-later

package spam

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"
)

// The model file: 8 bytes of name, a version, the SHA-256 of what the model
// started from, the body, and the SHA-256 of all before it. The body is numbers
// as binary.AppendUvarint writes them: the message counts; the features by
// ascending key, each as the distance from the one before, spam and ham; the
// weights that are not nought likewise, each with its two float32 bit patterns;
// and the labels, each as distance of its number and kind. It holds no text, so
// a comment that is erased leaves none behind.
const (
	fileMagic   = "oswaldSF"
	fileVersion = 1
	headerSize  = len(fileMagic) + 4 + sha256.Size
	maxModel    = 64 << 20
)

var (
	errNotModel = errors.New("not a spam model")
	errOlder    = errors.New("made by another version or from another start")
	errDamaged  = errors.New("damaged: its checksum is wrong")
)

func encodeModel(m *model, known *memory) []byte {
	n := 0
	for _, w := range m.lr {
		if w.a != 0 {
			n++
		}
	}
	// Room for nearly all at once: a growing slice would take it twice.
	b := make([]byte, 0, 256+6*m.counts.used+10*n+4*len(known.list))
	b = append(b, fileMagic...)
	b = binary.BigEndian.AppendUint32(b, fileVersion)
	b = append(b, m.start.setup[:]...)
	put := func(v uint64) { b = binary.AppendUvarint(b, v) }

	put(uint64(m.counts.spam))
	put(uint64(m.counts.ham))
	features := m.counts.sorted()
	put(uint64(len(features)))
	last := uint32(0)
	for _, c := range features {
		put(uint64(c.key - last))
		put(uint64(c.spam))
		put(uint64(c.ham))
		last = c.key
	}

	put(uint64(n))
	last = 0
	for i, w := range m.lr {
		if w.a != 0 {
			put(uint64(uint32(i) - last))
			b = binary.BigEndian.AppendUint32(b, math.Float32bits(w.w))
			b = binary.BigEndian.AppendUint32(b, math.Float32bits(w.a))
			last = uint32(i)
		}
	}

	put(uint64(len(known.list)))
	var before int64
	for _, e := range known.list {
		spam := uint64(0)
		if e.spam {
			spam = 1
		}
		put(uint64(e.n - before))
		put(spam)
		before = e.n
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

func decodeModel(b []byte, o *origin) (*model, memory, error) {
	var known memory
	if len(b) < headerSize+sha256.Size || string(b[:len(fileMagic)]) != fileMagic {
		return nil, known, errNotModel
	}
	body, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return nil, known, errDamaged
	}
	if v := binary.BigEndian.Uint32(body[len(fileMagic):]); v != fileVersion {
		return nil, known, fmt.Errorf("version %d: %w", v, errOlder)
	}
	if !bytes.Equal(body[headerSize-sha256.Size:headerSize], o.setup[:]) {
		return nil, known, errOlder
	}
	r := reader{b: body[headerSize:]}
	m := newModel(o)
	m.counts.spam, m.counts.ham = int(r.uvarint()), int(r.uvarint())
	key := uint32(0)
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		key += uint32(r.uvarint())
		spam, ham := r.uvarint(), r.uvarint()
		m.counts.put(key, uint32(spam), uint32(ham))
	}
	at := uint32(0)
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		at += uint32(r.uvarint())
		w := weight{r.float32(), r.float32()}
		if at >= 1<<tableBits {
			r.bad = true
			break
		}
		m.lr[at] = w
	}
	number := int64(0)
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		number += int64(r.uvarint())
		known.put(number, r.uvarint() == 1, "")
	}
	if r.bad || len(r.b) > 0 {
		return nil, memory{}, errDamaged
	}
	return m, known, nil
}

// reader reads numbers and notes whether they ran out.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) float32() float32 {
	if len(r.b) < 4 {
		r.bad = true
		return 0
	}
	v := math.Float32frombits(binary.BigEndian.Uint32(r.b))
	r.b = r.b[4:]
	return v
}

func loadModel(name string, o *origin) (*model, memory, time.Time, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, memory{}, time.Time{}, err
	}
	b, err := readLimited(name, maxModel)
	if err != nil {
		return nil, memory{}, time.Time{}, err
	}
	m, known, err := decodeModel(b, o)
	return m, known, st.ModTime(), err
}

// saveModel replaces the file at once and for good: after a power cut it is the
// old model or the new one.
func saveModel(name string, b []byte) (err error) {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	t, err := os.CreateTemp(dir, filepath.Base(name)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(t.Name())
		}
	}()
	_, err = t.Write(b)
	if err == nil {
		err = t.Sync()
	}
	if err = errors.Join(err, t.Close()); err != nil {
		return err
	}
	if err := os.Rename(t.Name(), name); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
