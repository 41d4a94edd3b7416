// SPDX-License-Identifier: GPL-3.0-or-later

package sensors

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	simID   = "28-0000051a0b1d"
	simName = "kitchen"
	simHelp = "auto\n"
)

// A simulator keeps a folder in the form of the kernel's 1-wire tree, with one
// probe in it, so that the reader of real probes reads it too. Its file "set"
// says what the probe measures: a number of degrees, "auto" for a value that
// moves slowly by itself, or a fault: gone, empty, crc, short, poweron.
type simulator struct{ dir string }

// newSimulator makes the folder. A "set" that is there stays as it is.
func newSimulator(dir string) (*simulator, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	s := &simulator{dir}
	_, err := os.Stat(s.set())
	if errors.Is(err, fs.ErrNotExist) {
		err = os.WriteFile(s.set(), []byte(simHelp), 0o644)
	}
	return s, err
}

func (s *simulator) set() string { return filepath.Join(s.dir, "set") }

// render writes what the kernel would show at the moment now.
func (s *simulator) render(now time.Time) error {
	b, err := readSmall(s.set())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text := strings.ToLower(strings.TrimSpace(string(b)))
	celsius := drift(now)
	if v, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64); err == nil && v >= -55 && v <= 125 {
		celsius = v
	}
	slave, value := slaveText(celsius)
	switch text {
	case "gone":
		return os.RemoveAll(filepath.Join(s.dir, simID))
	case "empty":
		slave, value = "", ""
	case "crc":
		slave = strings.ReplaceAll(slave, "YES", "NO")
	case "short":
		slave, value = "00 00 00 00 00 00 00 00 00 : crc=00 YES\n00 00 00 00 00 00 00 00 00 t=0\n", "0\n"
	case "poweron":
		slave, value = "50 05 4b 46 7f ff 0c 10 1c : crc=1c YES\n50 05 4b 46 7f ff 0c 10 1c t=85000\n", "85000\n"
	}
	dir := filepath.Join(s.dir, simID)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return errors.Join(replace(filepath.Join(dir, "w1_slave"), slave), replace(filepath.Join(dir, "temperature"), value))
}

// replace puts text into a file so that a reader sees the old or the new whole.
func replace(path, text string) error {
	if err := os.WriteFile(path+"~", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(path+"~", path)
}

// drift is the temperature of a room that nobody lives in.
func drift(now time.Time) float64 {
	h := float64(now.UnixMilli()) / 3.6e6
	return 21.2 + 0.7*math.Sin(2*math.Pi*h/5) + 0.15*math.Sin(2*math.Pi*h/0.6)
}

// slaveText is the content of w1_slave and of temperature for a value, in steps
// of 1/16 °C as at a resolution of 12 bit.
func slaveText(celsius float64) (slave, value string) {
	raw := int16(math.Round(celsius * 16))
	pad := []byte{byte(raw), byte(raw >> 8), 0x4b, 0x46, 0x7f, 0xff, 0x10, 0x10}
	sum := crc8(pad)
	pad = append(pad, sum)
	milli := int(raw) * 1000 / 16
	hex := fmt.Sprintf("% x", pad)
	return fmt.Sprintf("%s : crc=%02x YES\n%s t=%d\n", hex, sum, hex, milli), fmt.Sprintf("%d\n", milli)
}

// crc8 is the checksum of 1-wire: polynomial 0x8c, reflected.
func crc8(b []byte) byte {
	var crc byte
	for _, x := range b {
		crc ^= x
		for range 8 {
			low := crc & 1
			if crc >>= 1; low != 0 {
				crc ^= 0x8c
			}
		}
	}
	return crc
}
