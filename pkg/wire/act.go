package wire

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"time"
	"unicode/utf8"
)

// Bounds of what is asked and answered about acts. Promise 10.
const (
	MostActed   = 48 << 10 // bytes of a result
	mostPerson  = 64       // characters of a name
	mostReason  = 255      // characters
	mostRow     = 16 << 10 // bytes of a row's id
	mostNamed   = 1000
	mostActions = 16
	mostAction  = 16 // characters
	actID       = 16 // bytes
)

// ActWithin is how far the asker's time may be from the clock of who is asked.
const ActWithin = time.Minute

// AskAct asks a node to do something; it names no table in Question.Table, and only nodes that announce it (Node.Acts) are
// asked.
const AskAct = "act"

// What a node can be asked to do. Each needs the right of its name, and resume that of pause.
const (
	ActLook   = "look" // at refused rows, remotes and pauses; it changes nothing
	ActRetry  = "retry"
	ActPause  = "pause"
	ActResume = "resume"
	ActVerify = "verify"
	ActResync = "resync"
)

// Act is what a node is asked to do. An empty remote is all of its remotes, and an empty table all tables.
type Act struct {
	ID string `json:"id"` // 16 random bytes in hex: what has one ID is done once
	At int64  `json:"at"` // when, in ms since 1970 by the asker's clock
	By string `json:"by"` // which person, as the asker says

	Do      string   `json:"do"` // one of the constants above
	Remote  string   `json:"remote,omitempty"`
	Table   string   `json:"table,omitempty"`
	Row     string   `json:"row,omitempty"`     // its id; look and retry
	Skip    int      `json:"skip,omitempty"`    // rows; look
	Tables  []string `json:"tables,omitempty"`  // verify
	Repair  bool     `json:"repair,omitempty"`  // verify
	Mode    string   `json:"mode,omitempty"`    // resync: missing, all
	Seconds float64  `json:"seconds,omitempty"` // pause; 0: until it is resumed
	Reason  string   `json:"reason,omitempty"`  // pause
	Exactly bool     `json:"exactly,omitempty"` // resume: only the pause of what is named
}

// Acted is what came of it.
type Acted struct {
	Running bool            `json:"running,omitempty"` // it goes on: ask again, with the same ID, for the result
	Error   string          `json:"error,omitempty"`   // why it was begun but failed
	Result  json.RawMessage `json:"result,omitempty"`  // by what was asked; see status.Looked and others
}

// Check returns what is wrong with what is asked, before anything is looked up: nothing in it is trusted. Promise 9.
func (a *Act) Check() error {
	id, err := hex.DecodeString(a.ID)
	switch {
	case err != nil || len(id) != actID || hex.EncodeToString(id) != a.ID:
		return errors.New("act: the id is not valid")
	case !dated(time.UnixMilli(a.At)):
		return errors.New("act: the time is out of range")
	case !isPlain(a.By, mostPerson):
		return errors.New("act: the person's name is too long, or has characters that are not text")
	case !isPlain(a.Do, mostAction):
		return errors.New("act: what to do is not valid")
	case a.Remote != "" && !ValidClient(a.Remote):
		return errors.New("act: the remote is not the name of a client")
	case len(a.Tables) > mostNamed || a.Skip < 0 || a.Skip > mostNamed || len(a.Row) > mostRow || !utf8.ValidString(a.Row) || !isPlain(a.Mode, mostAction):
		return errors.New("act: it names too much, or what is not valid")
	case math.IsNaN(a.Seconds) || a.Seconds < 0 || a.Seconds > math.MaxInt32*60:
		return errors.New("act: the seconds are out of range")
	case !isPlain(a.Reason, mostReason):
		return errors.New("act: the reason is too long, or has characters that are not text")
	}
	for _, table := range append([]string{a.Table}, a.Tables...) {
		if len(table) > 256 || !utf8.ValidString(table) {
			return errors.New("act: the name of a table is not valid")
		}
	}
	return nil
}

// Fit makes an act one that Check accepts, where only its texts are too long.
func (a *Act) Fit() {
	a.By = Plain(a.By, mostPerson)
}
