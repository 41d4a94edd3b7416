// SPDX-License-Identifier: GPL-3.0-or-later

package spam

import (
	"testing"

	"oswald"
)

func open(t testing.TB, cfg Config) *Filter {
	t.Helper()
	f, err := New(cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// inMemory is the configuration of a new installation without a file.
func inMemory() Config {
	c := Defaults()
	c.Model = ""
	return c
}

// Texts that are not in the seed, as a new site meets them.
func TestSeedAlone(t *testing.T) {
	f := open(t, inMemory())
	test := func(want oswald.Verdict, text string) {
		t.Helper()
		if r := f.Classify(text); r.Verdict != want {
			t.Errorf("%q: %s (%.3f), want %s; %v", text, r.Verdict, r.Score, want, r.Evidence)
		}
	}
	test(oswald.Ham, "Thank you, that helped me a lot.")
	test(oswald.Ham, "Lovely photos! Is that the bridge near the mill?")
	test(oswald.Ham, "How many litres does the tank hold?")
	test(oswald.Ham, "I tried it yesterday and the lamp still flickers when the fridge starts.")
	test(oswald.Ham, "The page does not say which resistor to use. Is 10k fine?")
	test(oswald.Ham, "Good morning, I enjoyed reading about the old clock.")
	test(oswald.Ham, "We had rain all day, so the children painted the bird house.")
	test(oswald.Ham, "Vielen Dank, jetzt läuft die Heizung wieder.")
	test(oswald.Ham, "Merci pour les photos, c'est très joli.")
	test(oswald.Spam, "Play at the best casino, free spins and a big bonus on your first deposit: http://mega-slots.net")
	test(oswald.Spam, "Cheap viagra online, no prescription, order now!!! www.pill-store.net")
	test(oswald.Spam, "Please subscribe to my channel and check out my new videos!!!")
	test(oswald.Spam, "Earn $5000 a week with our bitcoin trading platform, guaranteed profit, contact us on WhatsApp")
	test(oswald.Unsure, "We offer SEO services and backlinks to rank your website on the first page of Google")
	test(oswald.Spam, "Your account has been suspended, verify your password at http://login-check.net")
	test(oswald.Spam, "CLICK HERE TO CLAIM YOUR FREE GIFT CARD http://gift-winner.net")
}

func TestOneFlag(t *testing.T) {
	test := func(flagged, similar string) {
		t.Helper()
		f := open(t, inMemory())
		before := f.Classify(similar).Score
		f.Learn(Message{N: 1, Text: flagged, Spam: true})
		after := f.Classify(similar)
		t.Logf("%.3f -> %.3f", before, after.Score)
		if after.Score <= before || after.Verdict == oswald.Ham {
			t.Errorf("%q: %.3f before, %.3f after the flag", similar, before, after.Score)
		}
		for _, text := range []string{"Thank you, that helped me a lot.", "How many litres does the tank hold?"} {
			if r := f.Classify(text); r.Verdict != oswald.Ham {
				t.Errorf("after flagging %q, %q is %s (%.3f)", flagged, text, r.Verdict, r.Score)
			}
		}
	}
	test("Our roofing company in Springfield does gutters and chimneys, call 555-0101 for a free estimate",
		"Need a new roof? Free estimate from Springfield's best chimney and gutters company, call 555-0199")
	test("Premium essential oils wholesale, visit aromashop dot example for discount",
		"Wholesale premium candles and oils with discount at scentstore dot example")
	test("Rent luxury yachts in Dubai with crew http://dubai-yachts.example",
		"Luxury desert tours and yacht parties in Dubai http://desert-fun.net")
}
