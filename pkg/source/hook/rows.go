package hook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// Bounds of a request's rows, and of a row's columns: no destination takes more.
const (
	mostRows    = 10_000
	mostColumns = 4096
)

// members are the members with the rows unless the configuration names one: as OpenFn, webhooks and DataCollect's mock
// server send them.
var members = []string{"entities", "events", "data"}

var (
	errJSON = errors.New("the body is not JSON")
	errMany = fmt.Errorf("the body has more than %d rows", mostRows)

	errColumns = fmt.Errorf("has more than %d columns", mostColumns)
)

// rowsOf returns the unchecked rows of a body.
func rowsOf(body []byte, member string) ([]json.RawMessage, error) {
	if !utf8.Valid(body) || !json.Valid(body) {
		return nil, errJSON
	}
	body = bytes.TrimSpace(body)
	switch body[0] {
	case '[':
		if member != "" {
			return nil, fmt.Errorf("the body is a list, not an object with %q", member)
		}
		return listOf(body)
	case '{':
	default:
		return nil, errors.New("the body is neither an object nor a list")
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil {
		return nil, errJSON
	}
	if member != "" {
		if list := object[member]; len(list) > 0 && list[0] == '[' {
			return listOf(list)
		}
		return nil, fmt.Errorf("the body has no list %q", member)
	}
	for _, name := range members {
		if list := object[name]; len(list) > 0 && list[0] == '[' {
			return listOf(list)
		}
	}
	return []json.RawMessage{body}, nil
}

// listOf returns a list's items.
func listOf(text []byte) (list []json.RawMessage, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return nil, errJSON
	}
	for d.More() {
		if len(list) == mostRows {
			return nil, errMany
		}
		var item json.RawMessage
		if err := d.Decode(&item); err != nil {
			return nil, errJSON
		}
		list = append(list, item)
	}
	if _, err := d.Token(); err != nil && !errors.Is(err, io.EOF) {
		return nil, errJSON
	}
	return list, nil
}

// row is a pushed row.
type row struct {
	key     string
	version string // "": it has none, or the hook has no such column
	data    []byte
}

// columns counts an object's members, up to a limit; its text is valid JSON. It keeps none of them.
func columns(text []byte) int {
	n, depth, quoted := 1, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		case c == ',' && depth == 1:
			n++
		}
	}
	return n
}

// rowOf checks a row. The error says why it is unacceptable.
func (s *Source) rowOf(text json.RawMessage) (row, error) {
	if text[0] != '{' {
		return row{}, errors.New("is not an object")
	}
	if columns(text) > mostColumns {
		return row{}, errColumns
	}
	object, err := record.Object(text)
	if err != nil {
		return row{}, err
	}
	data, err := record.Row(object)
	if err != nil {
		return row{}, err
	}
	from := job.From{Key: s.config.Key, Watermark: s.config.Version}
	rec := from.Record(data)
	if rec.Bad != "" {
		return row{}, errors.New(rec.Bad)
	}
	return row{rec.Key, rec.Mark, rec.Data}, nil
}
