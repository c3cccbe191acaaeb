package value_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// FuzzUnquote checks that long strings, which are decoded in parts, have the value that encoding/json finds.
func FuzzUnquote(f *testing.F) {
	for _, part := range []string{`a`, `\n`, `\u0001`, `é`, `€`, `𝄞`, `\ud834\udd1e`, `\uD834`, `\udd1e`, `\ud834\ud834\udd1e`, `\\u0041`, `\u00e9\"`, "\xff", "\xf0\x9d\x84"} {
		for shift := range 8 {
			f.Add(shift, part)
		}
	}
	f.Fuzz(func(t *testing.T, shift int, part string) {
		if len(part) > 100 {
			return
		}
		raw := []byte(`"` + strings.Repeat("x", shift&15) + strings.Repeat(part, 10_000/(len(part)+1)) + `"`)
		var want string
		if json.Unmarshal(raw, &want) != nil {
			return
		}
		if got, err := value.Unquote(raw); got != want || err != nil {
			t.Errorf("%q is decoded differently in parts: %v", part, err)
		}
	})
}
