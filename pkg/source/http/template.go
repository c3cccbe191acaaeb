package http

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// Names that stand for values in a path or a body.
const (
	watermark = "watermark"
	cursor    = "cursor"
	page      = "page"
	offset    = "offset"
	date      = "date"   // of a report
	typeID    = "typeId" // likewise
)

// values are the current values of names. A missing one has no value yet.
type values map[string]string

// placeholder is a name in braces.
var placeholder = regexp.MustCompile(`\{([a-zA-Z]+)\}`)

// template is a request whose values are not known yet.
type template struct {
	path  string
	query []string // name=value
	body  any
	names []string // that may stand for values
}

// newTemplate reads a job's path and body. Errors begin with a key.
func newTemplate(rows Rows, t turn, from job.From) (template, error) {
	path, query, _ := strings.Cut(rows.Path, "?")
	f := template{path: path, body: rows.Body, names: append([]string{watermark}, t.names()...)}
	if from.Dated {
		f.names = append(f.names, date)
	}
	if from.TypeID != "" {
		f.names = append(f.names, typeID)
	}
	if query != "" {
		f.query = strings.Split(query, "&")
	}
	if path != "" && (path[0] != '/' || strings.HasPrefix(path, "//")) || strings.Contains(rows.Path, "#") {
		return f, errors.New("path: must begin with one /, and have no #")
	}
	for _, m := range placeholder.FindAllStringSubmatch(rows.Path, -1) {
		if !slices.Contains(f.names, m[1]) {
			return f, fmt.Errorf("path: {%s} has no meaning here; known are {%s}%s", m[1], strings.Join(f.names, "}, {"), remedies[m[1]])
		}
	}
	for _, name := range t.names() {
		parameter := t.parameter
		switch {
		case parameter == "" && !f.uses(name):
			return f, fmt.Errorf("%s.parameter: is missing: the query parameter for it, unless path or body has {%s}", name, name)
		case parameter != "" && (f.uses(name) || slices.ContainsFunc(f.query, func(q string) bool { return strings.HasPrefix(q, parameter+"=") })):
			return f, fmt.Errorf("%s.parameter: is already in path or body; keep one of them", name)
		case parameter != "":
			f.query = append(f.query, url.QueryEscape(parameter)+"={"+name+"}")
		}
		if name == cursor && f.inPath(name) {
			return f, errors.New("path: the first page has no {cursor}; put it into the query")
		}
	}
	return f, nil
}

// remedies say how to give a name a value.
var remedies = map[string]string{
	date: "; a job with report has {date}", typeID: "; report.typeId gives it a value",
	cursor: "; cursor gives it a value", page: "; page gives it a value", offset: "; offset gives it a value",
}

// inPath reports whether a name occurs in the path itself, where its value must be known.
func (t *template) inPath(name string) bool { return strings.Contains(t.path, "{"+name+"}") }

// uses reports whether a name occurs anywhere.
func (t *template) uses(name string) bool {
	in := func(text string) bool { return strings.Contains(text, "{"+name+"}") }
	if in(t.path) || slices.ContainsFunc(t.query, in) {
		return true
	}
	found := false
	_, _ = replaced(t.body, func(text string) (any, bool) {
		found = found || in(text)
		return text, true
	})
	return found
}

// fill returns the path with its query, and the body; nil: none.
func (t *template) fill(v values) (string, []byte, error) {
	path, _ := t.put(t.path, v, url.PathEscape)
	for part := range strings.SplitSeq(path, "/") {
		if part == "." || part == ".." {
			return "", nil, fmt.Errorf("%q would lead out of the path", part)
		}
	}
	var query []string
	for _, q := range t.query {
		if filled, all := t.put(q, v, url.QueryEscape); all {
			query = append(query, filled)
		}
	}
	if len(query) > 0 {
		path += "?" + strings.Join(query, "&")
	}
	if t.body == nil {
		return path, nil, nil
	}
	body, ok := replaced(t.body, func(text string) (any, bool) { return t.value(text, v) })
	if !ok {
		body = nil
	}
	data, err := record.JSON(body)
	return path, data, err
}

// put inserts values into a text, escaped. all is false if one is missing.
func (t *template) put(text string, v values, escape func(string) string) (filled string, all bool) {
	all = true
	filled = placeholder.ReplaceAllStringFunc(text, func(m string) string {
		name := m[1 : len(m)-1]
		if !slices.Contains(t.names, name) {
			return m // braces of a body, not ours
		}
		one, known := v[name]
		all = all && known
		return escape(one)
	})
	return filled, all
}

// value is a string of a body with its values: if it is only a name, it becomes the value itself, a number for pages and
// offsets, or is omitted if there is none.
func (t *template) value(text string, v values) (any, bool) {
	filled, all := t.put(text, v, func(s string) string { return s })
	if m := placeholder.FindString(text); m == text && slices.Contains(t.names, strings.Trim(m, "{}")) {
		if n, err := strconv.Atoi(filled); err == nil && (text == "{"+page+"}" || text == "{"+offset+"}") {
			return n, true
		}
		return filled, all
	}
	return filled, true
}

// replaced replaces the strings of a JSON value. Members whose string is omitted are omitted too.
func replaced(v any, by func(string) (any, bool)) (any, bool) {
	switch v := v.(type) {
	case string:
		return by(v)
	case map[string]any:
		object := map[string]any{}
		for name, inner := range v {
			if r, ok := replaced(inner, by); ok {
				object[name] = r
			}
		}
		return object, true
	case []any:
		list := make([]any, len(v))
		for i, inner := range v {
			if r, ok := replaced(inner, by); ok {
				list[i] = r
			}
		}
		return list, true
	}
	return v, true
}
