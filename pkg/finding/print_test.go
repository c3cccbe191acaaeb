package finding

import (
	"fmt"
	"strings"
	"testing"
)

func TestFindingsAboutManyTablesAreShownOnce(t *testing.T) {
	t.Parallel()
	var found []Finding
	for i := range 271 {
		name := fmt.Sprintf("table_%03d", i)
		found = append(found,
			Finding{Level: Warning, Area: "tables", About: name, Text: fmt.Sprintf("id of %s counts", name), Do: "Give each site its own offset.", Kind: "%s counts"},
			Finding{Level: Right, Area: "tables", About: name, Text: "sent, by the key (id)", Kind: "%s, by the key (%s)"})
	}
	found = append(found, Finding{Level: Mistake, Area: "tables", About: "other", Text: "it has no primary key", Do: "Give it one.", Kind: "%v"},
		Finding{Level: Right, Area: "broker", About: "broker", Text: "sent, by the key (id)", Kind: "%s, by the key (%s)"})
	var b strings.Builder
	Print(&b, found, false)
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) > 15 {
		t.Errorf("%d lines:\n%s", len(lines), b.String())
	}
	for _, part := range []string{"! table_000", "! table_001", "→ Give each site", "! 269 more", "the same for table_002, table_003, ", "and 257 more (--all shows each)",
		"✓ 269 more", "✗ other", "→ Give it one.", "broker\n", "1 mistake, 271 warnings."} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("%q is missing:\n%s", part, b.String())
		}
	}
	if n := strings.Count(b.String(), "Give each site"); n != 1 {
		t.Errorf("the advice is printed %d times:\n%s", n, b.String())
	}
	b.Reset()
	Print(&b, found, true)
	if n := strings.Count(b.String(), "\n"); n < 542 {
		t.Errorf("--all prints %d lines", n)
	}
}
