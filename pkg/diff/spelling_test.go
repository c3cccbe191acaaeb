package diff_test

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/diff"
	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// spellings lists values that look different, but are the same, in each line.
var spellings = map[string][]string{
	"whole numbers":      {`1`, `1.0`, `1e0`, `10E-1`, `0.1e+1`, `"1"`},
	"zero":               {`0`, `-0`, `0.0`, `-0.0`, `0e9`, `-0e0`},
	"fractions":          {`1.5`, `1.50`, `15e-1`, `0.15E+1`},
	"large numbers":      {`1e300`, `1.0e+300`, `10E299`, `1` + strings.Repeat("0", 300)},
	"small numbers":      {`5e-324`, `5.0E-324`, `0.5e-323`},
	"characters":         {`"é<&>/"`, `"\u00e9\u003c&\u003E\/"`, `"\u00E9<\u0026>/"`},
	"pairs of escapes":   {`"😀"`, `"\ud83d\ude00"`, `"\uD83D\uDE00"`},
	"control characters": {`"\n\u001f"`, `"\u000a\u001F"`},
	"order of names":     {`{"b":1,"a":{"d":"x","c":null}}`, ` { "a" : {"c":null,"d":"\u0078"}, "b" : 1 } `, `{"a":2,"\u0062":1,"a":{"d":"x","c":null}}`},
	"numbers in a list":  {`[1,-0,1e2]`, `[1.0, 0, 100]`, `[10e-1,0.0,1E+2]`},
	"numbers in objects": {`{"a":[{"b":1}],"c":0}`, `{"a":[{"b":1.0}],"c":-0.0}`, `{"c":0e1,"a":[{"b":1e0}]}`},
	"bytes":              {`{"type":"Buffer","data":[1,255]}`, `{"data": [ 1, 255 ], "type": "\u0042uffer"}`},
}

// A row has one fingerprint, however a service writes its values as JSON: in columns of any size.
func TestAFingerprintDoesNotDependOnTheSpelling(t *testing.T) {
	t.Parallel()
	const large = 70 << 10
	print := func(v string) any {
		h, err := diff.Compare{}.Fingerprint([]string{"v"}, []byte(`{"v":`+v+`}`))
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	for name, list := range spellings {
		for _, v := range list[1:] {
			if print(v) != print(list[0]) {
				t.Errorf("%s: %.40s and %.40s differ", name, v, list[0])
			}
			for where, surround := range map[string][2]string{
				"a short list": {`["x",`, `]`}, "a long list": {`["` + strings.Repeat("x", large) + `",`, `]`}, "a long object": {`{"a":"` + strings.Repeat("y", large) + `","b":`, `}`},
				"deep": {strings.Repeat("[", 20) + `"` + strings.Repeat("z", large) + `",`, strings.Repeat("]", 20)},
			} {
				if v[0] == '"' && list[0][0] != '"' { // a number as text is the same only as a column
					continue
				}
				if a, b := print(surround[0]+v+surround[1]), print(surround[0]+list[0]+surround[1]); a != b {
					t.Errorf("%s: %.40s and %.40s differ in %s", name, v, list[0], where)
				}
			}
			if blank := strings.Repeat(" ", large); v[0] == '{' || v[0] == '[' {
				if wide := v[:1] + blank + v[1:]; print(wide) != print(list[0]) {
					t.Errorf("%s: %.40s and %.40s differ with many spaces", name, v, list[0])
				}
			}
		}
	}
	for _, pair := range [][2]string{{`"é"`, `"e\u0301"`}, {`1`, `1.0000000000000000000001`}, {`["1"]`, `[1]`}, {`{"a":null}`, `{}`}, {`"1.0"`, `"1"`}, {`1e300`, `1e301`}} {
		if print(pair[0]) == print(pair[1]) {
			t.Errorf("%s and %s are different values", pair[0], pair[1])
		}
	}
}

// What a state file remembers of rows holds after an upgrade: otherwise all of them would be sent again.
func TestFingerprintsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	row := []byte(`{"id":12,"name":"Ann \u00e9 <&>","price":"1.50","at":"2026-01-02T00:00:00.000Z","none":null,"on":true,"json":{"b":[1,1.5],"a":""},"bytes":{"type":"Buffer","data":[1,255]},"other":1}`)
	for want, c := range map[string]diff.Compare{
		"038174f2c67ba88607ae5c1bc4497d96": {}, "018006475c63f7a00000000000000000": {Rule: diff.Different, Column: "at"}, "02092498d6024df262f44536fcffce89": {Rule: diff.Newer, Column: "name"},
	} {
		got, err := c.Fingerprint([]string{"at", "bytes", "id", "json", "name", "none", "on", "price"}, row)
		if err != nil || got.String() != want {
			t.Errorf("%v: %s, %v, want %s", c, got, err, want)
		}
	}
	if got := record.Sum(row).String(); got != "f4a66a63dc705bc973598183672b9206" {
		t.Errorf("the sum is %s", got)
	}
}
