package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Limits of a question and of its answer.
const (
	VerifyRows   = 1000 // of a range
	VerifyValues = 50   // rows that are compared value by value
	maxVerify    = 16 << 20

	// MostQuestion is the most bytes that a question may have.
	MostQuestion = 1 << 20
)

// What is asked.
const (
	AskSum    = "sum"    // how many rows a range has, and their checksum
	AskHashes = "hashes" // the key and the checksum of each row of a range
	AskValues = "values" // the rows with the given keys
	AskSend   = "send"   // that the rows with the given keys be sent to the asker

	AskColumns = "columns" // the table's definition; older nodes do not know this question
	AskSummary = "summary" // how the node is; it names no table, and older nodes do not know it
)

// UnknownQuestion ends the answer of a node too old to know a question.
const UnknownQuestion = "is not a known question"

// FormLarge is the form of checksums and values for rows of any size. The earlier
// form, which older nodes use, has only whole values.
const FormLarge = 2

// What a transformer does to a row on its way to the asker; empty if it goes unchanged.
const (
	WayHeld    = "held"    // it is not sent
	WayChanged = "changed" // with other values
	WayRekeyed = "rekeyed" // under another key
	WayFailed  = "failed"
	WayUntold  = "untold" // it exists, but not for the asker
)

// How a row withheld from the asker compares with the asker's checksum.
const (
	WaySame    = "same"
	WayDiffers = "differs"
)

// Question is asked by a node that compares a table with another's. A range is
// all after the key After, if set, up to the key UpTo, if set, in primary key
// order. Keys travel as bytes (base64 in JSON).
type Question struct {
	ID      uint64   `json:"id,string"`
	Ask     string   `json:"ask"`
	Table   string   `json:"table"`
	Columns []string `json:"columns,omitempty"`
	After   []byte   `json:"after,omitempty"`
	UpTo    []byte   `json:"upTo,omitempty"`
	Keys    [][]byte `json:"keys,omitempty"`
	Form    int      `json:"form,omitempty"`  // the latest that the asker knows
	Parts   bool     `json:"parts,omitempty"` // the asker accepts an answer in parts
	Types   []string `json:"types,omitempty"` // the asker's data types of the columns; for AskValues

	// Known are the asker's versions of the rows with Keys, for AskValues: for rows that it got from another node than the
	// one asked, they show that it may be told about them, or that they differ.
	Known []VerifyVersion `json:"known,omitempty"`

	// The asker's own count and checksum of the range, for AskSum, and its checksums of the rows with Keys, for AskValues, to
	// be confirmed if it may not be told what the other has. A row that it lacks has none.
	Count int64    `json:"count,omitempty"`
	Sum   string   `json:"sum,omitempty"`
	Sums  []string `json:"sums,omitempty"`

	Errand
}

// Errand is what questions about no table have with them.
type Errand struct {
	Led *Led `json:"led,omitempty"` // for AskLead
	Act *Act `json:"act,omitempty"` // for AskAct
}

// Answer answers the question with the same ID; Error says why it could not be answered.
type Answer struct {
	ID     uint64        `json:"id,string"`
	Error  string        `json:"error,omitempty"`
	Count  int64         `json:"count,omitempty"`
	Sum    string        `json:"sum,omitempty"`
	Hashes []Hash        `json:"hashes,omitempty"`
	Values []VerifyValue `json:"values,omitempty"`
	Types  []string      `json:"types,omitempty"` // data types of the columns; for AskValues
	Form   int           `json:"form,omitempty"`  // of the answer
	Part   bool          `json:"part,omitempty"`  // there are more Hashes, or Values, for the keys that follow
	Takes  bool          `json:"takes,omitempty"` // a transformer may change the table's rows on receipt; for AskValues
	Now    int64         `json:"now,omitempty"`   // ms since 1970 by the clock of who answers; if the question names no table

	Definition          // for AskColumns
	Summary    *Summary `json:"summary,omitempty"` // for AskSummary
	Lead       []byte   `json:"lead,omitempty"`    // for AskLead: a signed document; none if the asker has it
	Acted      *Acted   `json:"acted,omitempty"`   // for AskAct
}

// Definition is a table's, as far as the asker may know.
type Definition struct {
	Columns []VerifyColumn `json:"columns,omitempty"`
	Key     []string       `json:"key,omitempty"`     // the columns of the primary key, in order; older nodes do not say
	Unique  [][]string     `json:"unique,omitempty"`  // those of each other unique key
	Sends   bool           `json:"sends,omitempty"`   // the table's changes are sent to the asker
	Changes bool           `json:"changes,omitempty"` // a transformer may change them, or those received
}

// VerifyColumn is a column as the server describes it, as far as it says which
// values fit.
type VerifyColumn struct {
	Name      string `json:"n"`
	DataType  string `json:"d"`
	Type      string `json:"t"` // as COLUMN_TYPE has it
	Length    int    `json:"l,omitempty"`
	Precision int    `json:"p,omitempty"`
	Scale     int    `json:"s,omitempty"`
	Charset   string `json:"c,omitempty"`
	Nullable  bool   `json:"null,omitempty"`
}

