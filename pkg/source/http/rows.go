package http

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/theory/jsonpath"
	"github.com/theory/jsonpath/spec"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// Rows is a job's block about an API: which rows to read, and how pages follow each other.
type Rows struct {
	Path     string  `koanf:"path"`
	Method   string  `koanf:"method"` // GET or POST; "": POST if there is a body
	Body     any     `koanf:"body"`   // JSON
	Rows     string  `koanf:"rows"`   // JSONPath
	Next     string  `koanf:"next"`   // JSONPath of the next address
	Link     bool    `koanf:"link"`
	Cursor   *Cursor `koanf:"cursor"`
	Page     *Count  `koanf:"page"`
	Offset   *Count  `koanf:"offset"`
	More     string  `koanf:"more"`     // JSONPath
	Start    *string `koanf:"start"`    // of the watermark
	MaxPages int     `koanf:"maxPages"` // 0: 10,000
}

// Cursor is paging by cursor.
type Cursor struct {
	From      string `koanf:"from"`      // JSONPath
	Parameter string `koanf:"parameter"` // query parameter; "": path or body has {cursor}
}

// Count is paging by a number.
type Count struct {
	Parameter string `koanf:"parameter"`
	First     int    `koanf:"first"`
}

// rowsPath finds the rows of a page.
type rowsPath struct {
	text   string
	rows   *jsonpath.Path
	anchor *spec.PathQuery // the part of it that finds one value: an answer without that has no place for rows
	items  bool            // rows are items of that value, a list
}

func newRowsPath(text string) (rowsPath, error) {
	text = cmp.Or(text, "$[*]")
	path, err := jsonpath.Parse(text)
	if err != nil {
		return rowsPath{}, fmt.Errorf("rows: %s is not a JSONPath such as $.rows[*]: %w", text, err)
	}
	segments := path.Query().Segments()
	n := 0
	for n < len(segments) && spec.Query(true, segments[:n+1]...).Singular() != nil {
		n++
	}
	return rowsPath{text: text, rows: path, anchor: spec.Query(true, segments[:n]...), items: n < len(segments) && !segments[n].IsDescendant()}, nil
}

// of returns an answer's rows. An answer without a place for rows is not an empty page: it may report an error.
func (p rowsPath) of(answer any) ([]any, error) {
	at := p.anchor.Select(answer, answer)
	if len(at) == 0 {
		return nil, fmt.Errorf("there is no %s; the answer is %s", p.anchor, shape(answer))
	}
	if _, isList := at[0].([]any); p.items && !isList && at[0] != nil {
		return nil, fmt.Errorf("%s is not a list, but %s", p.anchor, shape(at[0]))
	}
	rows := p.rows.Select(answer)
	if len(rows) == 1 {
		if _, isList := rows[0].([]any); isList {
			return nil, fmt.Errorf("%s is one list, not its items; write %s[*]", p.text, p.text)
		}
	}
	return rows, nil
}

// shape describes an answer without its values.
func shape(answer any) string {
	switch v := answer.(type) {
	case map[string]any:
		names := slices.Sorted(maps.Keys(v))
		for i, n := range names {
			names[i] = strconv.Quote(n[:min(len(n), 40)])
		}
		if len(names) > 10 {
			names = append(names[:10], "…")
		}
		return "an object with " + cmp.Or(strings.Join(names, ", "), "nothing")
	case []any:
		return fmt.Sprintf("a list of %d", len(v))
	case nil:
		return "null"
	}
	return "a single value"
}

// one is a JSONPath of a single value.
type one struct{ *jsonpath.Path }

func newOne(key, text string) (one, error) {
	path, err := jsonpath.Parse(text)
	switch {
	case err != nil:
		return one{}, fmt.Errorf("%s: %s is not a JSONPath such as $.next: %w", key, text, err)
	case path.Query().Singular() == nil:
		return one{}, fmt.Errorf("%s: %s may find several values; name one, as in $.next", key, text)
	}
	return one{path}, nil
}

// of returns the value as text; "" if it is absent, null, false or "".
func (o one) of(answer any) (string, error) {
	list := o.Select(answer)
	if len(list) == 0 {
		return "", nil
	}
	switch v := list[0].(type) {
	case nil:
		return "", nil
	case bool:
		if v {
			return "true", nil
		}
		return "", nil
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	}
	return "", fmt.Errorf("%s is %s; it should be a string or a number", o.Path, shape(list[0]))
}

// recordOf turns a row into a record. It sorts the columns, so that an API that returns them in another order next time
// has not changed the row.
func recordOf(from *job.From, row any, page, n int) *record.Record {
	object, ok := row.(map[string]any)
	if !ok {
		return &record.Record{Bad: fmt.Sprintf("row %d of page %d is not an object", n, page)}
	}
	data, err := record.Row(object)
	if err != nil {
		return &record.Record{Bad: fmt.Sprintf("row %d of page %d %v", n, page, err)}
	}
	rec := from.Record(data)
	if rec.Bad != "" {
		rec.Bad = fmt.Sprintf("row %d of page %d: %s", n, page, rec.Bad)
	}
	return rec
}
