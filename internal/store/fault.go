// SPDX-License-Identifier: GPL-3.0-or-later

package store

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"oswald"
)

// errOpen is in all errors of Open.
var errOpen = errors.New("database")

// errPostgres is in all errors of OpenPostgres.
var errPostgres = errors.New("PostgreSQL")

// errNewer is a file that a newer program has written.
var errNewer = errors.New("the file was written by a newer oswald than this one")

// errDamaged is what a look at the whole file has found.
var errDamaged = errors.New("the file is damaged")

// Full reports whether err says that the disk of a database is full.
func Full(err error) bool {
	return primary(err) == sqlite3.SQLITE_FULL || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// Known reports whether err comes from a database, so that Explain knows more
// about it than its caller.
func Known(err error) bool {
	return primary(err) != 0 || errors.Is(err, errOpen) || errors.Is(err, errNewer) || errors.Is(err, errDamaged) || errors.Is(err, errPostgres) || Full(err)
}

// Explain words a failure of the database file at path, which may be empty, for
// people: what is wrong and what to do. It returns nil for nil.
func Explain(err error, path string) error {
	if err == nil {
		return nil
	}
	if oswald.CodeOf(err) != oswald.Internal && !Known(err) {
		return err // worded already
	}
	name := ""
	if path != "" {
		name = " " + filepath.Base(path)
	}
	code := primary(err)
	say := func(format string) error { return oswald.Wrap(err, oswald.Unavailable, format, name) }
	switch {
	case errors.Is(err, errPostgres):
		return oswald.Wrap(err, oswald.Unavailable, "The PostgreSQL server cannot be used; look at the file that names it (comments.database_file), at the server, and at the log.")
	case Full(err):
		return say("The database%s cannot be written: the disk of the state folder is full; make room on it.")
	case errors.Is(err, errDamaged), code == sqlite3.SQLITE_NOTADB, code == sqlite3.SQLITE_CORRUPT:
		return say("The database%s is damaged; restore a backup of it, or move it away to start anew.")
	case errors.Is(err, errNewer):
		return say("The database%s was written by a newer oswald; install that one, or restore an older backup.")
	case code == sqlite3.SQLITE_BUSY, code == sqlite3.SQLITE_LOCKED:
		return say("The database%s is in use by another program; stop that one.")
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EISDIR),
		code == sqlite3.SQLITE_CANTOPEN, code == sqlite3.SQLITE_READONLY, code == sqlite3.SQLITE_PERM:
		return say("The database%s cannot be opened for reading and writing; give it and the state folder to Oswald's user.")
	}
	return say("The database%s cannot be used; look at the disk, or restore a backup.")
}

// primary returns the primary result code of SQLite in err; 0 if there is none.
func primary(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}
