// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import "oswald"

// areas are the headings of help, in their order.
var areas = []string{"Site", "Comments", "Spam", "Voice", "Sensors", "Alerts", "System"}

// table is the one table of commands. A new command is a row here.
func (h *Handlers) table() []command {
	return []command{
		{name: "rebuild", area: "Site", usage: "[page]", desc: "Build the site again, or one page of it first", example: "rebuild getting-started",
			role: oswald.Moderator, max: 1, changes: true, again: true, slow: true, run: h.rebuild},

		{name: "comments", area: "Comments", usage: "[page]", desc: "List the newest comments and those that wait", example: "comments getting-started",
			role: oswald.Moderator, max: 1, run: h.comments},
		{name: "comment", area: "Comments", usage: "N", desc: "Show a comment in full", example: "comment 12",
			role: oswald.Moderator, min: 1, max: 1, run: h.comment},
		{name: "flag", area: "Comments", usage: "N", desc: "Hide a comment as spam and learn from it", example: "flag 12",
			role: oswald.Moderator, min: 1, max: 1, changes: true, again: true, slow: true, run: h.decide(oswald.Flag)},
		{name: "unflag", area: "Comments", usage: "N", desc: "Show a comment that is no spam after all, and learn from it", example: "unflag 12",
			role: oswald.Moderator, min: 1, max: 1, changes: true, again: true, slow: true, run: h.decide(oswald.Unflag)},
		{name: "approve", area: "Comments", usage: "N", desc: "Publish a comment that waits, and learn from it", example: "approve 12",
			role: oswald.Moderator, min: 1, max: 1, changes: true, again: true, slow: true, run: h.decide(oswald.Approve)},
		{name: "delete", area: "Comments", usage: "N", desc: "Remove a comment; asks first", example: "delete 12",
			role: oswald.Moderator, min: 1, max: 1, private: true, changes: true, again: true, slow: true, confirm: h.previewDelete, run: h.decide(oswald.Delete)},

		{name: "spam", area: "Spam", desc: "Say what the spam filter has done", example: "spam",
			role: oswald.Moderator, run: h.spam, sub: []command{
				{name: "why", usage: "N", desc: "Say what moved the verdict on a comment", example: "spam why 12",
					role: oswald.Moderator, min: 1, max: 1, run: h.spamWhy},
				{name: "retrain", desc: "Learn all labelled messages afresh", example: "spam retrain",
					role: oswald.Moderator, changes: true, again: true, slow: true, run: h.spamRetrain},
				{name: "stats", desc: "Show what the spam filter knows", example: "spam stats",
					role: oswald.Moderator, run: h.spamStats},
			}},

		{name: "say", area: "Voice", usage: "[left|right|both] TEXT", desc: "Speak a text in the house", example: "say left Dinner is ready",
			role: oswald.Member, min: 1, max: 1, rest: true, changes: true, run: h.say},

		{name: "temp", alias: []string{"temperature"}, area: "Sensors", usage: "[probe]", desc: "Tell the temperatures", example: "temp kitchen",
			role: oswald.Member, max: 1, run: h.temp},

		{name: "alerts", area: "Alerts", desc: "List the alerts that last", example: "alerts",
			role: oswald.Member, run: h.alerts},
		{name: "ack", area: "Alerts", usage: "[A|all]", desc: "Acknowledge an alert: no more reminders", example: "ack A3",
			role: oswald.Member, max: 1, changes: true, again: true, run: h.ack},

		{name: "status", area: "System", desc: "Say how every part is doing", example: "status",
			role: oswald.Member, run: h.status},
		{name: "hosts", area: "System", desc: "List the other hosts", example: "hosts",
			role: oswald.Moderator, run: h.hosts},
		{name: "log", area: "System", usage: "[N]", desc: "Show the last commands and how they ended", example: "log 20",
			role: oswald.Owner, max: 1, private: true, run: h.showLog},
		{name: "who", area: "System", desc: "List who may do what", example: "who",
			role: oswald.Owner, private: true, run: h.who},
		{name: "allow", area: "System", usage: "JID [ROLE]", desc: "Give somebody a role: owner, moderator, member (if none is named) or guest", example: "allow ann@example.org member",
			role: oswald.Owner, min: 1, max: 2, private: true, changes: true, again: true, run: h.allow},
		{name: "deny", area: "System", usage: "JID", desc: "Take somebody's role away", example: "deny ann@example.org",
			role: oswald.Owner, min: 1, max: 1, private: true, changes: true, again: true, run: h.deny},
		{name: "ping", area: "System", desc: "Answer pong", example: "ping",
			role: oswald.Member, run: h.ping},
		{name: "version", area: "System", desc: "Tell which program this is", example: "version",
			role: oswald.Member, run: h.version},
		{name: "help", alias: []string{"?", "hi", "hello"}, area: "System", usage: "[COMMAND]", desc: "List the commands, or explain one", example: "help say",
			role: oswald.Guest, max: 3, run: h.help},

		{name: "yes", alias: []string{"y", "👍"}, desc: "Answer a question with yes", example: "yes",
			role: oswald.Guest, hidden: true, answer: "yes"},
		{name: "no", alias: []string{"n", "👎"}, desc: "Answer a question with no", example: "no",
			role: oswald.Guest, hidden: true, answer: "no"},
	}
}
