// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import "oswald/internal/xmppclient/xmltree"

const nsQuick = "urn:xmpp:tmp:quick-response"

// quickResponses are the two answers to a question (XEP-0439 section 4.1). A client
// that knows them shows buttons and sends the value as an ordinary message; all
// others show the question, which says "yes/no" itself.
func quickResponses() []*xmltree.Element {
	return []*xmltree.Element{
		xmltree.New(nsQuick, "response", "value", "yes", "label", "Yes"),
		xmltree.New(nsQuick, "response", "value", "no", "label", "No"),
	}
}
