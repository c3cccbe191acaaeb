package wire

import (
	"encoding/json"
	"errors"
	"fmt"
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
	AskSend   = "send"   // that the rows with the given keys be sent to who asks

	AskColumns = "columns" // what the table is made of; older nodes do not know the question
)

// UnknownQuestion ends the answer of a node that does not know a question, which is older.
const UnknownQuestion = "is not a known question"

// FormLarge is the form of checksums and values in which nodes compare rows of any
// size. The form before, which older nodes ask for and answer with, has whole values
// only.
const FormLarge = 2

// What a transformer does to a row on its way to the asker; nothing is said of one that
// goes as it is.
const (
	WayHeld    = "held"    // it does not go
	WayChanged = "changed" // with other values
	WayRekeyed = "rekeyed" // under another key
	WayFailed  = "failed"
	WayUntold  = "untold" // it is there, and not for who asks
)

// What a row withheld from the asker is, compared with the checksum that it gives.
const (
	WaySame    = "same"
	WayDiffers = "differs"
)

// Question is asked by a node that compares a table with another's. A range is
// what comes after the key After, if set, up to the key UpTo, if set, in the
// order of the primary key. Keys travel as bytes (base64 in JSON).
type Question struct {
	ID      uint64   `json:"id,string"`
	Ask     string   `json:"ask"`
	Table   string   `json:"table"`
	Columns []string `json:"columns,omitempty"`
	After   []byte   `json:"after,omitempty"`
	UpTo    []byte   `json:"upTo,omitempty"`
	Keys    [][]byte `json:"keys,omitempty"`
	Form    int      `json:"form,omitempty"`  // the latest that who asks knows
	Parts   bool     `json:"parts,omitempty"` // who asks takes an answer in parts
	Types   []string `json:"types,omitempty"` // data types of the columns where it asks, of AskValues

	// Known are the versions that who asks has of the rows with Keys, of AskValues: of rows that it was sent by another than
	// the node that it asks, they show that it may be told of them, or that they differ.
	Known []VerifyVersion `json:"known,omitempty"`

	// What who asks has itself, to have it confirmed where it is not told what is here: of the range, of AskSum, and of each of
	// the rows with Keys, of AskValues; one that it has not has none.
	Count int64    `json:"count,omitempty"`
	Sum   string   `json:"sum,omitempty"`
	Sums  []string `json:"sums,omitempty"`
}

// Answer answers the question with the same ID; Error says why it could not be.
type Answer struct {
	ID     uint64        `json:"id,string"`
	Error  string        `json:"error,omitempty"`
	Count  int64         `json:"count,omitempty"`
	Sum    string        `json:"sum,omitempty"`
	Hashes []Hash        `json:"hashes,omitempty"`
	Values []VerifyValue `json:"values,omitempty"`
	Types  []string      `json:"types,omitempty"` // data types of the columns, of Values
	Form   int           `json:"form,omitempty"`  // of the answer
	Part   bool          `json:"part,omitempty"`  // there are more Hashes, or Values: of the keys that follow
	Takes  bool          `json:"takes,omitempty"` // a transformer may change the table's rows where they come in, of Values

	// Of Columns:
	Columns []VerifyColumn `json:"columns,omitempty"`
	Key     []string       `json:"key,omitempty"`     // the columns of the primary key, in its order; older nodes do not say
	Unique  [][]string     `json:"unique,omitempty"`  // those of each further unique key
	Sends   bool           `json:"sends,omitempty"`   // the table's changes are sent to who asks
	Changes bool           `json:"changes,omitempty"` // a transformer may change them, or those that come in
}

// VerifyColumn is a column as the server describes it: what is needed to say which
// values it takes.
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
// Pending says that it has still to send the row to the asker.
type VerifyValue struct {
	Key     []byte   `json:"k"`
	Values  [][]byte `json:"v,omitempty"`
	Pending bool     `json:"p,omitempty"`
	Time    int64    `json:"t,omitempty"`
	Origin  string   `json:"o,omitempty"`
	Other   bool     `json:"another,omitempty"` // the version is not told, and not the one that the question knows
	Way     string   `json:"w,omitempty"`       // one of the constants above
	Untold  []int    `json:"u,omitempty"`       // places of Values that are not for who asks
}

// verifyJSON is either of the two.
type verifyJSON struct {
	Question *Question `json:"question,omitempty"`
	Answer   *Answer   `json:"answer,omitempty"`
}

// Fit cuts an answer that would be larger than MessageBytes, and says so in it; one row it always has.
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

// Within returns how many keys, from the first of n, a message may have: at most some, and as many as fit beside all else,
// but one always.
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
	if m.Question != nil && (len(m.Question.Known) > VerifyRows || len(m.Question.Sums) > VerifyRows || len(payload) > MostQuestion || len(m.Question.Keys) > VerifyRows || len(m.Question.Columns) > maxColumns || len(m.Question.Types) > maxColumns) {
		return nil, nil, errors.New("verify: the question asks for too much")
	}
	return m.Question, m.Answer, nil
}
