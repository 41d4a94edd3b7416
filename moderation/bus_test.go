// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"oswald"
	"oswald/internal/store"
	"oswald/ipc"
)

// TestClientOverTheBus commands the comment server from another role, through
// real nodes, a real bus and a database each.
func TestClientOverTheBus(t *testing.T) {
	st := newSite(t, nil)
	st.run()
	botDB, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "bot.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer botDB.Close()
	nodeDB := st.db
	if st.shared { // then the records of the bus are in a file of their own
		if nodeDB, err = store.Open(t.Context(), filepath.Join(t.TempDir(), "comments.db")); err != nil {
			t.Fatal(err)
		}
		defer nodeDB.Close()
	}
	bus := ipc.NewMem()
	cfg := ipc.Defaults()
	bot, err := ipc.New(cfg, ipc.Deps{Name: "bot", DB: botDB, Bus: bus})
	if err != nil {
		t.Fatal(err)
	}
	comments, err := ipc.New(cfg, ipc.Deps{Name: "comments", DB: nodeDB, Bus: bus})
	if err != nil {
		t.Fatal(err)
	}
	if err := bot.Pair("comments", testSecret); err != nil {
		t.Fatal(err)
	}
	if err := comments.Pair("bot", testSecret); err != nil {
		t.Fatal(err)
	}
	for verb, h := range Verbs(st.Server) {
		comments.Handle(verb, h)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for _, n := range []*ipc.Node{bot, comments} {
		wg.Go(func() {
			if err := n.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}

	n := st.posted("kitchen", "fine so far")
	c := NewClient(bot, "comments")
	list, err := c.List(t.Context(), oswald.RandomID(), "")
	if err != nil || len(list) != 1 || list[0].N != n || !list[0].At.Equal(st.comment(n).At) {
		t.Fatalf("%+v %v", list, err)
	}
	flag := oswald.RandomID()
	for range 2 { // the same command twice runs once
		got, err := c.Decide(t.Context(), flag, n, oswald.Flag)
		if err != nil || got.State != oswald.Hidden {
			t.Fatalf("%+v %v", got, err)
		}
	}
	eventually(t, "the filter to learn", func() bool { m, ok := st.filter.knows(n); return ok && m.Spam })
	eventually(t, "the page to change", func() bool { return !st.get("/c/kitchen").has("fine so far") })
	if _, err := c.Decide(t.Context(), oswald.RandomID(), n, oswald.Flag); oswald.CodeOf(err) != oswald.Conflict {
		t.Error(err)
	}
	if _, err := c.Get(t.Context(), oswald.RandomID(), 4711); oswald.CodeOf(err) != oswald.NotFound || oswald.MessageOf(err) != "There is no comment 4711." {
		t.Error(err)
	}
	if s, err := c.Retrain(t.Context(), oswald.RandomID()); err != nil || s.SpamLearnt != 1 {
		t.Errorf("%+v %v", s, err)
	}
}
