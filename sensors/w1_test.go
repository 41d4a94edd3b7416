// SPDX-License-Identifier: GPL-3.0-or-later

package sensors

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oswald"
)

// tree writes a folder as the kernel shows a bus: files by their path.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestReadProbe has what the driver of Linux 6.1 shows in each situation.
func TestReadProbe(t *testing.T) {
	test := func(what string, files map[string]string, want int, fault error) {
		t.Helper()
		s, err := readProbe(tree(t, files))
		if s.milli != want || !errors.Is(err, fault) {
			t.Errorf("%s: %d, %v, want %d, %v", what, s.milli, err, want, fault)
		}
		if err != nil && (oswald.MessageOf(err) == "Internal error." || strings.HasSuffix(oswald.MessageOf(err), ".")) {
			t.Errorf("%s: %q does not go on after the name of a probe", what, oswald.MessageOf(err))
		}
	}
	slave := func(text string) map[string]string { return map[string]string{"w1_slave": text} }
	two := func(bytes, check, t string) map[string]string {
		return slave(bytes + " : " + check + "\n" + bytes + " t=" + t + "\n")
	}
	test("21 degrees", two("50 01 4b 46 7f ff 10 10 49", "crc=49 YES", "21000"), 21000, nil)
	test("below zero", two("f8 ff 4b 46 7f ff 08 10 9a", "crc=9a YES", "-500"), -500, nil)
	test("-0.0625", two("ff ff 4b 46 7f ff 01 10 a1", "crc=a1 YES", "-62"), -62, nil)
	test("coldest", two("90 fc 4b 46 7f ff 10 10 49", "crc=49 YES", "-55000"), -55000, nil)
	test("hottest", two("d0 07 4b 46 7f ff 10 10 49", "crc=49 YES", "125000"), 125000, nil)
	test("power-on value", two("50 05 4b 46 7f ff 0c 10 1c", "crc=1c YES", "85000"), 0, errPowerOn)
	test("85 degrees, measured", two("50 05 4b 46 7f ff 10 10 49", "crc=49 YES", "85000"), 85000, nil)
	test("empty: pulled, or five bad checksums", slave(""), 0, errEmpty)
	test("shorted to ground", two("00 00 00 00 00 00 00 00 00", "crc=00 YES", "0"), 0, errShorted)
	test("true zero", two("00 00 4b 46 7f ff 10 10 49", "crc=49 YES", "0"), 0, nil)
	test("bad checksum, older kernels", two("50 01 4b 46 7f ff 10 10 48", "crc=49 NO", "21000"), 0, errCRC)
	test("too little power", two("ff 07 4b 46 7f ff 10 10 49", "crc=49 YES", "127937"), 0, errNoPower)
	test("out of range", two("ff 7f 4b 46 7f ff 10 10 49", "crc=49 YES", "2047937"), 0, errRange)
	test("gone", map[string]string{}, 0, errGone)
	test("no w1_slave", map[string]string{"temperature": "21062\n"}, 21062, nil)
	test("no w1_slave and empty", map[string]string{"temperature": ""}, 0, errEmpty)
	test("w1_slave counts more", map[string]string{"w1_slave": "", "temperature": "21062\n"}, 0, errEmpty)
	test("words", slave("hello\n"), 0, errStrange)
	test("half", slave("50 01 4b 46 7f ff 10 10 49 : crc=49 YES\n"), 0, errStrange)
	test("short scratchpad", two("50 01", "crc=49 YES", "21000"), 0, errStrange)
	test("no number", two("50 01 4b 46 7f ff 10 10 49", "crc=49 YES", "warm"), 0, errStrange)
	test("9 bit", two("50 01 4b 46 1f ff 10 10 49", "crc=49 YES", "21000"), 21000, nil)
}

func TestFindProbes(t *testing.T) {
	dir := tree(t, map[string]string{
		"28-3c01d607e1b2/w1_slave": "", "10-000802b5a123/w1_slave": "", "w1_bus_master1/w1_master_slaves": "",
		"00-400000000000/id": "", "28-000000000000/w1_slave": "", "29-0000000aa001/id": "", "28-nonsense/id": "",
	})
	got, err := findProbes(dir)
	if want := []string{"10-000802b5a123", "28-3c01d607e1b2"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

func TestReadCPU(t *testing.T) {
	dir := tree(t, map[string]string{"thermal_zone0/temp": "48312\n", "thermal_zone1/temp": "51000\n", "thermal_zone2/temp": "broken", "cooling_device0/temp": "99000"})
	if c, err := readCPU(dir); c != 51 || err != nil {
		t.Errorf("%v, %v", c, err)
	}
	if _, err := readCPU(t.TempDir()); err == nil {
		t.Error("a temperature of nothing")
	}
}

func TestSimulatedTextIsTheKernels(t *testing.T) {
	test := func(c float64, want int) {
		t.Helper()
		slave, value := slaveText(c)
		a, err := parseSlave([]byte(slave))
		b, err2 := parseTemperature([]byte(value))
		if a.milli != want || b.milli != want || err != nil || err2 != nil {
			t.Errorf("%v: %d and %d, %v %v, want %d", c, a.milli, b.milli, err, err2, want)
		}
	}
	test(21, 21000)
	test(-0.5, -500)
	test(-0.0625, -62)
	test(25.0625, 25062)
	test(125, 125000)
	test(-55, -55000)
	if slave, _ := slaveText(21); !strings.HasPrefix(slave, "50 01 4b 46 7f ff 10 10 49 : crc=49 YES\n") {
		t.Error(slave) // the very line of a real one
	}
}

func FuzzParseSlave(f *testing.F) {
	for _, c := range []float64{21, -55, 125, 85, 0} {
		slave, _ := slaveText(c)
		f.Add([]byte(slave))
	}
	f.Add([]byte("00 00 00 00 00 00 00 00 00 : crc=00 YES\n00 t=0"))
	f.Add([]byte(": YES\nt="))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseSlave(b)
		if err == nil && (s.milli < -55000 || s.milli > 125000) || err != nil && oswald.CodeOf(err) == oswald.Internal {
			t.Fatalf("%q: %+v, %v", b, s, err)
		}
	})
}

func TestConfig(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Error(err)
	}
	c := Defaults()
	c.Poll, c.Deadline, c.Limit, c.Hold, c.Clear, c.Keep, c.Root = -1, 0, 500, -1, 0, 0, ""
	c.Probes = map[string]string{"kitchen": "28-3c01d607e1b2", "28-3c01d607e1b2": "a", "28-3c01d607e1b3": "A", "28-3c01d607e1b4": "cpu"}
	c.Limits = map[string]float64{"attic": 30, "a": 900}
	err := c.Validate()
	for _, key := range []string{"sensors.poll: ", "sensors.deadline: ", "sensors.limit: ", "sensors.hold: ", "sensors.clear: ", "sensors.keep: ", "sensors.root: ",
		"sensors.probes.kitchen: ", "sensors.probes.28-3c01d607e1b3: ", "sensors.probes.28-3c01d607e1b4: ", "sensors.limits.attic: ", "sensors.limits.a: "} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("lacks %s:\n%v", key, err)
		}
	}
}
