// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"oswald"
)

// targetTime bounds one run of rsync: a web host that is away must not hold the
// next build up for ever.
const targetTime = 5 * time.Minute

// deliver brings the web host up to date by rsync: the page that was asked for
// first, then the rest. rsync gets the names of all files that are ours, sends
// those whose size or time differ, and takes away those that are ours no more;
// what else lies there is left alone, and so are empty folders. What could not be sent is sent with the next
// build, and until then warning says so.
func (s *Site) deliver(ctx context.Context, out *output, first string, gone []string) (warning string) {
	if s.cfg.Target == "" {
		return ""
	}
	left := s.undelivered()
	if left.id == out.id && len(gone) == 0 {
		return "" // the web host has it all
	}
	names := slices.Compact(slices.Sorted(slices.Values(append(left.gone, gone...))))
	names = slices.DeleteFunc(names, func(p string) bool { _, again := out.was(p); return again })
	if err := out.replace("undelivered", []byte("\n"+strings.Join(names, "\n"))); err != nil {
		s.log.Error("record of the web host", "err", err)
		return "The web host was not brought up to date: the state folder cannot be written."
	}
	start := time.Now()
	err := error(nil)
	if _, ours := out.was(first); ours && first != "" {
		err = s.rsync(ctx, []string{first})
	}
	if err == nil {
		all := make([]string, 0, len(out.list)+len(names))
		for i := range out.list {
			all = append(all, out.list[i].name)
		}
		err = s.rsync(ctx, append(all, names...))
	}
	if err == nil {
		err = out.replace("undelivered", []byte(out.id+"\n"))
	}
	if err != nil {
		s.log.Error("web host", "target", s.cfg.Target, "err", err)
		if errors.Is(err, exec.ErrNotFound) {
			return "The web host was not brought up to date: rsync is not installed here (apt-get install rsync)."
		}
		return "The web host was not brought up to date; the next build tries again. The log says why."
	}
	s.log.Info("web host is up to date", "target", s.cfg.Target, "files", len(out.list), "removed", len(names), "took", time.Since(start))
	return ""
}

// pending is what the web host has not got yet.
type pending struct {
	id   string   // of the manifest that it has; empty where it is behind
	gone []string // files that it has to lose
}

func (s *Site) undelivered() pending {
	data, err := os.ReadFile(filepath.Join(s.cfg.state(), "undelivered"))
	if err != nil {
		return pending{}
	}
	id, names, _ := strings.Cut(string(data), "\n")
	p := pending{id: id}
	for name := range strings.SplitSeq(names, "\n") {
		if name != "" && fs.ValidPath(name) {
			p.gone = append(p.gone, name)
		}
	}
	return p
}

// rsync sends files of the output, and takes those away that are not there.
func (s *Site) rsync(ctx context.Context, files []string) error {
	ctx, cancel := context.WithTimeout(ctx, targetTime)
	defer cancel()
	args := []string{"--files-from=-", "--from0", "--delete-missing-args", "--times", "--perms", "--chmod=D755,F644", "--delay-updates", "--timeout=60"}
	if s.cfg.TargetSSH != "" {
		args = append(args, "--rsh="+s.cfg.TargetSSH)
	}
	cmd := exec.CommandContext(ctx, "rsync", append(args, "--", s.cfg.Output+"/", strings.TrimRight(s.cfg.Target, "/")+"/")...)
	cmd.Stdin = strings.NewReader(strings.Join(files, "\x00"))
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.WaitDelay = 2 * time.Second
	var msg bytes.Buffer
	cmd.Stderr = &msg
	err := cmd.Run()
	var code *exec.ExitError
	if errors.As(err, &code) && code.ExitCode() == 24 {
		err = nil // what is to be taken away is not here any more
	}
	if err != nil {
		return oswald.Wrap(errors.Join(err, errors.New(cut(clean(msg.String()), 400))), oswald.Unavailable, "The web host was not brought up to date.")
	}
	return nil
}
