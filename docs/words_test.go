package docs

import (
	"regexp"
	"strings"
	"testing"
)

// words are those that the pages avoid, and what to write instead.
var words = map[*regexp.Regexp]string{
	regexp.MustCompile(`(?i)\b(master|slave)\b`):                                                   "source, replica, or node and remote",
	regexp.MustCompile(`(?i)\b(white|black)list`):                                                  "the names of the keys",
	regexp.MustCompile(`(?i)\bconfig (file|key)s?\b`):                                              "configuration",
	regexp.MustCompile(`(?i)\backnowledgment`):                                                     "ack, or acknowledgement",
	regexp.MustCompile(`(?i)\bsynchroni[sz]ation\b`):                                               "sync, or replicate",
	regexp.MustCompile(`(?i)\b(simply|easily|seamless(ly)?|powerful|robust|blazing|effortless)\b`): "nothing",
	regexp.MustCompile(`(?i)\b(datacenter|data-base)s?\b`):                                         "database, or site",
}

// The pages use the words of DESIGN.md and no others for the same thing.
func TestPagesUseTheSameWords(t *testing.T) {
	for name, text := range pages(t) {
		for i, line := range strings.Split(prose(text), "\n") {
			line = code.ReplaceAllString(link.ReplaceAllString(line, ""), "")
			for wrong, instead := range words {
				if found := wrong.FindString(line); found != "" {
					t.Errorf("%s:%d: %q; write %s", name, i+1, found, instead)
				}
			}
		}
	}
}
