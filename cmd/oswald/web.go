// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

// front sends comment pages and forms to the comment server and all else to the
// site, as nginx does where there is one. Either may be nil.
func front(site, comments http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := r.URL.Path
		switch {
		case comments != nil && (strings.HasPrefix(p, "/c/") || strings.HasPrefix(p, "/comment/")):
			comments.ServeHTTP(w, r)
		case site != nil:
			site.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	})
}

// noComments stands in for a comment server that could not be started: the pages
// are not gone, so a reader and a search engine are told to come again.
func noComments(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Retry-After", "300")
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "Comments cannot be shown just now; please try again in a few minutes.", http.StatusServiceUnavailable)
}

// serveWeb answers HTTP on l until ctx ends, then lets requests under way finish
// for at most two seconds. Its limits keep slow clients from holding it up.
func serveWeb(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      2 * time.Minute, // longer than the longest tarpit
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan struct{})
	unhook := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			srv.Close()
		}
	})
	err := srv.Serve(l)
	if unhook() { // not stopped by ctx
		return err
	}
	<-stopped
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
