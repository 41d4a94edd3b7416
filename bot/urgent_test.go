// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"oswald"
	"oswald/internal/xmppclient"
)

// TestUrgent wants "cancel" to be carried out while a long command runs and more
// wait than there is room for in memory, and each of them once.
func TestUrgent(t *testing.T) {
	s, r := start(t)
	alice := client(t, s, "alice")
	stopped := make(chan struct{})
	var once sync.Once
	r.commands.answer = func(ctx context.Context, q oswald.Request) (oswald.Reply, error) {
		switch q.Text {
		case "long":
			select {
			case <-stopped:
			case <-ctx.Done():
			}
		case "cancel":
			once.Do(func() { close(stopped) })
		}
		return oswald.Reply{Text: "did " + q.Text}, nil
	}
	want := []string{"did cancel", "did long"}
	texts := []string{"long"}
	for i := range 2 * talkMax {
		texts = append(texts, fmt.Sprint("later ", i))
		want = append(want, fmt.Sprint("did later ", i))
	}
	for _, text := range append(texts, "cancel") {
		if _, err := alice.Send(t.Context(), xmppclient.Message{To: botJID, Body: text}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for len(got) < len(want) {
		if m := next(t, alice); m.Body != "" {
			got = append(got, m.Body)
		}
	}
	// That the long one has ended says that the cancel did not wait for it.
	got = slices.DeleteFunc(got, func(s string) bool { return s == "did cancel" })
	if !slices.Equal(got, want[1:]) {
		t.Errorf("%q", got)
	}
	if got := ask(t, alice, "and now").Body; got != "did and now" || r.commands.times("cancel") != 1 {
		t.Errorf("%q, %d times", got, r.commands.times("cancel"))
	}
}
