package command

import (
	"encoding/json"
	"fmt"
	"io"
)

// JSON returns an encoder for what a terminal may show: names, reasons and values come from other sites.
func JSON(w io.Writer) *json.Encoder { return json.NewEncoder(Safe(w)) }

// Safe returns a writer of JSON in which no control character reaches a terminal: encoding/json leaves DEL and U+0080 to U+009F as
// they are, of which U+009B begins a command as ESC [ does. Each value is to be written at once, as json.Encoder does.
func Safe(w io.Writer) io.Writer { return safe{w} }

type safe struct{ io.Writer }

// Write writes JSON, in which such characters stand only in texts.
func (s safe) Write(p []byte) (int, error) {
	var out []byte
	from := 0
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] == 0x7f:
			out = append(append(out, p[from:i]...), `\u007f`...)
		case p[i] == 0xc2 && i+1 < len(p) && p[i+1] < 0xa0: // two bytes of UTF-8
			out = fmt.Appendf(append(out, p[from:i]...), `\u00%02x`, p[i+1])
			i++
		default:
			continue
		}
		from = i + 1
	}
	if from == 0 {
		return s.Writer.Write(p)
	}
	if _, err := s.Writer.Write(append(out, p[from:]...)); err != nil {
		return 0, err
	}
	return len(p), nil
}
