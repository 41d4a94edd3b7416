// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"bytes"
	"context"
	"crypto/sha1"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"strconv"
	"strings"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

const (
	nsPubSub     = "http://jabber.org/protocol/pubsub"
	nsNick       = "http://jabber.org/protocol/nick"
	nsAvatar     = "urn:xmpp:avatar:data"
	nsAvatarMeta = "urn:xmpp:avatar:metadata"
	nsVCard      = "vcard-temp"

	avatarMax = 64 << 10 // bytes; phones fetch it over the air
	noAvatar  = "none"
)

//go:embed avatar.png
var owl []byte

// A picture is the bot's avatar. Its zero value leaves the account's as it is.
type picture struct {
	png           []byte
	sha1          string
	width, height int
}

// readPicture returns the picture of the configuration, or our own.
func readPicture(name string) (p picture, err error) {
	data := owl
	switch name {
	case noAvatar:
		return p, nil
	case "":
	default:
		f, err := os.Open(name)
		if err != nil {
			return p, oswald.Wrap(err, oswald.Invalid, "xmpp.avatar: the file cannot be read.")
		}
		defer f.Close()
		if data, err = io.ReadAll(io.LimitReader(f, avatarMax+1)); err != nil {
			return p, oswald.Wrap(err, oswald.Invalid, "xmpp.avatar: the file cannot be read.")
		}
	}
	config, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil || len(data) > avatarMax {
		return p, oswald.Wrap(err, oswald.Invalid, "xmpp.avatar: it has to be a PNG file of at most %d KB.", avatarMax>>10)
	}
	sum := sha1.Sum(data)
	return picture{data, hex.EncodeToString(sum[:]), config.Width, config.Height}, nil
}

// profile publishes name and picture where the account shows something else. It
// asks the server each time: that is little, and true also after the server has
// lost what it had.
func (s *session) profile(ctx context.Context, p picture) {
	for _, part := range []struct {
		name string
		do   func(context.Context, picture) error
	}{
		// First: a server may make the rest from it (XEP-0398), and knows less then.
		{"vcard", s.putVCard},
		{"nick", s.putNick},
		{"avatar", s.putAvatar},
	} {
		err := part.do(ctx, p)
		var refused *iqError
		switch {
		case ctx.Err() != nil:
			return
		case errors.As(err, &refused): // the server does not have that
			s.b.log.Info("profile", "part", part.name, "condition", refused.condition)
		case err != nil:
			s.b.log.Warn("profile", "part", part.name, "err", err)
		}
	}
	s.b.looks.Add(1)
}

// putVCard sets name and picture (XEP-0054) and keeps all else that is there.
func (s *session) putVCard(ctx context.Context, p picture) error {
	res, err := s.ask(ctx, "get", xmltree.New(nsVCard, "vCard"))
	var refused *iqError
	if errors.As(err, &refused) && refused.condition != "item-not-found" || err != nil && refused == nil {
		return err
	}
	old := xmltree.New(nsVCard, "vCard")
	if v := res.Child(nsVCard, "vCard"); v != nil {
		old = v
	}
	field := func(name string) *xmltree.Element { return xmltree.New(nsVCard, name).AddText(s.b.cfg.Name) }
	fresh := []*xmltree.Element{field("FN"), field("NICKNAME")}
	same := old.Child(nsVCard, "FN").Text() == s.b.cfg.Name && old.Child(nsVCard, "NICKNAME").Text() == s.b.cfg.Name
	if p.sha1 != "" {
		same = same && photoOf(old) == p.sha1
		fresh = append(fresh, xmltree.New(nsVCard, "PHOTO").Add(
			xmltree.New(nsVCard, "TYPE").AddText("image/png"),
			xmltree.New(nsVCard, "BINVAL").AddText(base64.StdEncoding.EncodeToString(p.png))))
	}
	if same {
		return nil
	}
	for _, f := range fresh {
		old.Filter(func(e *xmltree.Element) bool { return !e.Is(nsVCard, f.Local) })
	}
	return s.put(ctx, old.Add(fresh...))
}

// photoOf returns the SHA-1 of the picture in a vCard.
func photoOf(v *xmltree.Element) string {
	text := strings.Join(strings.Fields(v.Child(nsVCard, "PHOTO").Child(nsVCard, "BINVAL").Text()), "")
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data) == 0 {
		return ""
	}
	sum := sha1.Sum(data)
	return hex.EncodeToString(sum[:])
}

// putNick publishes the name (XEP-0172) by the account's own service (XEP-0163).
func (s *session) putNick(ctx context.Context, _ picture) error {
	item, err := s.published(ctx, nsNick)
	if err != nil || item.Child(nsNick, "nick").Text() == s.b.cfg.Name {
		return err
	}
	return s.publish(ctx, nsNick, "current", xmltree.New(nsNick, "nick").AddText(s.b.cfg.Name))
}

// putAvatar publishes the picture (XEP-0084), the data before what tells of it.
func (s *session) putAvatar(ctx context.Context, p picture) error {
	if p.sha1 == "" {
		return nil
	}
	item, err := s.published(ctx, nsAvatarMeta)
	info := xmltree.New(nsAvatarMeta, "info", "bytes", strconv.Itoa(len(p.png)), "id", p.sha1, "type", "image/png",
		"width", strconv.Itoa(p.width), "height", strconv.Itoa(p.height))
	has := item.Child(nsAvatarMeta, "metadata").Child(nsAvatarMeta, "info")
	if err != nil || has.Get("id") == p.sha1 && has.Get("width") == info.Get("width") {
		return err
	}
	data := xmltree.New(nsAvatar, "data").AddText(base64.StdEncoding.EncodeToString(p.png))
	if err := s.publish(ctx, nsAvatar, p.sha1, data); err != nil {
		return err
	}
	return s.publish(ctx, nsAvatarMeta, p.sha1, xmltree.New(nsAvatarMeta, "metadata").Add(info))
}

// published returns the newest item of a node of our own; nil if there is none.
func (s *session) published(ctx context.Context, node string) (*xmltree.Element, error) {
	res, err := s.ask(ctx, "get", xmltree.New(nsPubSub, "pubsub").Add(
		xmltree.New(nsPubSub, "items", "node", node, "max_items", "1")))
	var refused *iqError
	if errors.As(err, &refused) && refused.condition == "item-not-found" {
		return nil, nil
	}
	return res.Child(nsPubSub, "pubsub").Child(nsPubSub, "items").Child(nsPubSub, "item"), err
}

func (s *session) publish(ctx context.Context, node, id string, payload *xmltree.Element) error {
	return s.put(ctx, xmltree.New(nsPubSub, "pubsub").Add(
		xmltree.New(nsPubSub, "publish", "node", node).Add(xmltree.New(nsPubSub, "item", "id", id).Add(payload))))
}

// put makes a change at the server and counts it.
func (s *session) put(ctx context.Context, payload *xmltree.Element) error {
	_, err := s.ask(ctx, "set", payload)
	if err != nil {
		return fmt.Errorf("%s: %w", payload.Local, err)
	}
	s.b.puts.Add(1)
	return nil
}
