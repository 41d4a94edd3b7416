// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"slices"
	"strings"
	"testing"

	"oswald"
)

// TestPhone holds each command to what it does to the house.
func TestPhone(t *testing.T) {
	b := newBench(t)
	test := func(who, text string, code oswald.Code, did string, words ...string) {
		t.Helper()
		b.decided = nil
		reply, got := b.text(who, text)
		if got != code {
			t.Errorf("%q: code %q, want %q: %s", text, got, code, reply)
		}
		if did != "" && !slices.Contains(b.decided, did) || did == "" && len(b.decided) > 0 {
			t.Errorf("%q did %q, want %q", text, b.decided, did)
		}
		for _, w := range words {
			if !strings.Contains(reply, w) {
				t.Errorf("%q is answered without %q: %s", text, w, reply)
			}
		}
	}
	test(moderator, "hold 12", "", "hold 12", "waits", "approve 12")
	test(moderator, "restore 12", "", "restore 12", "hidden as spam")
	test(moderator, "ban k3f9aa77bq2c", "", "", "Bob", "2 shown, 1 waiting", "yes/no")
	test(moderator, "yes", "", "ban k3f9aa77bq2c true", "1 comment")
	test(moderator, "ban nobody", oswald.NotFound, "")
	test(moderator, "ban 11", oswald.Conflict, "", "without an ID")
	test(member, "ban k3f9aa77bq2c", oswald.Forbidden, "")
	test(moderator, "trust k3f9aa77bq2c", "", "trust k3f9aa77bq2c", "shown at once")
	test(moderator, "erase k3f9aa77bq2c", oswald.Forbidden, "")
	test(owner, "erase K3F9AA77BQ2C", "", "", "Bob", "2 shown", "for good", "yes/no")
	test(owner, "yes", "", "erase k3f9aa77bq2c", "3 texts")
	test(owner, "erase 11", "", "", "for good", "yes/no")
	test(owner, "no", "", "")
	test(owner, "erase nobody", oswald.NotFound, "")
	test(moderator, "unban K3F9AA77BQ2C", "", "ban k3f9aa77bq2c false")
	test(moderator, "undo", "", "undo", "Taken back: `flag`", "3 min ago", "#12")
	test(member, "undo", oswald.Forbidden, "")
	test(moderator, "spam test Buy watches", "", "", "held for you", "60 %")
	test(owner, "letters", "", "", "new", "4 ·", "borrow the ladder", "letters 4")
	test(owner, "letters 4", "", "", "ann@example.org")
	test(owner, "letters spam", "", "", "No letter")
	test(owner, "letters four", oswald.Invalid, "")
	test(moderator, "letters", oswald.Forbidden, "")
	test(moderator, "edits", "", "", "house/kitchen", "accept 3")
	test(moderator, "diff 3", "", "", "+ The oven is new.")
	test(moderator, "diff three", oswald.Invalid, "")
	test(moderator, "accept 3", "", "", "live", "https://example.org/house/kitchen/", "abc1234", "both changes")
	test(moderator, "reject 3", "", "", "rejected")
	test(member, "accept 3", oswald.Forbidden, "")
	test(member, "hush", "", "", "2 messages")
	test(member, "mute", "", "silence both true")
	test(member, "mute Left", "", "silence left true")
	test(member, "mute upstairs", oswald.Invalid, "")
	test(member, "unmute right", "", "silence right false")
	test(member, "volume 60%", "", "volume 60")
	test(member, "volume 101", oswald.Invalid, "")
	test(member, "chime off", "", "chime false")
	test(member, "chime maybe", oswald.Invalid, "")
	test(member, "quiet 22:00–07:00", "", "quiet 22:00-07:00")
	test(member, "quiet off", "", "quiet ")
	test(member, "snooze 1 90 min", "", "snooze A1 1h30m0s", "13:30")
	test(member, "snooze a1", "", "snooze A1 1h0m0s")
	test(member, "mute alerts 2h", "", "mute 2h0m0s", "14:00")
	test(member, "mute alerts 9d", oswald.Invalid, "")
	test(member, "mute alerts -1h", oswald.Invalid, "")
	test(member, "mute alerts NaNh", oswald.Invalid, "")
	test(member, "unmute alerts", "", "mute 0s")
	test(guest, "hush", oswald.Forbidden, "")
}
