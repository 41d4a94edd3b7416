// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"oswald"
)

func (h *Handlers) repeat(ctx context.Context, req oswald.Request, _ []string) (oswald.Reply, error) {
	if h.deps.Voice == nil {
		return oswald.Reply{}, absent("Speech is")
	}
	s, err := h.deps.Voice.Repeat(ctx, req.ID)
	if err != nil {
		return oswald.Reply{}, err
	}
	return oswald.Reply{Text: spokenText(s)}, nil
}

func (h *Handlers) hush(context.Context, oswald.Request, []string) (oswald.Reply, error) {
	if h.deps.Voice == nil {
		return oswald.Reply{}, absent("Speech is")
	}
	switch n := h.deps.Voice.Hush(); n {
	case 0:
		return oswald.Reply{Text: "Nothing was being said."}, nil
	default:
		return oswald.Reply{Text: fmt.Sprintf("Silence: %s ended.", plural(n, "message", "messages"))}, nil
	}
}

// room reads which room `mute` and `unmute` mean; none named is both.
func room(args []string) (oswald.Channel, error) {
	if len(args) == 0 {
		return oswald.Both, nil
	}
	for _, c := range []oswald.Channel{oswald.Left, oswald.Right, oswald.Both} {
		if len(args) == 1 && strings.EqualFold(args[0], c.String()) {
			return c, nil
		}
	}
	return oswald.Both, oswald.Errorf(oswald.Invalid, "I do not know %s: it is left, right, both or alerts.", quote(strings.Join(args, " ")))
}

func isAlerts(args []string) bool {
	return len(args) > 0 && (strings.EqualFold(args[0], "alerts") || strings.EqualFold(args[0], "alert"))
}

func (h *Handlers) mute(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	if isAlerts(args) {
		return h.muteAlerts(ctx, args[1:])
	}
	ch, err := room(args)
	if err != nil {
		return oswald.Reply{}, err
	}
	if h.deps.Voice == nil {
		return oswald.Reply{}, absent("Speech is")
	}
	h.deps.Voice.Silence(ch, true)
	return oswald.Reply{Text: fmt.Sprintf("Muted %s, until `unmute` or a restart.", channelTexts[ch])}, nil
}

func (h *Handlers) unmute(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	if isAlerts(args) {
		if h.deps.Calm == nil {
			return oswald.Reply{}, absent("Alerts are")
		}
		if err := h.deps.Calm.Mute(ctx, h.now()); err != nil {
			return oswald.Reply{}, err
		}
		return oswald.Reply{Text: "Alerts are told again."}, nil
	}
	ch, err := room(args)
	if err != nil {
		return oswald.Reply{}, err
	}
	if h.deps.Voice == nil {
		return oswald.Reply{}, absent("Speech is")
	}
	h.deps.Voice.Silence(ch, false)
	return oswald.Reply{Text: fmt.Sprintf("Speech is heard %s again.", channelTexts[ch])}, nil
}

func (h *Handlers) volume(_ context.Context, _ oswald.Request, args []string) (oswald.Reply, error) {
	n, err := strconv.Atoi(strings.TrimRight(args[0], "%."))
	if err != nil || n < 1 || n > 100 {
		return oswald.Reply{}, oswald.Errorf(oswald.Invalid, "Say how loud: a number from 1 to 100.")
	}
	if h.deps.Sound == nil {
		return oswald.Reply{}, absent("Speech is")
	}
	if err := h.deps.Sound.Volume(n); err != nil {
		return oswald.Reply{}, err
	}
	return oswald.Reply{Text: fmt.Sprintf("The volume is %d from the next message on.", n)}, nil
}

func (h *Handlers) chime(_ context.Context, _ oswald.Request, args []string) (oswald.Reply, error) {
	on := strings.EqualFold(args[0], "on")
	if !on && !strings.EqualFold(args[0], "off") {
		return oswald.Reply{}, oswald.Errorf(oswald.Invalid, "It is `chime on` or `chime off`.")
	}
	if h.deps.Sound == nil {
		return oswald.Reply{}, absent("Speech is")
	}
	h.deps.Sound.Chime(on)
	if on {
		return oswald.Reply{Text: "Two notes come before each message."}, nil
	}
	return oswald.Reply{Text: "Messages begin without notes."}, nil
}

func (h *Handlers) quiet(_ context.Context, _ oswald.Request, args []string) (oswald.Reply, error) {
	if h.deps.Sound == nil {
		return oswald.Reply{}, absent("Speech is")
	}
	span := strings.NewReplacer("–", "-", "—", "-").Replace(args[0]) // as phones type it
	if strings.EqualFold(span, "off") {
		span = ""
	}
	if err := h.deps.Sound.Quiet(span); err != nil {
		return oswald.Reply{}, err
	}
	if span == "" {
		return oswald.Reply{Text: "There are no quiet hours any more."}, nil
	}
	return oswald.Reply{Text: fmt.Sprintf("Quiet from now on at %s: nothing but critical alerts is spoken then.", oneLine(span, 20))}, nil
}

// longestCalm is how long alerts can be kept silent: who wants more changes the
// configuration.
const longestCalm = 7 * 24 * time.Hour

// calmFor reads a time such as 2h, 30min or 1d.
func calmFor(args []string) (time.Duration, error) {
	if len(args) == 0 {
		return time.Hour, nil
	}
	s := strings.ToLower(strings.Join(args, ""))
	num := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyz.")
	unit := map[string]time.Duration{
		"s": time.Second, "m": time.Minute, "min": time.Minute, "mins": time.Minute, "minutes": time.Minute,
		"h": time.Hour, "hr": time.Hour, "hour": time.Hour, "hours": time.Hour, "d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour,
	}[strings.Trim(s[len(num):], ".")]
	n, err := strconv.ParseFloat(num, 64)
	if err != nil || unit == 0 || !(n > 0) || n*float64(unit) > float64(longestCalm) {
		return 0, oswald.Errorf(oswald.Invalid, "%s is not a time: say 30min, 2h or 1d; 7d is the most.", quote(strings.Join(args, " ")))
	}
	return time.Duration(n * float64(unit)), nil
}

func (h *Handlers) muteAlerts(ctx context.Context, args []string) (oswald.Reply, error) {
	if h.deps.Calm == nil {
		return oswald.Reply{}, absent("Alerts are")
	}
	d, err := calmFor(args)
	if err != nil {
		return oswald.Reply{}, err
	}
	until := h.now().Add(d)
	if err := h.deps.Calm.Mute(ctx, until); err != nil {
		return oswald.Reply{}, err
	}
	return oswald.Reply{Text: fmt.Sprintf("No alert but critical ones until %s. What lasts then is told; `unmute alerts` ends it sooner.", clock(h.now(), until))}, nil
}

func (h *Handlers) snooze(ctx context.Context, _ oswald.Request, args []string) (oswald.Reply, error) {
	if h.deps.Calm == nil {
		return oswald.Reply{}, absent("Alerts are")
	}
	d, err := calmFor(args[1:])
	if err != nil {
		return oswald.Reply{}, err
	}
	until := h.now().Add(d)
	which := strings.ToUpper(label(args[0]))
	if err := h.deps.Calm.Snooze(ctx, which, until); err != nil {
		return oswald.Reply{}, err
	}
	return oswald.Reply{Text: fmt.Sprintf("%s is silent until %s.", which, clock(h.now(), until))}, nil
}
