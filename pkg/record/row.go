package record

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Row returns the Data of a record from what another program has as a row: a decoded object with numbers as json.Number.
// Its columns are sorted, so that a program that writes them in another order the next time has not changed the row.
// Numbers whose digits floating point would not keep become strings; objects and lists stay JSON.
func Row(object map[string]any) ([]byte, error) {
	var b Builder
	for _, name := range slices.Sorted(maps.Keys(object)) {
		v, err := valueOf(object[name])
		if err != nil {
			return nil, err
		}
		if err := b.Add(name, v); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// valueOf is a column's value as a record takes it.
func valueOf(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		if kept(v.String()) {
			return json.RawMessage(v), nil
		}
		return v.String(), nil
	case map[string]any, []any:
		text, err := JSON(v)
		return json.RawMessage(text), err
	}
	return v, nil
}

// JSON returns a value as JSON, in which <, > and & stay as they are.
func JSON(v any) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(text.Bytes()), err
}

// kept reports whether a program that holds numbers as floating point, as most do, keeps all digits of a number.
func kept(number string) bool {
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return false
	}
	if !strings.ContainsAny(number, ".eE") {
		return f <= 1<<53-1 && f >= -(1<<53-1)
	}
	return digits(number) == digits(strconv.FormatFloat(f, 'e', -1, 64))
}

// digits are those of a number that count.
func digits(number string) string {
	mantissa, _, _ := strings.Cut(strings.ToLower(number), "e")
	return strings.Trim(strings.NewReplacer("-", "", ".", "").Replace(mantissa), "0")
}
