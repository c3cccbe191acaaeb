package wire

import (
	"strings"
	"testing"
)

// TestLongListsInAQuestionAreNotRead: a list takes many times the memory of its text, so it is counted first.
func TestLongListsInAQuestionAreNotRead(t *testing.T) {
	for text, want := range map[string]int{
		``: 0, `{}`: 1, `]`: 0, `"[,,,"`: 0, `[1,2,[3,4,5,6],7]`: 4, `{"a":"\\"",\\","b":[[],[],[]]}`: 3, `["\"",",",","]`: 3, `[",`: 1,
	} {
		if got := longest([]byte(text)); got != want {
			t.Errorf("%s: %d", text, got)
		}
	}
	deep := `{"question":` + strings.Repeat("[", 1<<19) + strings.Repeat("]", 1<<19) + `}`
	long := `{"question":{"id":"1","keys":[""` + strings.Repeat(`,""`, 300_000) + `]}}`
	wide := `{"answer":{"id":"1","values":[{}` + strings.Repeat(`,{}`, 300_000) + `]}}`
	for _, text := range []string{deep, long, wide} {
		n := testing.AllocsPerRun(1, func() {
			if _, _, err := ParseVerify([]byte(text)); err == nil {
				t.Errorf("%.40s is accepted", text)
			}
		})
		if n > 20 {
			t.Errorf("%.40s takes %.0f allocations", text, n)
		}
	}
}
