package losers

import (
	"encoding/base64"
	"encoding/json"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// long is from how many bytes on a value may be packed.
const long = 1 << 20

// awkward reports whether a long value would be far longer as JSON: a list of bytes takes up to four for each, and some characters take six.
// It might then be more than the server takes at once (max_allowed_packet), and the conflict could not be kept.
func awkward(v []byte) bool {
	if len(v) < long {
		return false
	}
	more := 0
	for _, c := range v {
		switch {
		case c == '\n', c == '\r', c == '\t', c == '"', c == '\\':
			more++
		case c < ' ', c == '<', c == '>', c == '&':
			more += 5
		}
	}
	return more > len(v) || !utf8.Valid(v)
}

// packed returns a value in base64.
func packed(v []byte) json.RawMessage {
	const before, after = `{"type":"Buffer","base64":"`, `"}`
	b := make([]byte, 0, len(before)+base64.StdEncoding.EncodedLen(len(v))+len(after))
	return append(base64.StdEncoding.AppendEncode(append(b, before...), v), after...)
}

// decode reads a row as it is kept.
func decode(row []byte) (value.Entity, error) {
	e, err := value.DecodeEntity(row)
	for i, f := range e {
		raw, ok := f.Value.(json.RawMessage)
		if !ok {
			continue
		}
		var b struct {
			Base64 *[]byte `json:"base64"`
		}
		if json.Unmarshal(raw, &b) == nil && b.Base64 != nil {
			e[i].Value = *b.Base64
		}
	}
	return e, err
}
