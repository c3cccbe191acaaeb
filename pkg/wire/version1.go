package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// MaxMessage is the largest message of version 1 that is read, in bytes.
const MaxMessage = 64 << 20

// maxError is the most characters an error message may have: existing peers
// store it in a VARCHAR(255) and fail on a longer one.
const maxError = 255

// Messages of /info and /info/{client}.
const (
	Connected      = "connected"
	ConnectionLost = "connection_lost"
	DataReceived   = "data_received"
	Failed         = "error"
)

// Info is a message of /info or /info/{client}; which of its fields are set
// follows from Message.
type Info struct {
	Sender  string
	Message string
	Until   time.Time // connected: when the sender's presence ends, by its own clock
	Table   string    // data_received, error
	ID      string
	Date    int64  // the date of the change that is answered, ms since 1970
	Error   string // error
}

// Change is a message of /change/{client}. A nil Entity is a delete.
type Change struct {
	Sender string
	Table  string
	ID     string
	Date   int64 // ms since 1970
	Entity value.Entity
}

type infoJSON struct {
	Sender  string          `json:"sender"`
	Message string          `json:"message"`
	Args    json.RawMessage `json:"args"`
}

type argsJSON struct {
	Until   moment `json:"until"`
	Table   string `json:"table"`
	ID      text   `json:"id"`
	Date    moment `json:"date"`
	Message string `json:"message"`
}

// moment reads ms since 1970 as a number or a string of digits, or an ISO time:
// the document's own examples differ.
type moment int64

func (m *moment) UnmarshalJSON(raw []byte) error {
	if raw[0] != '"' {
		f, err := strconv.ParseFloat(string(raw), 64)
		if err != nil || f < 0 || f > 1<<53 {
			return fmt.Errorf("%.40s is not a time in ms since 1970", raw)
		}
		*m = moment(f)
		return nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 && n <= 1<<53 {
		*m = moment(n)
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.UnixMilli() < 0 {
		return fmt.Errorf("%.40q is not a time", s)
	}
	*m = moment(t.UnixMilli())
	return nil
}

// text reads a string, or a number as its digits: peers that are scripts send
// the id of an integer key as a number.
type text string

func (t *text) UnmarshalJSON(raw []byte) error {
	if raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9' {
		*t = text(raw)
		return nil
	}
	return json.Unmarshal(raw, (*string)(t))
}

// ParseInfo reads a message of /info or /info/{client}. The sender is set where
// it could be read, also when an error is returned.
func ParseInfo(payload []byte) (Info, error) {
	if len(payload) > MaxMessage {
		return Info{}, errors.New("info message: too large")
	}
	var m infoJSON
	if err := json.Unmarshal(payload, &m); err != nil {
		return Info{}, fmt.Errorf("info message: %w", err)
	}
	if !ValidClient(m.Sender) {
		return Info{}, fmt.Errorf("info message: sender %.40q is not a client name", m.Sender)
	}
	i := Info{Sender: m.Sender, Message: m.Message}
	var a argsJSON
	if m.Message == ConnectionLost {
		return i, nil
	}
	if err := json.Unmarshal(m.Args, &a); err != nil {
		return i, fmt.Errorf("info message %.40q: args: %w", m.Message, err)
	}
	switch m.Message {
	case Connected:
		i.Until = time.UnixMilli(int64(a.Until))
		return i, nil
	case DataReceived, Failed:
		if a.Table == "" || a.ID == "" {
			return i, fmt.Errorf("info message %s: table or id is missing", m.Message)
		}
		i.Table, i.ID, i.Date, i.Error = a.Table, string(a.ID), int64(a.Date), Shorten(a.Message, maxError)
		return i, nil
	}
	return i, fmt.Errorf("info message: %.40q is not a known message", m.Message)
}

// Encode returns the message as existing peers take it.
func (i Info) Encode() []byte {
	b := []byte(`{"sender":` + quote(i.Sender) + `,"message":` + quote(i.Message) + `,"args":{`)
	switch i.Message {
	case Connected:
		b = append(b, `"until":`...)
		b = strconv.AppendInt(b, i.Until.UnixMilli(), 10)
	case DataReceived, Failed:
		b = append(b, `"table":`+quote(i.Table)+`,"id":`+quote(i.ID)+`,"date":`...)
		b = strconv.AppendInt(b, i.Date, 10)
		if i.Message == Failed {
			b = append(b, `,"message":`+quote(Shorten(i.Error, maxError))...)
		}
	}
	return append(b, "}}"...)
}

type changeJSON struct {
	Sender string          `json:"sender"`
	Table  string          `json:"table"`
	ID     text            `json:"id"`
	Date   moment          `json:"date"`
	Entity json.RawMessage `json:"entity"`
}

// ParseChange reads a message of /change/{client}. Sender, table, id and date
// are set if they could be read, even if an error is returned, so that the
// sender can be answered.
func ParseChange(payload []byte) (Change, error) {
	if len(payload) > MaxMessage {
		return Change{}, errors.New("change: the message is too large")
	}
	var m changeJSON
	if err := json.Unmarshal(payload, &m); err != nil {
		c := Change{Sender: m.Sender}
		if len(m.ID) <= maxKey && len(m.Table) <= maxKey {
			c.Table, c.ID, c.Date = m.Table, string(m.ID), int64(m.Date)
		}
		return c, fmt.Errorf("change: %w", err)
	}
	c := Change{Sender: m.Sender, Table: m.Table, ID: string(m.ID), Date: int64(m.Date)}
	if len(m.ID) > maxKey || len(m.Table) > maxKey { // no answer is that long
		return Change{Sender: m.Sender}, fmt.Errorf("change: table or id has more than %d bytes", maxKey)
	}
	switch {
	case !ValidClient(m.Sender):
		return c, fmt.Errorf("change: sender %.40q is not a client name", m.Sender)
	case m.Table == "" || utf8.RuneCountInString(m.Table) > 128:
		return c, errors.New("change: table is missing or has more than 128 characters")
	case m.ID == "":
		return c, errors.New("change: id is missing")
	case m.Entity == nil:
		return c, errors.New("change: entity is missing")
	}
	var err error
	if c.Entity, err = value.DecodeEntity(m.Entity); err != nil {
		return c, fmt.Errorf("change: %w", err)
	}
	return c, nil
}

// Encode returns the message as existing peers take it.
func (c Change) Encode() ([]byte, error) {
	b := make([]byte, 0, 256)
	b = append(b, `{"sender":`+quote(c.Sender)+`,"table":`+quote(c.Table)+`,"id":`+quote(c.ID)+`,"date":`...)
	b = strconv.AppendInt(b, c.Date, 10)
	b = append(b, `,"entity":`...)
	b, err := c.Entity.AppendJSON(b)
	if err != nil {
		return nil, fmt.Errorf("encode change of %s %s: %w", c.Table, c.ID, err)
	}
	return append(b, '}'), nil
}

// Shorten cuts s to at most n characters, and marks the cut.
func Shorten(s string, n int) string {
	count, cut := 0, 0
	for i := range s { // as runes, a text of megabytes would take four times as much
		if count == n-1 {
			cut = i
		}
		if count++; count > n {
			return string([]rune(s[:cut])) + "…"
		}
	}
	return s
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil { // cannot happen: a string always has a JSON form
		return `""`
	}
	return string(b)
}
