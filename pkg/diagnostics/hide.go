package diagnostics

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// hidden stands for what is not shown.
const hidden = "***"

// shortest is the length of the shortest secret that is searched for: a shorter one would be found everywhere.
const shortest = 3

// looksSecret matches what is a secret wherever it stands: logins in URLs, tokens of invitations, bearer tokens.
var looksSecret = regexp.MustCompile(`(://)[^\s/@"'<>]*@|msync1_[A-Za-z0-9_-]+|((?i)bearer\s+)[A-Za-z0-9._~+/=-]+|((?i)(?:password|passwd|pwd|secret|token|identified by)["']?\s*[:=]\s*\\?["']?)[^\s"'\\,;&{}[]+`)

// hider removes secrets from texts.
type hider struct{ secrets [][]byte }

// newHider returns a hider of the given secrets, also where they are encoded as JSON, in URLs, or in base64.
func newHider(secrets []string) *hider {
	all := map[string]bool{}
	for _, s := range secrets {
		for _, s := range append(strings.Split(s, "\n"), s) { // a key in PEM may be shown line by line
			s = strings.TrimSpace(s)
			if len(s) < shortest {
				continue
			}
			quoted, _ := json.Marshal(s) // of a string: no error
			for _, form := range []string{s, string(quoted[1 : len(quoted)-1]), url.QueryEscape(s), url.PathEscape(s), base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s))} {
				all[form] = true
			}
		}
	}
	h := &hider{}
	for s := range all {
		h.secrets = append(h.secrets, []byte(s))
	}
	slices.SortFunc(h.secrets, func(a, b []byte) int { return len(b) - len(a) }) // the longest first: one may contain another
	return h
}

// hide returns a text without secrets.
func (h *hider) hide(b []byte) []byte {
	for _, s := range h.secrets {
		b = bytes.ReplaceAll(b, s, []byte(hidden))
	}
	return looksSecret.ReplaceAllFunc(b, func(found []byte) []byte {
		m := looksSecret.FindSubmatch(found)
		switch {
		case len(m[1]) > 0:
			return []byte("://" + hidden + "@")
		case len(m[2]) > 0:
			return append(bytes.Clone(m[2]), hidden...)
		case len(m[3]) > 0 && string(found[len(m[3]):]) == "$": // ${NAME}
			return found
		case len(m[3]) > 0:
			return append(bytes.Clone(m[3]), hidden...)
		}
		return []byte(hidden)
	})
}

var (
	quotedText = regexp.MustCompile(`(?i)((?:key|column|field|table|constraint|trigger|function|procedure|database|user|variable)\s+)?('(?:[^'\\]|\\.|'')*'?|"(?:[^"\\]|\\.)*"?)`)
	errorCode  = regexp.MustCompile(`Error \d+(?: \([0-9A-Z]+\))?|#\d{4}\b`)
	ofUser     = regexp.MustCompile(`(\b[\w.-]+\.[cm]?js(?::\d+(?::\d+)?)?|Error 1644[^:]*): [^\n]*`) // what a user's script or trigger says
	longNumber = regexp.MustCompile(`\d{3,}`)
)

// withoutValues returns a message without what may be the values of a row: what a user's script or trigger says, quoted texts that are not
// names, and numbers.
func withoutValues(s string) string {
	s = ofUser.ReplaceAllString(s, "$1: "+hidden)
	s = quotedText.ReplaceAllStringFunc(s, func(q string) string {
		if m := quotedText.FindStringSubmatch(q); m[1] != "" {
			return q
		}
		return q[:1] + hidden + q[:1]
	})
	var codes []string
	s = errorCode.ReplaceAllStringFunc(s, func(code string) string {
		codes = append(codes, code)
		return "\x00"
	})
	s = longNumber.ReplaceAllString(s, "#")
	for _, code := range codes {
		s = strings.Replace(s, "\x00", code, 1)
	}
	return s
}

// valueFields are the fields of a log line that have a row's key.
var valueFields = map[string]bool{"id": true, "row": true, "rows": true, "rowId": true, "key": true, "keys": true, "primaryKey": true, "value": true}

// withoutValuesIn returns a JSON value without the values of rows.
func withoutValuesIn(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if _, number := inner.(float64); valueFields[name] && !(number && name == "rows") {
				v[name] = hidden
			} else {
				v[name] = withoutValuesIn(inner)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutValuesIn(v[i])
		}
	case string:
		return withoutValues(v)
	}
	return v
}
