// SPDX-License-Identifier: GPL-3.0-or-later

package audio

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

// riff builds a WAV file; size is what the data chunk claims.
func riff(tag, channels, rate, bits int, size uint32, data string, before ...string) string {
	le := binary.LittleEndian
	var b []byte
	b = le.AppendUint16(b, uint16(tag))
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(rate*channels*bits/8))
	b = le.AppendUint16(b, uint16(channels*bits/8))
	b = le.AppendUint16(b, uint16(bits))
	chunk := func(id, body string) string { return id + string(le.AppendUint32(nil, uint32(len(body)))) + body }
	return "RIFF\x00\x00\x00\x00WAVE" + chunk("fmt ", string(b)) + strings.Join(before, "") +
		"data" + string(le.AppendUint32(nil, size)) + data
}

func TestParseWAV(t *testing.T) {
	test := func(name, file string, wantRate int, want ...float32) {
		t.Helper()
		r, mono, err := parseWAV([]byte(file))
		if err != nil || r != wantRate || len(mono) != len(want) {
			t.Errorf("%s: %d Hz, %v, %v", name, r, mono, err)
			return
		}
		for i := range want {
			if math.Abs(float64(mono[i]-want[i])) > 1e-6 {
				t.Errorf("%s: sample %d is %v, want %v", name, i, mono[i], want[i])
			}
		}
	}
	test("16 bit", riff(1, 1, 22050, 16, 4, "\x00\x40\x00\x80"), 22050, 0.5, -1)
	test("8 bit", riff(1, 1, 8000, 8, 3, "\x80\xc0\x00"), 8000, 0, 0.5, -1)
	test("24 bit", riff(1, 1, 44100, 24, 6, "\x00\x00\x40\x00\x00\x80"), 44100, 0.5, -1)
	test("32 bit", riff(1, 1, 48000, 32, 8, "\x00\x00\x00\x40\x00\x00\x00\x80"), 48000, 0.5, -1)
	test("float", riff(3, 1, 48000, 32, 12, "\x00\x00\x00\x3f\x00\x00\xc0\x7f\x00\x00\x00\x40"), 48000, 0.5, 0, 1)
	test("stereo is mixed", riff(1, 2, 48000, 16, 8, "\x00\x40\x00\x00\x00\x40\x00\x40"), 48000, 0.25, 0.5)
	test("pipe: huge size", riff(1, 1, 22050, 16, 0x7ffff000, "\x00\x40"), 22050, 0.5)
	test("pipe: no size", riff(1, 1, 22050, 16, 0, "\x00\x40"), 22050, 0.5)
	test("something after the samples", riff(1, 1, 22050, 16, 2, "\x00\x40LIST\x00\x00\x00\x00"), 22050, 0.5)
	test("odd chunk before", riff(1, 1, 22050, 16, 2, "\x00\x40", "LIST\x03\x00\x00\x00abc\x00"), 22050, 0.5)
	test("half a sample", riff(1, 1, 22050, 16, 3, "\x00\x40\x00"), 22050, 0.5)
	test("nothing", riff(1, 1, 22050, 16, 0, ""), 22050)

	bad := func(name, file, want string) {
		t.Helper()
		if _, _, err := parseWAV([]byte(file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	bad("empty", "", "not a RIFF")
	bad("text", "Content-Type: text/plain", "not a RIFF")
	bad("no data", riff(1, 1, 22050, 16, 0, "")[:36], "no samples")
	bad("mu-law", riff(7, 1, 8000, 8, 1, "x"), "encoding 7")
	bad("12 bit", riff(1, 1, 8000, 12, 2, "xx"), "12 bits")
	bad("no channels", riff(1, 0, 8000, 16, 2, "xx"), "not speech")
	bad("1 Hz", riff(1, 1, 1, 16, 2, "xx"), "not speech")
	bad("4 GHz", riff(1, 1, -1, 16, 2, "xx"), "not speech")
	bad("cut chunk", riff(1, 1, 8000, 16, 2, "xx", "LIST\xff\x00\x00\x00")[:48], "cut short")
	bad("data first", "RIFF\x00\x00\x00\x00WAVEdata\x02\x00\x00\x00xx", "before their format")
}

func TestHeaderIsRead(t *testing.T) {
	r, mono, err := parseWAV(append(appendHeader(nil, 2, 8), "\x00\x40\x00\x40\x00\x20\x00\x20"...))
	if err != nil || r != rate || len(mono) != 2 || mono[0] != 0.5 || mono[1] != 0.25 {
		t.Error(r, mono, err)
	}
}

func FuzzParseWAV(f *testing.F) {
	f.Add([]byte(riff(1, 1, 22050, 16, 4, "\x00\x40\x00\x80")))
	f.Add([]byte(riff(3, 2, 48000, 32, 8, "\x00\x00\x00\x3f\x00\x00\xc0\x7f")))
	f.Add([]byte(riff(1, 8, 192000, 24, 0x7ffff000, "abc", "LIST\x03\x00\x00\x00abc\x00")))
	f.Add([]byte(riff(0xfffe, 1, 44100, 16, 2, "ab")))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, mono, err := parseWAV(b)
		if err != nil {
			return
		}
		if r < minRate || r > maxRate || len(mono) > len(b) {
			t.Fatalf("%d Hz, %d samples of %d bytes", r, len(mono), len(b))
		}
		for i, s := range mono {
			if !(s >= -1 && s <= 1) {
				t.Fatalf("sample %d is %v", i, s)
			}
		}
	})
}
