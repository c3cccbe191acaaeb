package docs

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

var (
	link    = regexp.MustCompile(`!?\[[^\]]*\]\(([^()\s]+)\)`)
	code    = regexp.MustCompile("`[^`]*`")
	heading = regexp.MustCompile(`^#{1,6} (.*)$`)
	scheme  = regexp.MustCompile(`^[a-z]+:`)
)

// anchors returns the anchors of a page's headings, as GitHub makes them.
func anchors(page string) map[string]bool {
	found := map[string]bool{}
	for line := range strings.SplitSeq(prose(page), "\n") {
		m := heading.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		slug := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(m[1], "$1")))
		name := slug
		for n := 1; found[name]; n++ {
			name = slug + "-" + strconv.Itoa(n)
		}
		found[name] = true
	}
	return found
}

// Each link within the project leads to an existing file and heading.
func TestLinksWork(t *testing.T) {
	all := pages(t)
	links := 0
	for name, text := range all {
		for i, line := range strings.Split(prose(text), "\n") {
			for _, m := range link.FindAllStringSubmatch(code.ReplaceAllStringFunc(line, func(s string) string { return strings.Map(noBracket, s) }), -1) {
				if scheme.MatchString(m[1]) {
					continue
				}
				links++
				file, anchor, _ := strings.Cut(m[1], "#")
				target := name
				if file != "" {
					target = path.Join(path.Dir(name), file)
				}
				if _, err := os.Stat(filepath.Join(root, target)); err != nil {
					t.Errorf("%s:%d: %s does not exist", name, i+1, m[1])
				} else if to, ok := all[target]; anchor != "" && ok && !anchors(to)[anchor] {
					t.Errorf("%s:%d: %s has no heading #%s", name, i+1, target, anchor)
				}
			}
		}
	}
	if links < 50 {
		t.Errorf("found only %d links", links)
	}
}

// noBracket keeps code from being mistaken for a link.
func noBracket(r rune) rune {
	if strings.ContainsRune("[]()", r) {
		return '.'
	}
	return r
}

// Each page of the manual is in its index.
func TestIndexListsEachPage(t *testing.T) {
	index := page(t, "README.md")
	for name := range pages(t) {
		if dir, file := path.Split(name); dir == "docs/" && file != "README.md" && !strings.Contains(index, "]("+file+")") {
			t.Errorf("docs/README.md does not name %s", file)
		}
	}
}
