package keys

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"host", "hostname", "port", "password", "path"}
	for word, want := range map[string]string{
		"Host": "host", "pasword": "password", "hots": "host", "passwort": "password", "prot": "port", "": "", "zzzzzzzzz": "",
	} {
		if got := Nearest(word, names); got != want {
			t.Errorf("nearest to %q: got %q, want %q", word, got, want)
		}
	}
}
