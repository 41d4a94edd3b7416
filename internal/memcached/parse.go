// SPDX-License-Identifier: GPL-3.0-or-later

package memcached

import (
	"bytes"
	"strconv"
)

// kind groups commands that are carried out alike.
type kind int

const (
	kindNone kind = iota
	kindGet
	kindStore
	kindCount
	kindTouch
	kindDelete
	kindFlush
	kindOK
	kindVersion
	kindNoop
	kindStats
	kindQuit
)

// A request is one parsed command line.
type request struct {
	kind           kind
	name           string
	fault          string // the answer to a line that makes no sense
	keys           []string
	op             op
	flags          uint32
	exp            int64
	size           int // of the data block; -1 where it is unknown
	cas, delta     uint64
	withCas, touch bool
	noreply        bool
}

var storeOps = map[string]op{"set": opSet, "add": opAdd, "replace": opReplace, "append": opAppend, "prepend": opPrepend, "cas": opCas}

// statGroups are the groups of figures that clients ask for; we have none of them.
var statGroups = map[string]bool{"settings": true, "items": true, "slabs": true, "sizes": true, "conns": true}

const (
	faultFormat = "CLIENT_ERROR bad command line format"
	faultDelta  = "CLIENT_ERROR invalid numeric delta argument"
	faultExp    = "CLIENT_ERROR invalid exptime argument"
)

// maxData is a length no client can mean; beyond it the data is not swallowed.
const maxData = 1<<31 - 3

// parse reads a command line without its end. It never fails: what makes no
// sense carries its answer in fault.
func parse(line []byte) request {
	f := split(line)
	if len(f) == 0 {
		return request{fault: "ERROR"}
	}
	q := request{name: string(f[0]), size: -1}
	args := f[1:]
	switch q.name {
	case "get", "gets", "gat", "gats":
		return parseGet(q, args)
	case "set", "add", "replace", "append", "prepend", "cas":
		return parseStore(q, args)
	case "incr", "decr":
		q.kind = kindCount
		args = q.silence(args, 2)
		if q.key(args, 2) {
			var err error
			if q.delta, err = strconv.ParseUint(string(args[1]), 10, 64); err != nil {
				q.fault = faultDelta
			}
		}
	case "touch":
		q.kind = kindTouch
		args = q.silence(args, 2)
		if q.key(args, 2) {
			q.expiry(args[1])
		}
	case "delete":
		q.kind = kindDelete
		args = q.silence(args, 1)
		if len(args) == 2 && string(args[1]) == "0" {
			args = args[:1] // a relic that old clients send
		}
		q.key(args, 1)
	case "flush_all":
		q.kind = kindFlush
		args = q.silence(args, 0)
		if len(args) > 1 {
			q.fault = "ERROR"
		} else if len(args) == 1 {
			q.expiry(args[0])
		}
	case "verbosity":
		q.kind = kindOK
		if n := len(q.silence(args, 0)); n > 1 || len(args) == 0 {
			q.fault = "ERROR"
		}
	case "version":
		q.kind = kindVersion
	case "mn":
		q.kind = kindNoop
	case "stats":
		q.kind = kindStats
		if len(args) > 1 || len(args) == 1 && !statGroups[string(args[0])] {
			q.fault = "ERROR"
		} else if len(args) == 1 {
			q.keys = []string{string(args[0])}
		}
	case "quit":
		q.kind = kindQuit
	default:
		q.fault = "ERROR"
	}
	return q
}

// split cuts line at spaces. Only at spaces: what Unicode counts as white space
// too may be part of a key.
func split(line []byte) [][]byte {
	var f [][]byte
	for w := range bytes.SplitSeq(line, []byte(" ")) {
		if len(w) > 0 {
			f = append(f, w)
		}
	}
	return f
}

// silence takes a trailing noreply off args, of which at least n come first.
func (q *request) silence(args [][]byte, n int) [][]byte {
	if len(args) > n && string(args[len(args)-1]) == "noreply" {
		q.noreply = true
		return args[:len(args)-1]
	}
	return args
}

// key takes the key off args, which must be n in number.
func (q *request) key(args [][]byte, n int) bool {
	switch {
	case len(args) != n:
		q.fault = "ERROR"
	case !legalKey(string(args[0])):
		q.fault = faultFormat
	default:
		q.keys = []string{string(args[0])}
	}
	return q.fault == ""
}

func (q *request) expiry(b []byte) {
	var err error
	if q.exp, err = strconv.ParseInt(string(b), 10, 64); err != nil {
		q.fault = faultExp
	}
}

func parseGet(q request, args [][]byte) request {
	q.kind = kindGet
	q.withCas = q.name == "gets" || q.name == "gats"
	q.touch = q.name == "gat" || q.name == "gats"
	if q.touch && len(args) > 0 {
		q.expiry(args[0])
		args = args[1:]
	}
	if len(args) == 0 {
		q.fault = "ERROR"
	}
	for _, a := range args {
		if !legalKey(string(a)) {
			q.fault = faultFormat
			break
		}
		q.keys = append(q.keys, string(a))
	}
	return q
}

// parseStore reads "<key> <flags> <exptime> <bytes> [<cas>] [noreply]".
func parseStore(q request, args [][]byte) request {
	q.kind, q.op = kindStore, storeOps[q.name]
	want := 4
	if q.op == opCas {
		want = 5
	}
	args = q.silence(args, want)
	if len(args) != want {
		q.fault = "ERROR"
		return q
	}
	flags, err1 := strconv.ParseUint(string(args[1]), 10, 32)
	exp, err2 := strconv.ParseInt(string(args[2]), 10, 64)
	size, err3 := strconv.ParseInt(string(args[3]), 10, 64)
	var err4 error
	if q.op == opCas {
		q.cas, err4 = strconv.ParseUint(string(args[4]), 10, 64)
	}
	q.flags, q.exp = uint32(flags), exp
	if err3 == nil && size >= 0 && size <= maxData {
		q.size = int(size)
	}
	if err1 != nil || err2 != nil || err4 != nil || q.size < 0 || !legalKey(string(args[0])) {
		q.fault = faultFormat
	}
	q.keys = []string{string(args[0])}
	return q
}

// legalKey reports whether key is 1 to 250 bytes without spaces and controls.
func legalKey(key string) bool {
	if len(key) == 0 || len(key) > 250 {
		return false
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] == 0x7f {
			return false
		}
	}
	return true
}
