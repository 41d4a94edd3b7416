// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"oswald"
)

// Cache is a shared memory that forgets: session marks, rate limits. It lies on
// the same server as the bus, under keys of its own. What is in it may vanish at
// any moment. Its methods may be called from any goroutine and return within a
// second.
type Cache struct {
	get   Bus
	store cacheStore
}

// cacheStore is what a Cache needs beside Get.
type cacheStore interface {
	Add(key string, val []byte, ttl time.Duration) (fresh bool, err error)
	Set(key string, val []byte, ttl time.Duration) error
	Delete(key string) error
}

// NewCache returns a Cache on b: what NewMemcached returned, or the embedded
// server of this process. On a bus that cannot do it (Mem) every method fails.
func NewCache(b Bus) *Cache {
	store, _ := b.(cacheStore)
	return &Cache{b, store}
}

// Add stores val under key for ttl unless there is something; it says whether
// it did.
func (c *Cache) Add(key string, val []byte, ttl time.Duration) (fresh bool, err error) {
	if c.store == nil {
		return false, errNoCache
	}
	fresh, err = c.store.Add(cacheKey(key), val, ttl)
	return fresh, cacheError(err)
}

// Get returns what is under key; ok is false where there is nothing.
func (c *Cache) Get(key string) (val []byte, ok bool, err error) {
	if c.store == nil {
		return nil, false, errNoCache
	}
	k := cacheKey(key)
	m, err := c.get.Get([]string{k})
	val, ok = m[k]
	return val, ok, cacheError(err)
}

// Set stores val under key for ttl.
func (c *Cache) Set(key string, val []byte, ttl time.Duration) error {
	if c.store == nil {
		return errNoCache
	}
	return cacheError(c.store.Set(cacheKey(key), val, ttl))
}

// Delete removes key; that it is not there is no error.
func (c *Cache) Delete(key string) error {
	if c.store == nil {
		return errNoCache
	}
	return cacheError(c.store.Delete(cacheKey(key)))
}

var errNoCache = oswald.Errorf(oswald.Unavailable, "This message bus has no cache: use the embedded server or a real Memcached.")

func cacheError(err error) error {
	if err == nil {
		return nil
	}
	return oswald.Wrap(err, oswald.Unavailable, "The Memcached server does not answer.")
}

// cacheKey is key in our corner of the server; one that the protocol cannot
// carry goes by its hash.
func cacheKey(key string) string {
	legal := len(key) <= 200
	for i := 0; legal && i < len(key); i++ {
		legal = key[i] > ' ' && key[i] != 0x7f
	}
	if !legal {
		sum := sha256.Sum256([]byte(key))
		key = "#" + hex.EncodeToString(sum[:])
	}
	return "c/" + key
}
