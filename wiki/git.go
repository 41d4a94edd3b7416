// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"oswald"
)

// gitTime bounds one call of git: a lock left behind or a slow disk must not hold
// an edit up for ever.
const gitTime = 20 * time.Second

// commitFile records the edit of one file in the repository that the source
// folder is in, if it is in one. What else is changed or staged there is left
// alone. warning says what did not work; the page is written all the same.
func (s *Site) commitFile(ctx context.Context, file string, e oswald.PageEdit) (commit, warning string) {
	if _, err := exec.LookPath("git"); err != nil {
		return "", ""
	}
	if out, err := s.git(ctx, "rev-parse", "--is-inside-work-tree"); err != nil || out != "true" {
		return "", ""
	}
	fail := func(err error) (string, string) {
		s.log.Error("git", "file", file, "err", err)
		return "", "The edit could not be recorded in git; the log says why."
	}
	if _, err := s.git(ctx, "check-ignore", "-q", "--", file); err == nil {
		return "", "" // the owner keeps this page out of the repository
	}
	if _, err := s.git(ctx, "add", "--", file); err != nil {
		return fail(err)
	}
	if _, err := s.git(ctx, "diff", "--cached", "--quiet", "--", file); err != nil {
		who := gitLine(e.Author, 60)
		if who == "" {
			who = "Anonymous"
		}
		note := gitLine(e.Note, 200)
		if note == "" {
			note = "Edit " + e.Page
		}
		_, err := s.git(ctx, "commit", "--quiet", "--no-verify", "--author="+who+" <visitor@invalid>", "--message="+note, "--only", "--", file)
		if err != nil {
			return fail(err)
		}
	}
	out, err := s.git(ctx, "log", "-1", "--format=%h", "--", file)
	if err != nil {
		return fail(err)
	}
	return out, ""
}

// git runs git in the source folder, without shell, prompt, hook or pager.
func (s *Site) git(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTime)
	defer cancel()
	what := args[0]
	args = append([]string{"-C", s.cfg.Source, "--no-pager", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false",
		"-c", "commit.gpgSign=false", "-c", "user.name=Oswald", "-c", "user.email=oswald@invalid"}, args...)
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_LITERAL_PATHSPECS=1", "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
	cmd.WaitDelay = 2 * time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", what, err, cut(clean(errs.String()), 300))
	}
	return strings.TrimSpace(out.String()), nil
}

// gitLine makes one line of what a visitor wrote, without what git reads as the
// ends of a name.
func gitLine(s string, n int) string {
	s = strings.NewReplacer("<", "", ">", "", "\n", " ", "\r", " ", "\x00", "").Replace(clean(s))
	return strings.TrimSpace(cut(s, n))
}
