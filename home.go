// SPDX-License-Identifier: GPL-3.0-or-later

package oswald

import "time"

// Reading is one look at a temperature probe.
type Reading struct {
	Probe     string // its name in config.toml, or the kernel's id
	Celsius   float64
	At        time.Time
	Err       error // why there is no value; worded for people
	Simulated bool
	// Trend is the change over the last hour in kelvin per hour; NaN if unknown.
	Trend float64
	// Recent holds values of the last 24 h, oldest first, for a sparkline.
	Recent []float64
}

// Channel is a room of the two-channel amplifier.
type Channel int

// The channels.
const (
	Both Channel = iota
	Left
	Right
)

// String returns the channel as the `say` command spells it.
func (c Channel) String() string { return [...]string{"both", "left", "right"}[c] }

// Spoken is how a `say` ended, or where it stands in the queue.
type Spoken struct {
	Channel   Channel
	Took      time.Duration // length of the speech
	Cached    bool          // the phrase was rendered before
	Simulated bool          // no sound card: File has what would have been heard
	File      string        // WAV file, when simulated
	Queued    int           // how many are ahead; 0 when it was spoken
	Lines     string        // what the mute lines did: "left unmuted 3.2 s"
}
