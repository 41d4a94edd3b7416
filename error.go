// SPDX-License-Identifier: GPL-3.0-or-later

package oswald

import (
	"errors"
	"fmt"
)

// Code says what kind of failure an [Error] is.
type Code string

// The codes. They cross the wire between hosts, so they never change.
const (
	Invalid     Code = "invalid"     // what was asked makes no sense
	Forbidden   Code = "forbidden"   // the asker may not
	NotFound    Code = "notfound"    // there is no such thing
	Conflict    Code = "conflict"    // it has changed meanwhile, or is so already
	Unavailable Code = "unavailable" // a part is missing or does not answer
	Expired     Code = "expired"     // too late; it certainly did not run
	Unknown     Code = "unknown"     // it may have run; never run again by itself
	Internal    Code = "internal"    // ours
)

// Error is a failure worded for the person who asked.
type Error struct {
	Code    Code
	Message string // one sentence that says what to do: no path, no address, no secret
	Cause   error  // for the operator's log; may be nil; never crosses the wire
}

// Error returns the message with its cause, for the log.
func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message + ": " + e.Cause.Error()
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Errorf makes an Error whose message a person will read.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap makes an Error that keeps cause for the log and out of the sentence.
func Wrap(cause error, code Code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// CodeOf returns the code of err: "" for nil, Internal for somebody else's error.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// MessageOf returns the sentence a person may see. An error that is not an
// *Error is somebody else's and reads "Internal error."
func MessageOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "Internal error."
}
