package owner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
)

// TestRecordsAreWrittenOverWhateverWasThere: what a damaged file had does not damage it at the next start, too.
func TestRecordsAreWrittenOverWhateverWasThere(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"", "{", strings.Repeat("garbage ", 100), strings.Repeat("x", 2<<20)} {
		name := RecordsFile(t.TempDir(), "a")
		if err := os.WriteFile(name, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		r := &Records{Life: "7cgoqz2m", Position: 17}
		if err := r.open(name); err != nil {
			t.Fatal(err)
		}
		r.Note(18)
		r.Close()
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if again, ok := parseRecords(text); !ok || again.Life != r.Life || again.Position != 18 {
			t.Errorf("over %d bytes: %+v, %v", len(before), again, ok)
		}
	}
}

// TestNoFileElsewhereIsWritten: a link in queueDirectory leads to no other file.
func TestNoFileElsewhereIsWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := OpenLives(zap.NewNop(), dir, "a", "")
	for _, link := range []string{RecordsFile(dir, "a"), LivesFile(dir, "a") + ".new"} {
		if err := os.Symlink(other, link); err != nil {
			t.Fatal(err)
		}
	}
	if err := (&Records{}).open(RecordsFile(dir, "a")); err == nil || !strings.Contains(err.Error(), RecordsFile(dir, "a")) {
		t.Errorf("a link is opened, or not named: %v", err)
	}
	if got := l.Credited(1); got != "a" {
		t.Errorf("credited to %q", got)
	}
	if text, err := os.ReadFile(other); err != nil || string(text) != "precious" {
		t.Errorf("it is now %q, %v", text, err)
	}
}
