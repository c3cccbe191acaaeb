package keys

import "testing"

// FuzzExpand checks that literal's output is read back unchanged, and that no value is expanded
// twice.
func FuzzExpand(f *testing.F) {
	for _, text := range []string{"${A}", "$${A}", "$", "${", "${}", "a${A}${B}", "$$${A}", "${A", "${${A}}"} {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		none := func(string) (string, bool) { return "", false }
		if got, unset := expand(literal(text), none); got != text || len(unset) > 0 {
			t.Errorf("%q is written as %q and read as %q, unset %q", text, literal(text), got, unset)
		}
		if got, _ := expand("<${A}>", func(string) (string, bool) { return value, true }); got != "<"+value+">" {
			t.Errorf("the value %q becomes %q", value, got)
		}
		expand(text, none)
	})
}
