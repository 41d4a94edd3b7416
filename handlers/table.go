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
		{name: "search", area: "Site", usage: "WORDS", desc: "Find pages by their words", example: "search boiler pressure",
			role: oswald.Member, min: 1, max: 1, rest: true, run: h.search},
		{name: "page", area: "Site", usage: "NAME", desc: "Show the text of a page", example: "page getting-started",
			role: oswald.Member, min: 1, max: 1, rest: true, run: h.page},
		{name: "post", area: "Site", usage: "TITLE, text on the next lines", desc: "Write a post for the blog, live at once", example: "post First frost\nThe pond is frozen.",
			role: oswald.Moderator, min: 1, max: 1, rest: true, changes: true, again: true, slow: true, run: h.post},
		{name: "append", area: "Site", usage: "PAGE TEXT", desc: "Put a paragraph at the end of a page, live at once", example: "append shopping - Milk",
			role: oswald.Moderator, min: 1, max: 1, rest: true, changes: true, again: true, slow: true, run: h.appendText},
		{name: "build", area: "Site", desc: "Say how the last build went", example: "build",
			role: oswald.Member, run: h.buildStatus, sub: []command{
				{name: "status", desc: "Say how the last build went", example: "build status",
					role: oswald.Member, run: h.buildStatus},
			}},
		{name: "check", area: "Site", desc: "List the links that lead nowhere", example: "check",
			role: oswald.Member, run: h.checkLinks, sub: []command{
				{name: "links", desc: "List the links that lead nowhere", example: "check links",
					role: oswald.Member, run: h.checkLinks},
			}},
		{name: "changes", area: "Site", desc: "Show what the last build changed, or what is held back", example: "changes",
			role: oswald.Moderator, run: h.changes},
		{name: "publish", area: "Site", desc: "Put live what was held back, or go forward after a rollback", example: "publish",
			role: oswald.Moderator, changes: true, again: true, slow: true, run: h.publish},
		{name: "rollback", area: "Site", desc: "Take the last change of the site back; asks first", example: "rollback",
			role: oswald.Moderator, private: true, changes: true, again: true, slow: true, confirm: h.previewRollback, run: h.rollback},
		{name: "edits", area: "Site", desc: "List the edits to pages that visitors suggest", example: "edits",
			role: oswald.Moderator, run: h.edits},
		{name: "diff", area: "Site", usage: "N", desc: "Show what a suggested edit changes", example: "diff 3",
			role: oswald.Moderator, min: 1, max: 1, run: h.diff},
		{name: "accept", area: "Site", usage: "N", desc: "Put a suggested edit into its page, live at once", example: "accept 3",
			role: oswald.Moderator, min: 1, max: 1, changes: true, again: true, slow: true, run: h.accept},
		{name: "reject", area: "Site", usage: "N", desc: "Leave a suggested edit out", example: "reject 3",
			role: oswald.Moderator, min: 1, max: 1, changes: true, again: true, slow: true, run: h.reject},

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

		{name: "hold", area: "Comments", usage: "N", desc: "Take a comment off its page until somebody decides", example: "hold 12",
			role: oswald.Moderator, min: 1, max: 1, changes: true, again: true, slow: true, run: h.decide(oswald.Hold)},
		{name: "restore", area: "Comments", usage: "N", desc: "Bring a deleted comment back as it stood", example: "restore 12",
			role: oswald.Moderator, min: 1, max: 1, changes: true, again: true, slow: true, run: h.decide(oswald.Restore)},
		{name: "ban", area: "Comments", usage: "ID|N", desc: "Hide whatever an ID writes, or the ID of comment N; asks first", example: "ban k3f9aa77bq2c",
			role: oswald.Moderator, min: 1, max: 1, private: true, changes: true, again: true, slow: true, confirm: h.previewBan, run: h.ban(true)},
		{name: "unban", area: "Comments", usage: "ID|N", desc: "Let the filter decide about an ID again", example: "unban k3f9aa77bq2c",
			role: oswald.Moderator, min: 1, max: 1, private: true, changes: true, again: true, slow: true, run: h.ban(false)},
		{name: "letters", area: "Comments", usage: "[N|spam]", desc: "List what the contact form brought, or show one letter", example: "letters 4",
			role: oswald.Owner, max: 1, private: true, run: h.letters},
		{name: "undo", area: "Comments", desc: "Take back the last decision of the last hour: on a comment, an ID or an edit", example: "undo",
			role: oswald.Moderator, changes: true, again: true, slow: true, run: h.undo},

		{name: "spam", area: "Spam", desc: "Say what the spam filter has done", example: "spam",
			role: oswald.Moderator, run: h.spam, sub: []command{
				{name: "why", usage: "N", desc: "Say what moved the verdict on a comment", example: "spam why 12",
					role: oswald.Moderator, min: 1, max: 1, run: h.spamWhy},
				{name: "retrain", desc: "Learn all labelled messages afresh", example: "spam retrain",
					role: oswald.Moderator, changes: true, again: true, slow: true, run: h.spamRetrain},
				{name: "stats", desc: "Show what the spam filter knows", example: "spam stats",
					role: oswald.Moderator, run: h.spamStats},
				{name: "test", usage: "TEXT", desc: "Say what the filter thinks of a text", example: "spam test Cheap watches, buy now!",
					role: oswald.Moderator, min: 1, max: 1, rest: true, run: h.spamTest},
			}},

		{name: "say", area: "Voice", usage: "[left|right|both] TEXT", desc: "Speak a text in the house", example: "say left Dinner is ready",
			role: oswald.Member, min: 1, max: 1, rest: true, changes: true, run: h.say},

		{name: "repeat", area: "Voice", desc: "Speak the last text again", example: "repeat",
			role: oswald.Member, changes: true, run: h.repeat},
		{name: "hush", area: "Voice", desc: "Stop speaking at once, and forget what waits to be spoken", example: "hush",
			role: oswald.Member, changes: true, again: true, run: h.hush},
		{name: "mute", area: "Voice", usage: "[left|right] | alerts [2h]", desc: "Keep the rooms silent, or all alerts but critical ones for a time", example: "mute left",
			role: oswald.Member, max: 3, changes: true, again: true, run: h.mute},
		{name: "unmute", area: "Voice", usage: "[left|right] | alerts", desc: "Let the rooms, or alerts, be heard again", example: "unmute left",
			role: oswald.Member, max: 1, changes: true, again: true, run: h.unmute},
		{name: "volume", area: "Voice", usage: "N", desc: "Set how loud speech is, 1 to 100", example: "volume 60",
			role: oswald.Member, min: 1, max: 1, changes: true, again: true, run: h.volume},
		{name: "chime", area: "Voice", usage: "on|off", desc: "Put two notes before speech, or not", example: "chime off",
			role: oswald.Member, min: 1, max: 1, changes: true, again: true, run: h.chime},
		{name: "quiet", area: "Voice", usage: "FROM-TO|off", desc: "Speak nothing but critical alerts between two times", example: "quiet 22:00-07:00",
			role: oswald.Member, min: 1, max: 1, changes: true, again: true, run: h.quiet},

		{name: "temp", alias: []string{"temperature"}, area: "Sensors", usage: "[probe]", desc: "Tell the temperatures", example: "temp kitchen",
			role: oswald.Member, max: 1, run: h.temp},

		{name: "alerts", area: "Alerts", desc: "List the alerts that last", example: "alerts",
			role: oswald.Member, run: h.alerts},
		{name: "ack", area: "Alerts", usage: "[A|all]", desc: "Acknowledge an alert: no more reminders", example: "ack A3",
			role: oswald.Member, max: 99, changes: true, again: true, run: h.ack},

		{name: "snooze", area: "Alerts", usage: "A [TIME]", desc: "Keep one alert silent for a time, an hour if none is named", example: "snooze A3 2h",
			role: oswald.Member, min: 1, max: 3, changes: true, again: true, run: h.snooze},

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
