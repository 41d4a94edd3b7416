// SPDX-License-Identifier: GPL-3.0-or-later

package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Limits of what a speech engine may hand over.
const (
	maxWAV  = 64 << 20 // bytes
	minRate = 4000
	maxRate = 192000
)

// parseWAV reads a RIFF/WAVE file and mixes it down to one channel of samples
// in [-1, 1]. It takes PCM of 8 to 32 bits and 32-bit float.
//
// Engines that write to a pipe cannot know the length in advance and write a
// huge one or none: a size that the file does not keep means "to the end".
func parseWAV(b []byte) (rate int, mono []float32, err error) {
	if len(b) > maxWAV {
		return 0, nil, fmt.Errorf("wav: %d bytes are too many", len(b))
	}
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return 0, nil, errors.New("wav: not a RIFF/WAVE file")
	}
	var f *format
	for b = b[12:]; len(b) >= 8; {
		id, size := string(b[:4]), uint64(binary.LittleEndian.Uint32(b[4:]))
		body := b[8:]
		if id == "data" {
			if f == nil {
				return 0, nil, errors.New("wav: samples come before their format")
			}
			if size > 0 && size < uint64(len(body)) {
				body = body[:size]
			}
			return f.rate, f.decode(body), nil
		}
		if size > uint64(len(body)) {
			return 0, nil, fmt.Errorf("wav: chunk %q is cut short", id)
		}
		if id == "fmt " {
			if f, err = parseFormat(body[:size]); err != nil {
				return 0, nil, err
			}
		}
		b = body[min(size+size%2, uint64(len(body))):] // chunks begin on even offsets
	}
	return 0, nil, errors.New("wav: no samples")
}

// format is how samples are written.
type format struct {
	rate, channels, bytes int // bytes a sample
	float                 bool
}

func parseFormat(b []byte) (*format, error) {
	if len(b) < 16 {
		return nil, errors.New("wav: the format is cut short")
	}
	u16 := func(i int) int { return int(binary.LittleEndian.Uint16(b[i:])) }
	tag, bits := u16(0), u16(14)
	f := &format{rate: int(binary.LittleEndian.Uint32(b[4:])), channels: u16(2), bytes: bits / 8}
	const pcm, ieee, extensible = 1, 3, 0xfffe
	if tag == extensible && len(b) >= 26 {
		tag = u16(24) // the first bytes of the sub-format's GUID
	}
	switch {
	case tag == pcm && (bits == 8 || bits == 16 || bits == 24 || bits == 32):
	case tag == ieee && bits == 32:
		f.float = true
	default:
		return nil, fmt.Errorf("wav: encoding %d with %d bits is not known", tag, bits)
	}
	if f.rate < minRate || f.rate > maxRate || f.channels < 1 || f.channels > 8 {
		return nil, fmt.Errorf("wav: %d Hz with %d channels is not speech", f.rate, f.channels)
	}
	return f, nil
}

// decode returns the mean of the channels; a last frame that is not whole is
// left out.
func (f *format) decode(b []byte) []float32 {
	frame := f.bytes * f.channels
	mono := make([]float32, len(b)/frame)
	for i := range mono {
		var sum float32
		for c := range f.channels {
			sum += f.sample(b[i*frame+c*f.bytes:])
		}
		mono[i] = sum / float32(f.channels)
	}
	return mono
}

func (f *format) sample(b []byte) float32 {
	switch f.bytes {
	case 1:
		return (float32(b[0]) - 128) / 128
	case 2:
		return float32(int16(binary.LittleEndian.Uint16(b))) / (1 << 15)
	case 3:
		return float32(int32(b[0])<<8|int32(b[1])<<16|int32(b[2])<<24) / (1 << 31)
	}
	u := binary.LittleEndian.Uint32(b)
	if !f.float {
		return float32(int32(u)) / (1 << 31)
	}
	s := math.Float32frombits(u)
	if s != s { // not a number
		return 0
	}
	return min(max(s, -1), 1)
}

// appendHeader appends the 44 bytes before size bytes of 48 kHz S16LE samples.
func appendHeader(b []byte, channels, size int) []byte {
	le := binary.LittleEndian
	b = append(b, "RIFF"...)
	b = le.AppendUint32(b, uint32(36+size))
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, 1) // PCM
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, rate)
	b = le.AppendUint32(b, uint32(rate*channels*2))
	b = le.AppendUint16(b, uint16(channels*2))
	b = le.AppendUint16(b, 16)
	b = append(b, "data"...)
	return le.AppendUint32(b, uint32(size))
}