// Column returns the column that is described, or an error for a type that is unknown here. Nothing in it is trusted.
func (v VerifyColumn) Column() (value.Column, error) {
	kind, err := value.KindOf(v.DataType)
	if err != nil {
		return value.Column{}, err
	}
	c := value.Column{Name: v.Name, DataType: strings.ToLower(v.DataType), Kind: kind, Type: v.Type, Length: v.Length, Precision: v.Precision,
		Scale: v.Scale, Charset: v.Charset, Nullable: v.Nullable, Unsigned: strings.Contains(strings.ToLower(v.Type), "unsigned")}
	if c.IsNumbered() {
		c.Members, c.Unsigned = value.Members(v.Type), false
	}
	return c, nil
}

// VerifyVersion is the version of a row; its time is 0 where there is none.
type VerifyVersion struct {
	Time   int64  `json:"t,omitempty"`
	Origin string `json:"o,omitempty"`
}

// Hash is a row's key and checksum.
type Hash struct {
	Key []byte `json:"k"`
	Sum string `json:"s"`
}

// VerifyValue is a row as a node has it; Values is empty if it has none for the asker.
// Pending says that it still has to send the row to the asker.
type VerifyValue struct {
	Key     []byte   `json:"k"`
	Values  [][]byte `json:"v,omitempty"`
	Pending bool     `json:"p,omitempty"`
	Time    int64    `json:"t,omitempty"`
	Origin  string   `json:"o,omitempty"`
	Other   bool     `json:"another,omitempty"` // the version is withheld, and not one in the question's Known
	Way     string   `json:"w,omitempty"`       // one of the constants above
	Untold  []int    `json:"u,omitempty"`       // indices in Values that are withheld from the asker
}

// verifyJSON is either of the two.
type verifyJSON struct {
	Question *Question `json:"question,omitempty"`
	Answer   *Answer   `json:"answer,omitempty"`
}

// Fit truncates an answer larger than MessageBytes and sets Part; it keeps at least one row.
func (a *Answer) Fit() {
	for len(a.Hashes)+len(a.Values) > 1 {
		if b, err := a.Encode(); err != nil || len(b) <= MessageBytes {
			return
		}
		a.Part = true
		a.Hashes = a.Hashes[:(len(a.Hashes)+1)/2]
		a.Values = a.Values[:(len(a.Values)+1)/2]
	}
}

// Within returns how many of the first n keys a message may have: at most most, and as many as fit, but always at least
// one.
func Within(n, most int, key func(i int) int) int {
	room := MessageBytes * 5 / 8 // base64
	for i := range min(n, most) {
		if room -= key(i) + 3; room < 0 && i > 0 {
			return i
		}
	}
	return min(n, most)
}

// Encode returns the question as a message.
func (q Question) Encode() ([]byte, error) { return json.Marshal(verifyJSON{Question: &q}) }

// Encode returns the answer as a message.
func (a Answer) Encode() ([]byte, error) { return json.Marshal(verifyJSON{Answer: &a}) }

// ParseVerify reads a message of a verify topic: exactly one of the results is
// not nil, unless there is an error.
func ParseVerify(payload []byte) (*Question, *Answer, error) {
	if len(payload) > maxVerify {
		return nil, nil, errors.New("verify: the message is too large")
	}
	if longest(payload) > max(VerifyRows, maxColumns) {
		return nil, nil, errors.New("verify: a list in it is too long")
	}
	var m verifyJSON
	if err := json.Unmarshal(payload, &m); err != nil {
		return nil, nil, fmt.Errorf("verify: %w", err)
	}
	if (m.Question == nil) == (m.Answer == nil) {
		return nil, nil, errors.New("verify: neither a question nor an answer")
	}
	if m.Answer != nil && (len(m.Answer.Hashes) > VerifyRows || len(m.Answer.Values) > VerifyRows) {
		return nil, nil, errors.New("verify: the answer has more rows than may be asked for")
	}
	if m.Answer != nil && m.Answer.Summary != nil && len(payload) > MostSummary {
		return nil, nil, errors.New("verify: the summary is too large")
	}
	if m.Answer != nil && len(m.Answer.Lead) > MostLed {
		return nil, nil, errors.New("verify: the document is too large")
	}
	if m.Answer != nil && m.Answer.Acted != nil && len(m.Answer.Acted.Result) > MostActed {
		return nil, nil, errors.New("verify: the result is too large")
	}
	if m.Question != nil && (len(m.Question.Known) > VerifyRows || len(m.Question.Sums) > VerifyRows || len(payload) > MostQuestion || len(m.Question.Keys) > VerifyRows || len(m.Question.Columns) > maxColumns || len(m.Question.Types) > maxColumns) {
		return nil, nil, errors.New("verify: the question asks for too much")
	}
	return m.Question, m.Answer, nil
}
