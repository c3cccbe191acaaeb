package connector

import (
	"strings"
	"testing"
)

// A stored secret is sent only to the address it was stored for.
func TestASecretDoesNotMoveWithItsBlock(t *testing.T) {
	t.Parallel()
	air := map[string]any{"type": "airtable", "token": "t", "base": "app1"}
	for _, c := range []struct {
		block map[string]any
		moved string
	}{
		{map[string]any{"type": "airtable", "token": "t", "base": "app2"}, ""},
		{map[string]any{"type": "fliplet", "token": "t"}, "type has changed"},
		{map[string]any{"type": "airtable", "token": "t", "base": "app1", "baseURL": "https://evil.example"}, "baseURL has changed"},
		{map[string]any{"type": "airtable", "token": "t", "base": "app1", "settings": map[string]any{"type": "x"}}, ""},
	} {
		r := restorer{kept: []string{"destinations.air.token"}}
		r.moved("destinations", air, c.block)
		if c.moved == "" && len(r.mistakes) > 0 || c.moved != "" && (len(r.mistakes) != 1 || !strings.Contains(r.mistakes[0].Text, c.moved)) {
			t.Errorf("%v: %+v, want %q", c.block, r.mistakes, c.moved)
		}
	}
}
