// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"oswald"
)

// How Watch waits.
const (
	settle    = 60 * time.Millisecond // for the rest of what an editor does when it saves
	pollEvery = 2 * time.Second       // where the kernel does not tell of changes
)

// Watch calls changed at once and then each time something has changed in the
// folders of pages and theme, until ctx ends. It calls it from one goroutine, and
// once for several changes that come together. Changes are told by the kernel
// (inotify); where that cannot be, as with too many folders, they are looked for.
func (s *Site) Watch(ctx context.Context, changed func(ctx context.Context)) error {
	if _, err := os.Stat(s.cfg.Source); err != nil {
		return oswald.Wrap(err, oswald.Unavailable, "The folder of pages (wiki.source) cannot be read: %s.", cause(err))
	}
	for ctx.Err() == nil {
		w, err := s.watchFolders()
		if err != nil {
			s.log.Warn("the kernel does not tell of changes; they are looked for", "err", err)
		}
		changed(ctx) // after the watches are set, so that nothing falls between
		if w == nil {
			err = sleep(ctx, pollEvery)
		} else {
			err = w.wait(ctx)
			w.f.Close()
		}
		if err != nil {
			break
		}
	}
	return nil
}

// watch is an inotify instance over all folders, for one change: a new folder
// then needs a watch too, and setting all of them again costs little.
type watch struct{ f *os.File }

const watched = unix.IN_CLOSE_WRITE | unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_ATTRIB | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF

func (s *Site) watchFolders() (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		return nil, err
	}
	w := &watch{os.NewFile(uintptr(fd), "inotify")}
	for _, top := range []string{s.cfg.Source, s.cfg.Theme} {
		if top == "" {
			continue
		}
		err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return nil // it went, or cannot be read: the build says so
			}
			if name != top && strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
			_, err = unix.InotifyAddWatch(fd, name, watched)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		})
		if err != nil {
			w.f.Close()
			return nil, err
		}
	}
	return w, nil
}

// wait returns when something has changed and nothing more comes.
func (w *watch) wait(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = w.f.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	buf := make([]byte, 64<<10)
	for some := false; ; {
		n, err := w.f.Read(buf)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case some && errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return sleep(ctx, pollEvery)
		case !some && hidden(buf[:n]):
			continue
		}
		some = true
		_ = w.f.SetReadDeadline(time.Now().Add(settle))
	}
}

// hidden says whether all events are of files that no build reads: those whose
// names begin with a dot, and backups.
func hidden(events []byte) bool {
	for len(events) >= unix.SizeofInotifyEvent {
		n := int(uint32(events[12]) | uint32(events[13])<<8 | uint32(events[14])<<16 | uint32(events[15])<<24)
		end := unix.SizeofInotifyEvent + n
		if end > len(events) {
			return false
		}
		name := strings.TrimRight(string(events[unix.SizeofInotifyEvent:end]), "\x00")
		if !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, "~") {
			return false
		}
		events = events[end:]
	}
	return true
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
