// SPDX-License-Identifier: GPL-3.0-or-later

package oswald

import "strings"

const aboutQuestion = "question:"

// AboutQuestion is the word of Reply.About that says: this waits for a "yes" or
// "no" to the command id.
func AboutQuestion(id string) string { return aboutQuestion + id }

// QuestionOf returns the ID of the command that about, of a reply or of a request,
// asks for or answers; empty if there is none.
func QuestionOf(about string) string {
	for _, word := range strings.Fields(about) {
		if id, ok := strings.CutPrefix(word, aboutQuestion); ok {
			return id
		}
	}
	return ""
}
