// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net"
	"time"

	"oswald"
	"oswald/alert"
	"oswald/audio"
	"oswald/bot"
	"oswald/handlers"
	"oswald/internal/gpio"
	"oswald/ipc"
	"oswald/moderation"
	"oswald/sensors"
	"oswald/wiki"
)

// botRole is the chat with all that stands behind it on the same host: voice,
// sensors, alerts, the command table.
type botRole struct {
	node     *ipc.Node
	bot      *bot.Bot
	handlers *handlers.Handlers
	alerts   *alert.Router
	voice    *audio.Player
	mute     *gpio.Mute
	sensors  *sensors.Sensors
	status   *status
}

func (a *app) startBot() error {
	db, node, err := a.openRole("bot")
	if err != nil {
		return err
	}
	if err := a.pair(node, "bot", "site", "comments"); err != nil {
		return err
	}
	r := &botRole{node: node}
	if r.mute, err = gpio.New(a.cfg.Mute, gpio.Deps{Log: a.log}); err != nil {
		return err
	}
	a.parts.onClose(r.mute.Close)
	if r.voice, err = audio.New(a.cfg.Audio, audio.Deps{Lines: r.mute, Log: a.log}); err != nil {
		return err
	}
	r.alerts, err = alert.New(a.cfg.Alerts, alert.Deps{
		DB: db,
		Notify: func(ctx context.Context, text string, al oswald.Alert) error {
			return r.tellOwners(ctx, text, al.About)
		},
		Speak: func(ctx context.Context, text string) error {
			_, err := r.voice.Say(ctx, oswald.RandomID(), oswald.Both, text, true)
			return err
		},
		Log: a.log,
	})
	if err != nil {
		return err
	}
	r.sensors, err = sensors.New(a.cfg.Sensors, sensors.Deps{DB: db, Dir: a.cfg.State, Alert: r.alerts.Send, Log: a.log})
	if err != nil {
		return err
	}
	if err := a.makeHandlers(r, db); err != nil {
		return err
	}
	r.bot, err = bot.New(a.cfg.XMPP, bot.Deps{
		Dispatcher: r.handlers,
		Role:       r.handlers.Role,
		Stranger:   r.alerts.Stranger,
		People:     r.handlers.People,
		Urgent:     r.handlers.Urgent,
		Retract:    r.handlers.Retract,
		Mood:       r.handlers.Mood,
		Alert:      r.alerts.Send,
		Menu:       r.handlers,
		DB:         db,
		Version:    version,
		Log:        a.log,
	})
	if err != nil {
		return err
	}
	node.Handle("alert", ipc.Handler{Tx: r.takeAlert, After: func(ipc.Call) { r.alerts.Wake() }})
	r.status.bot = r
	a.bot = r
	a.runBot(r)
	return nil
}

// makeHandlers connects the command table to what is behind it.
func (a *app) makeHandlers(r *botRole, db *sql.DB) (err error) {
	comments := moderation.NewClient(r.node, "comments")
	r.status = &status{app: a}
	r.handlers, err = handlers.New(a.cfg.Commands, handlers.Deps{
		DB:      db,
		Log:     a.log,
		Version: version,
		People:  a.cfg.People,
		Address: bot.ParseAddress,
		PeopleChanged: func() {
			if r.bot != nil {
				r.bot.PeopleChanged()
			}
		},
		Pages:       wiki.NewClient(r.node, "site"),
		Comments:    comments,
		Spam:        comments,
		Tester:      comments,
		Bans:        comments,
		Persons:     comments,
		Undoer:      comments,
		Suggestions: comments,
		Editor:      comments,
		Letters:     comments,
		Speaker:     r.voice,
		Voice:       r.voice,
		Sound:       r.voice,
		Thermometer: r.sensors,
		Plotter:     r.sensors,
		Alerts:      openAlerts{r},
		Calm:        r.alerts,
		Hosts:       r.node,
		Canceller:   r.node,
		Rooms:       chatRooms{r},
		Status:      r.status,
	})
	return err
}

// runBot starts what makeBot has made, the session last.
func (a *app) runBot(r *botRole) {
	a.parts.start("bot on the bus", r.node.Run)
	a.parts.start("voice", r.voice.Run)
	a.parts.start("sensors", r.sensors.Run)
	a.parts.start("alerts", r.alerts.Run)
	a.parts.start("commands", r.handlers.Run)
	a.parts.startServer("control socket", func() (net.Listener, error) {
		l, err := listenPrivate(a.cfg.ctlSocket())
		return l, listenFault(err, "control socket", "state")
	}, func(ctx context.Context, l net.Listener) error { return serveCtl(ctx, l, r.handlers, a.log) })
	a.parts.start("unfinished commands", func(ctx context.Context) error {
		if err := r.handlers.Resume(ctx, r.bot.Answer); err != nil && ctx.Err() == nil {
			a.log.Error("commands of the last run", "err", err)
		}
		<-ctx.Done()
		return nil
	})
	a.parts.start("xmpp", r.bot.Run)
}

// tellOwners sends text, which is about what oswald.Alert.About says, to every
// owner, and to the rooms that are named for it. It returns nil once all of it is in
// the bot's outbox.
func (r *botRole) tellOwners(ctx context.Context, text, about string) error {
	var errs []error
	for address, role := range r.handlers.People() {
		if role == oswald.Owner {
			errs = append(errs, r.bot.Send(ctx, address, oswald.Reply{Text: text, About: about}))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err // it is sent again, to the rooms too
	}
	return r.bot.TellRooms(ctx, text)
}

// takeAlert keeps an alert of another role, in the transaction that ends its
// command.
func (r *botRole) takeAlert(ctx context.Context, tx *sql.Tx, c ipc.Call) (any, error) {
	var al oswald.Alert
	if err := json.Unmarshal(c.Args, &al); err != nil {
		return nil, oswald.Wrap(err, oswald.Invalid, "The alert cannot be read; is one of the hosts older?")
	}
	if al.At.IsZero() {
		al.At = time.Now()
	}
	return struct{}{}, r.alerts.SendTx(ctx, tx, al)
}

// openAlerts is the router as the command table sees it.
type openAlerts struct{ r *botRole }

// Open implements handlers.Alerts.
func (o openAlerts) Open(ctx context.Context) ([]handlers.OpenAlert, error) {
	items, err := o.r.alerts.Open(ctx)
	list := make([]handlers.OpenAlert, len(items))
	for i, it := range items {
		list[i] = handlers.OpenAlert{
			Label: it.Label, Key: it.Key, Severity: it.Severity, Summary: it.Summary,
			Since: it.Since, Told: it.Told, AckedBy: it.AckedBy,
		}
		for _, s := range o.r.bot.Seen("alert:"+it.Label, it.Since) {
			if !s.Displayed.IsZero() {
				list[i].SeenBy = s.Who
			}
			list[i].Arrived = list[i].Arrived || !s.Received.IsZero() || !s.Displayed.IsZero()
		}
	}
	return list, err
}

// Ack implements handlers.Alerts.
func (o openAlerts) Ack(ctx context.Context, label, who string) error {
	return o.r.alerts.Ack(ctx, label, who)
}
