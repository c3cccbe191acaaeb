package wire

import (
	"errors"
	"unicode/utf8"
)

// Bounds of what is said about led configurations. Promise 10.
const (
	MostLed     = 64 << 10 // bytes of a signed document
	MostRefusal = 500      // characters of a reason
	mostLocal   = 32       // keys that a site determines itself
	mostVersion = 1 << 53
)

// AskLead asks a hub for the latest version of a profile; it names no table, and older nodes do not know it.
const AskLead = "lead"

// Led is what a site tells its hub with that question: which version of the profile it has.
type Led struct {
	Profile string   `json:"profile"`
	Version int64    `json:"version"`           // in use; 0: none
	Digest  []byte   `json:"digest,omitempty"`  // of its document
	Tried   int64    `json:"tried,omitempty"`   // that it refused; 0: none
	Refused string   `json:"refused,omitempty"` // why
	Local   []string `json:"local,omitempty"`   // keys that the profile has, but that the site determines itself
}

// Fit makes a report one that Check accepts.
func (l *Led) Fit() {
	l.Refused = Plain(l.Refused, MostRefusal)
	l.Local = l.Local[:min(len(l.Local), mostLocal)]
}

// Check returns what is wrong with a report: nothing in it is trusted. Promise 9.
func (l *Led) Check() error {
	if !ValidClient(l.Profile) || l.Version < 0 || l.Version > mostVersion || l.Tried < 0 || l.Tried > mostVersion || len(l.Local) > mostLocal || len(l.Digest) > 64 {
		return errLed
	}
	for _, x := range append([]string{l.Refused}, l.Local...) {
		if !isPlain(x, MostRefusal) || !utf8.ValidString(x) {
			return errLed
		}
	}
	return nil
}

var errLed = errors.New("lead: the report is not valid")
