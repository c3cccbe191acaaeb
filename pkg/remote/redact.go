package remote

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

const (
	hidden  = "***"
	excerpt = 300 // characters of an answer that an error shows

	// shortest is from how many bytes on a secret, or its start, can be told from other text.
	shortest = 4
)

// JSON and form fields whose names mark their values as secret.
var (
	secretField = regexp.MustCompile(`(?i)("[^"]*(?:token|secret|passw|api[-_]?key|authorization|credential|cookie)[^"]*"\s*:\s*)(?:"(?:[^"\\]|\\.)*"?|[^\s,}\]]+)`)
	secretParam = regexp.MustCompile(`(?i)((?:^|[?&\s])[\w.-]*(?:token|secret|passw|api[-_]?key|signature|credential)[\w.-]*=)[^&\s"]+`)
	secretName  = regexp.MustCompile(`(?i)token|secret|passw|key|auth|credential|cookie|signature`)
)

// plainName matches the names of headers that describe a request; what others that a user configures say may be a secret.
var plainName = regexp.MustCompile(`(?i)^(accept|content|user-agent|prefer)`)

// A Redactor removes secrets from texts that people may see.
type Redactor struct {
	forms  []string
	fields *regexp.Regexp
	short  bool // a secret is too short to be distinguished from other text
}

// NewRedactor returns a Redactor for texts, and for the values of some JSON fields.
func NewRedactor(secrets, fields []string) *Redactor {
	r := &Redactor{}
	for _, s := range secrets {
		switch {
		case s == "":
		case len(s) < shortest:
			r.short = true
		default:
			quoted, _ := json.Marshal(s)
			r.forms = append(r.forms, s, url.QueryEscape(s), url.PathEscape(s), strings.Trim(string(quoted), `"`),
				base64.StdEncoding.EncodeToString([]byte(s)), base64.URLEncoding.EncodeToString([]byte(s)))
		}
	}
	// A secret may be part of another: the longer one goes first.
	slices.SortFunc(r.forms, func(a, b string) int { return len(b) - len(a) })
	r.forms = slices.Compact(r.forms)
	if len(fields) > 0 {
		names := make([]string, len(fields))
		for i, f := range fields {
			names[i] = regexp.QuoteMeta(strings.ToValidUTF8(f, "\uFFFD"))
		}
		r.fields = regexp.MustCompile(`(?i)("(?:` + strings.Join(names, "|") + `)"\s*:\s*)(?:"(?:[^"\\]|\\.)*"?|[^\s,}\]]+)`)
	}
	return r
}

// Text returns a text without the secrets: nothing of it if a secret is so short that it could be anywhere.
func (r *Redactor) Text(text string) string {
	if r.short {
		return hidden
	}
	return r.known(text)
}

// Start is Text for a text of which the end may be missing: nor does it end with the start of a secret.
func (r *Redactor) Start(text string) string {
	end := len(text)
	for _, form := range r.forms {
		for n := min(len(form)-1, len(text)); n >= shortest; n-- {
			if strings.HasSuffix(text, form[:n]) {
				end = min(end, len(text)-n)
				break
			}
		}
	}
	if end == len(text) {
		return r.Text(text)
	}
	for i := 0; i < len(r.forms); i++ { // one that is whole may reach into that start
		form := r.forms[i]
		from := max(0, end-len(form)+1)
		if at := strings.Index(text[from:min(len(text), end+len(form)-1)], form); at >= 0 && from+at < end {
			end, i = from+at, -1
		}
	}
	return r.Text(text[:end]) + hidden
}

// known returns a text without the secrets that can be found in it.
func (r *Redactor) known(text string) string {
	for _, form := range r.forms {
		text = strings.ReplaceAll(text, form, hidden)
	}
	text = secretField.ReplaceAllString(text, `${1}"`+hidden+`"`)
	text = secretParam.ReplaceAllString(text, "${1}"+hidden)
	if r.fields != nil {
		text = r.fields.ReplaceAllString(text, `${1}"`+hidden+`"`)
	}
	return text
}

// line returns the start of a body as one line.
func (r *Redactor) line(body []byte) string {
	text := strings.ToValidUTF8(string(body), "?")
	text = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, r.Text(text))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > excerpt {
		text = string(runes[:excerpt]) + "…"
	}
	return text
}

// header returns a copy of a header without the values of secret fields.
func (r *Redactor) header(header http.Header) http.Header {
	seen := http.Header{}
	for name, values := range header {
		for _, v := range values {
			if v = r.Text(v); secretName.MatchString(name) {
				v = hidden
			}
			seen.Add(name, v)
		}
	}
	return seen
}

// err returns an error with the same meaning to errors.Is and errors.As, whose text contains no secret and no address,
// since an address may be secret.
func (r *Redactor) err(err error) error {
	err = address(err)
	if text := r.known(err.Error()); text != err.Error() {
		return scrubbed{text, err}
	}
	return err
}

// scrubbed is an error whose own text contains a secret. It answers Is and As but is never unwrapped.
type scrubbed struct {
	text string
	err  error
}

func (s scrubbed) Error() string        { return s.text }
func (s scrubbed) Is(target error) bool { return errors.Is(s.err, target) }

// address removes the address from an error of net/http.
func address(err error) error {
	if with, ok := errors.AsType[*url.Error](err); ok {
		return with.Err
	}
	return err
}
