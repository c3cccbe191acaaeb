package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the project's folder.
const root = ".."

// fence is a fenced block of a page.
type fence struct {
	language string
	note     string // the HTML comment before it, as in <!-- not run -->
	text     string
	line     int // of the page, from 1
}

var comment = regexp.MustCompile(`^<!-- (.*) -->$`)

// fences returns a page's fenced blocks in order, without their list item's indent.
func fences(page string) []fence {
	var list []fence
	var open *fence
	indent, note := "", ""
	for i, line := range strings.Split(page, "\n") {
		bare := strings.TrimSpace(line)
		switch {
		case open != nil && bare == "```":
			list = append(list, *open)
			open, note = nil, ""
		case open != nil:
			open.text += strings.TrimPrefix(line, indent) + "\n"
		case strings.HasPrefix(bare, "```"):
			indent = line[:strings.Index(line, "`")]
			open = &fence{language: strings.TrimPrefix(bare, "```"), note: note, line: i + 1}
		case bare != "":
			note = ""
			if m := comment.FindStringSubmatch(bare); m != nil {
				note = m[1]
			}
		}
	}
	return list
}

// prose returns a page with its fenced blocks and comments blanked, line by line.
func prose(page string) string {
	var b strings.Builder
	inside := false
	for line := range strings.SplitSeq(page, "\n") {
		bare := strings.TrimSpace(line)
		if strings.HasPrefix(bare, "```") {
			inside = !inside
		} else if !inside && !comment.MatchString(bare) {
			b.WriteString(line)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// pages returns all Markdown files of the project by their path from its root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "dist" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		found[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Fatalf("found only %d pages", len(found))
	}
	return found
}

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
