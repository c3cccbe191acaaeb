package docs

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	remark = regexp.MustCompile(`\s+#.*`)
	piece  = regexp.MustCompile(`"[^"]*"|\S+`)
)

// The messages on the page match the golden files.
func TestProtocolMatchesTheGoldenFiles(t *testing.T) {
	shown := 0
	for _, f := range fences(page(t, "protocol.md")) {
		if !strings.HasPrefix(f.note, "pkg/") {
			continue
		}
		shown++
		want, err := os.ReadFile(filepath.Join(root, f.note))
		if err != nil {
			t.Errorf("protocol.md:%d: %v", f.line, err)
			continue
		}
		got, want := []byte(strings.TrimSpace(f.text)), bytes.TrimSuffix(want, []byte("\n"))
		if f.language == "hex" {
			if got, err = unhex(f.text); err != nil {
				t.Errorf("protocol.md:%d: %v", f.line, err)
				continue
			}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("protocol.md:%d shows\n%q, %s has\n%q", f.line, got, f.note, want)
		}
	}
	if shown < 12 {
		t.Errorf("only %d messages are shown", shown)
	}
}

// unhex reads lines of hexadecimal numbers and quoted strings, each with a remark.
func unhex(text string) ([]byte, error) {
	var b []byte
	for line := range strings.SplitSeq(text, "\n") {
		for _, w := range piece.FindAllString(remark.ReplaceAllString(line, ""), -1) {
			if w[0] == '"' {
				b = append(b, w[1:len(w)-1]...)
				continue
			}
			part, err := hex.DecodeString(w)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", w, err)
			}
			b = append(b, part...)
		}
	}
	return b, nil
}

// The cookbook shows the tested examples.
func TestCookbookShowsTheExamples(t *testing.T) {
	shown := map[string]bool{}
	for _, f := range fences(page(t, "transformers.md")) {
		if !strings.HasPrefix(f.note, "transformers/") {
			continue
		}
		shown[f.note] = true
		if want, err := os.ReadFile(filepath.Join(root, f.note)); err != nil || f.text != string(want) {
			t.Errorf("transformers.md:%d differs from %s (%v)", f.line, f.note, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(root, "transformers", "*.js"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if name := "transformers/" + filepath.Base(file); !shown[name] {
			t.Errorf("transformers.md does not show %s", name)
		}
	}
}
