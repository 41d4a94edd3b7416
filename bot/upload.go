// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

const (
	nsUpload = "urn:xmpp:http:upload:0"
	nsOOB    = "jabber:x:oob"

	uploadTime = 30 * time.Second // for all of it: somebody waits for the text
	uploadMax  = 10 << 20         // bytes
	itemsMax   = 20               // services that are asked what they are
	urlMax     = 4096
)

// A depot is where files are put (XEP-0363). Its zero value is none.
type depot struct {
	jid string
	max int64 // bytes of a file; 0 if it does not say
}

// upload puts a file where the server keeps them, and returns its address. The
// error is worded for people.
func (b *Bot) upload(ctx context.Context, f *oswald.File) (address string, err error) {
	ctx, cancel := context.WithTimeout(ctx, uploadTime)
	defer cancel()
	s := b.live.Load()
	if s == nil || s.ctx.Err() != nil {
		return "", oswald.Errorf(oswald.Unavailable, "I am not connected.")
	}
	d, err := s.depot(ctx)
	if err != nil {
		return "", oswald.Wrap(err, oswald.Unavailable, "The server does not answer.")
	}
	limit := int64(uploadMax)
	if d.max > 0 {
		limit = min(limit, d.max)
	}
	switch size := int64(len(f.Data)); {
	case d.jid == "":
		return "", oswald.Errorf(oswald.Unavailable, "The XMPP server keeps no files; its module for HTTP upload is missing.")
	case size > limit:
		return "", oswald.Errorf(oswald.Invalid, "The file has %d KB, and the server takes %d at most.", size>>10, limit>>10)
	}
	res, err := s.askAt(ctx, d.jid, "get", xmltree.New(nsUpload, "request",
		"filename", f.Name, "size", strconv.Itoa(len(f.Data)), "content-type", f.Type))
	var refused *iqError
	if errors.As(err, &refused) {
		return "", oswald.Wrap(err, oswald.Unavailable, "The server refuses the file (%s).", refused.condition)
	} else if err != nil {
		return "", oswald.Wrap(err, oswald.Unavailable, "The server does not answer.")
	}
	slot := res.Child(nsUpload, "slot")
	put, get := slot.Child(nsUpload, "put"), slot.Child(nsUpload, "get").Get("url")
	if !isWeb(put.Get("url")) || !isWeb(get) {
		return "", oswald.Errorf(oswald.Unavailable, "The server names no secure place for the file.")
	}
	if err := b.putFile(ctx, put, f); err != nil {
		return "", oswald.Wrap(err, oswald.Unavailable, "The server's place for files does not take it.")
	}
	return get, nil
}

// isWeb reports whether s is an address that XEP-0363 section 4 allows.
func isWeb(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && len(s) <= urlMax
}

// putFile sends the bytes, with those headers only that a server may ask for
// (XEP-0363 section 5), and follows nobody elsewhere.
func (b *Bot) putFile(ctx context.Context, put *xmltree.Element, f *oswald.File) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, put.Get("url"), bytes.NewReader(f.Data))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", f.Type)
	for _, h := range put.Children() {
		name := http.CanonicalHeaderKey(h.Get("name"))
		if h.Is(nsUpload, "header") && (name == "Authorization" || name == "Cookie" || name == "Expires") {
			req.Header.Set(name, strings.NewReplacer("\r", "", "\n", "").Replace(h.Text()))
		}
	}
	config, err := tlsConfig(b.cfg)
	if err != nil {
		return err
	}
	transport := &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: &tls.Config{RootCAs: config.RootCAs, MinVersion: config.MinVersion},
	}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("put: %s", res.Status)
	}
	return nil
}

// depot finds where files are put, once a session: the server itself, or one of
// its services.
func (s *session) depot(ctx context.Context) (depot, error) {
	if d := s.files.Load(); d != nil {
		return *d, nil
	}
	domain := s.b.own.Domainpart()
	list, err := s.askAt(ctx, domain, "get", xmltree.New(nsItems, "query"))
	var refused *iqError
	if err != nil && !errors.As(err, &refused) {
		return depot{}, err
	}
	places := []string{domain}
	for _, item := range list.Child(nsItems, "query").Children() {
		if j, err := parseJID(item.Get("jid")); err == nil && len(places) <= itemsMax && item.Get("node") == "" {
			places = append(places, j.String())
		}
	}
	silent := false
	for _, place := range places {
		info, err := s.askAt(ctx, place, "get", xmltree.New(nsInfo, "query"))
		if err != nil {
			if !errors.As(err, &refused) {
				silent = true
			}
			if ctx.Err() != nil {
				return depot{}, ctx.Err()
			}
			continue
		}
		if d, ok := depotIn(place, info.Child(nsInfo, "query")); ok {
			s.files.Store(&d)
			return d, nil
		}
	}
	if silent { // one that does not answer now may be the one
		return depot{}, errSilent
	}
	s.files.Store(new(depot))
	return depot{}, nil
}

// depotIn reads what a service says of itself.
func depotIn(place string, info *xmltree.Element) (d depot, ok bool) {
	d.jid = place
	for _, c := range info.Children() {
		if c.Is(nsInfo, "feature") && c.Get("var") == nsUpload {
			ok = true
		}
		for _, field := range c.Children() { // of a form (XEP-0128)
			if field.Is(nsForms, "field") && field.Get("var") == "max-file-size" {
				d.max, _ = strconv.ParseInt(strings.TrimSpace(field.Child(nsForms, "value").Text()), 10, 64)
			}
		}
	}
	return d, ok
}

// withFile puts the file of r where people can get it. If that fails r says why,
// and does without it.
func (b *Bot) withFile(ctx context.Context, r oswald.Reply) (_ oswald.Reply, addresses []string) {
	if r.File == nil {
		return r, nil
	}
	address, err := b.upload(ctx, r.File)
	if err == nil {
		addresses = append(addresses, address)
	} else {
		b.log.Warn("a file could not be sent", "name", r.File.Name, "bytes", len(r.File.Data), "err", err)
		r.Text = strings.TrimSpace(r.Text + "\n(There is no picture: " + oswald.MessageOf(err) + ")")
	}
	return r, addresses
}

// fileMessage is a message with nothing but the address of a file, twice: clients
// show the file in its place only if it is the whole text too (XEP-0066).
func fileMessage(to, thread, id, address string) outgoing {
	return outgoing{to: to, thread: thread, id: id, body: address, state: "active", kept: true,
		more: []*xmltree.Element{xmltree.New(nsOOB, "x").Add(xmltree.New(nsOOB, "url").AddText(address))}}
}
