package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Here is a message of /here/{client}: a node's presence toward other nodes. The broker retains the one of each connect, until
// another replaces it: the node's will, or its farewell, says that it is gone.
type Here struct {
	Session uint64    // of the run; see Node
	Link    uint64    // counts the connections of the run, from 1
	Until   time.Time // by the sender's clock; a time after the moment of sending that all nodes know
	Info    bool      // its will is on /info, because an existing peer may be there: who wants to know that it died reads that too
	Gone    bool
	Sites   int // that its configuration names, if they are many: so many nodes may reconnect at the same moment; see protocol.md
}

// hereJSON is a Here on the wire.
type hereJSON struct {
	Session uint64 `json:"session,string"`
	Link    uint64 `json:"link"`
	Until   int64  `json:"until,omitempty"` // ms since 1970
	Info    bool   `json:"info,omitempty"`
	Gone    bool   `json:"gone,omitempty"`
	Sites   int    `json:"sites,omitempty"`
}

const maxHere = 4 << 10 // bytes of a message

// Encode returns the message.
func (h Here) Encode() []byte {
	j := hereJSON{Session: h.Session, Link: h.Link, Info: h.Info, Gone: h.Gone, Sites: h.Sites}
	if !h.Gone {
		j.Until = h.Until.UnixMilli()
	}
	b, err := json.Marshal(j)
	if err != nil { // cannot happen: numbers always have a JSON form
		return nil
	}
	return b
}

// ParseHere reads a message of /here/{client}.
func ParseHere(payload []byte) (Here, error) {
	var j hereJSON
	if len(payload) > maxHere {
		return Here{}, errors.New("presence: too large")
	}
	if err := json.Unmarshal(payload, &j); err != nil {
		return Here{}, fmt.Errorf("presence: %w", err)
	}
	if j.Session == 0 || j.Link == 0 || j.Until < 0 || j.Until > 1<<53 || j.Sites < 0 {
		return Here{}, errors.New("presence: session and link are missing, or a number is out of range")
	}
	return Here{Session: j.Session, Link: j.Link, Until: time.UnixMilli(j.Until), Info: j.Info, Gone: j.Gone, Sites: j.Sites}, nil
}
