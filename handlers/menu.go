// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"slices"
	"strings"

	"oswald"
)

// labels are what the arguments in the usage of commands are called in a form,
// where their capital letters say too little.
var labels = map[string]string{
	"N": "Number", "A": "Alert", "JID": "Address", "TIME": "How long", "ID|N": "ID, or number of a comment",
	"N|spam": "Number, or spam", "A|all": "Alert, or all", "FROM-TO|off": "From-to, or off",
}

// Menu returns the commands that role may use, as forms can ask for them: the rows
// of the same table.
func (h *Handlers) Menu(role oswald.Role) []oswald.MenuItem {
	var list []oswald.MenuItem
	a := oswald.Actor{Role: role}
	add := func(c *command, path string) {
		if c.visible(a) && c.run != nil {
			list = append(list, oswald.MenuItem{Name: path, Desc: c.desc, Fields: c.form(), Asks: c.confirm != nil})
		}
	}
	for _, area := range areas {
		for i := range h.rows {
			c := &h.rows[i]
			if c.area != area || c.hidden {
				continue
			}
			add(c, c.name)
			for j := range c.sub {
				if c.sub[j].desc != c.desc { // "build" and "build status" are one
					add(&c.sub[j], c.name+" "+c.sub[j].name)
				}
			}
		}
	}
	return list
}

// form makes the fields of a command from its usage, unless the row has its own.
func (c *command) form() []oswald.Field {
	if c.fields != nil || c.max == 0 {
		return c.fields
	}
	var list []oswald.Field
	words := strings.Fields(c.usage)
	for i, w := range words {
		inner := strings.Trim(w, "[]")
		f := oswald.Field{Name: strings.ToLower(inner), Label: labels[inner], Required: inner == w, Address: inner == "JID"}
		if f.Label == "" {
			f.Label = strings.ToUpper(inner[:1]) + strings.ToLower(inner[1:])
		}
		first, _, choice := strings.Cut(inner, "|")
		if choice {
			f.Name = strings.ToLower(first)
		}
		if choice && inner == strings.ToLower(inner) {
			f.Options, f.Label = strings.Split(inner, "|"), "Which"
			if slices.Contains(f.Options, "both") {
				f.Value = "both"
			}
		}
		// The last one may be several words.
		f.Rest = i == len(words)-1 && (c.rest || c.max > len(words))
		list = append(list, f)
	}
	return list
}
