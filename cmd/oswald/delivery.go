// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"strings"

	"oswald/ipc"
	"oswald/moderation"
)

// DeliveryConfig is the table [delivery].
type DeliveryConfig struct {
	Pages string `toml:"pages" doc:"Memcached of this machine's nginx, which serves finished pages of comments out of it even while the comment server is down (packaging/nginx/oswald.conf): memcached:unix:/FILE or memcached:127.0.0.1:PORT. Empty: the comment server answers every reader itself." example:"\"memcached:unix:/run/oswald-pages/pages.sock\""`
	Site  string `toml:"site" doc:"Name of the site in the keys of that Memcached; the same as in nginx's memcached_key."`
}

func (c DeliveryConfig) validate() error {
	_, err := c.pageStore()
	return err
}

// pageStore is where finished pages of comments go; nil where they stay.
func (c DeliveryConfig) pageStore() (moderation.PageStore, error) {
	if c.Pages == "" {
		return nil, nil
	}
	addr, ok := strings.CutPrefix(c.Pages, "memcached:")
	if !ok {
		return nil, fmt.Errorf("delivery.pages: %q is not memcached:unix:/FILE or memcached:127.0.0.1:PORT", c.Pages)
	}
	pages, err := ipc.NewPages(addr, c.Site)
	if err != nil {
		return nil, fmt.Errorf("delivery: %w", err)
	}
	return pages, nil
}
