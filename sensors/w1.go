// SPDX-License-Identifier: GPL-3.0-or-later

package sensors

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"oswald"
)

// families are the family codes of the thermometers that the kernel's w1_therm
// drives: DS18B20, DS18S20, DS1822, DS1825, DS28EA00.
var families = []string{"28", "10", "22", "3b", "42"}

// The ways in which a probe fails to have a value. The kernel reports most of
// them as a successful read, some even with a valid checksum.
var (
	errEmpty    = oswald.Errorf(oswald.Unavailable, "does not answer; check its plug and the 4.7 kΩ resistor")
	errGone     = oswald.Errorf(oswald.NotFound, "is not on the bus; check its plug")
	errCRC      = oswald.Errorf(oswald.Unavailable, "answers with errors; check the length and the shielding of its cable")
	errShorted  = oswald.Errorf(oswald.Unavailable, "reads all zeros: its data line is shorted to ground")
	errPowerOn  = oswald.Errorf(oswald.Unavailable, "gives 85 °C, its value after power-on; check its supply")
	errNoPower  = oswald.Errorf(oswald.Unavailable, "gets too little power to measure; connect its supply pin")
	errRange    = oswald.Errorf(oswald.Unavailable, "gives a value that no probe can measure")
	errStrange  = oswald.Errorf(oswald.Unavailable, "answers with something that is no temperature")
	errHung     = oswald.Errorf(oswald.Unavailable, "does not answer in time; the bus is stuck")
	errNoAccess = oswald.Errorf(oswald.Forbidden, "may not be read; run oswald as a user who may")
)

// A sample is what a probe said.
type sample struct {
	milli   int  // thousandths of a degree
	powerOn bool // it may be the power-on value: 85 °C
}

// findProbes lists the ids of the thermometers below root, sorted. A phantom
// that a shorted bus makes up has only zeros for a serial number.
func findProbes(root string) ([]string, error) {
	list, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range list {
		if id := e.Name(); idForm(id) && !strings.HasSuffix(id, "-000000000000") {
			ids = append(ids, id)
		}
	}
	return slices.Sorted(slices.Values(ids)), nil
}

// readProbe reads one probe through the kernel's files in dir: w1_slave, which
// shows the checksum and the raw bytes, else temperature. It blocks as long as
// the kernel does, 0.8 s for a healthy probe.
func readProbe(dir string) (sample, error) {
	b, err := readSmall(filepath.Join(dir, "w1_slave"))
	if errors.Is(err, fs.ErrNotExist) {
		if b, err = readSmall(filepath.Join(dir, "temperature")); err == nil {
			return parseTemperature(b)
		}
	}
	if err != nil {
		return sample{}, readFault(err)
	}
	return parseSlave(b)
}

// readSmall reads a file of the kernel, which is never long.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 4096))
}

func readFault(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errGone
	case errors.Is(err, fs.ErrPermission):
		return errNoAccess
	}
	return oswald.Wrap(err, oswald.Unavailable, "cannot be read; the bus reports an error")
}

// parseSlave reads the two lines of w1_slave:
//
//	50 01 4b 46 7f ff 10 10 49 : crc=49 YES
//	50 01 4b 46 7f ff 10 10 49 t=21000
func parseSlave(b []byte) (sample, error) {
	if len(bytes.TrimSpace(b)) == 0 {
		return sample{}, errEmpty // also after five bad checksums
	}
	first, second, _ := strings.Cut(string(b), "\n")
	raw, check, ok := strings.Cut(first, ":")
	if !ok {
		return sample{}, errStrange
	}
	pad, err := hex.DecodeString(strings.Join(strings.Fields(raw), ""))
	if err != nil || len(pad) != 9 {
		return sample{}, errStrange
	}
	check = strings.TrimSpace(check)
	if !strings.HasSuffix(check, "YES") {
		return sample{}, errCRC // its t= comes from the bad bytes
	}
	if bytes.Count(pad, []byte{0}) == len(pad) {
		return sample{}, errShorted // zeros have a valid checksum of zero
	}
	_, value, ok := strings.Cut(second, "t=")
	if !ok {
		return sample{}, errStrange
	}
	s, err := parseTemperature([]byte(value))
	// Byte 6 is 0x0c until the first conversion has ended; only then is 85 °C
	// certainly the power-on value.
	if err == nil && s.powerOn && pad[6] == 0x0c {
		return sample{}, errPowerOn
	}
	return s, err
}

// parseTemperature reads thousandths of a degree.
func parseTemperature(b []byte) (sample, error) {
	text := strings.TrimSpace(string(b))
	if text == "" {
		return sample{}, errEmpty
	}
	milli, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return sample{}, errStrange
	case milli == 127937 || milli == 127938:
		return sample{}, errNoPower
	case milli < -55000 || milli > 125000:
		return sample{}, errRange
	}
	return sample{milli: milli, powerOn: milli == 85000}, nil
}

// readCPU reads the hottest temperature of the machine itself below dir.
func readCPU(dir string) (float64, error) {
	files, err := filepath.Glob(filepath.Join(dir, "thermal_zone*", "temp"))
	if err != nil {
		return 0, err
	}
	best, found := 0, false
	for _, f := range files {
		b, err := readSmall(f)
		if err != nil {
			continue // a zone without a driver fails by itself
		}
		milli, err := strconv.Atoi(strings.TrimSpace(string(b)))
		if err != nil || milli < -55000 || milli > 200000 {
			continue
		}
		if !found || milli > best {
			best, found = milli, true
		}
	}
	if !found {
		return 0, errGone
	}
	return float64(best) / 1000, nil
}
