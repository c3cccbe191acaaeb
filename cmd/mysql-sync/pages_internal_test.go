package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	quotations = regexp.MustCompile(`"[^"]*"|'[^']*'`)
	separators = regexp.MustCompile(`[;|()]|&&|\s#|\s\s`)
	redirected = regexp.MustCompile(`\s\d?>+&?\s?\S*|\s<+\s?\S*|&$`)
	before     = regexp.MustCompile(`^(sudo\s+|do\s+|then\s+|[A-Z_]+=\S*\s+|(docker|kubectl) exec (\S+ )+?(-- )?/usr/)+`)
	spans      = regexp.MustCompile("`([^`]+)`")
	noCommands = []string{"completion", "COMMAND", "announcement", "message"} // the last two are in docs/protocol.md
	files      = regexp.MustCompile(`\.(json|ya?ml|toml)$`)
)

// calls returns the program's invocations in a shell line, as words.
func calls(line string) [][]string {
	var list [][]string
	line = redirected.ReplaceAllString(quotations.ReplaceAllString(line, "quoted"), "")
	for _, part := range separators.Split(line, -1) {
		part = before.ReplaceAllString(strings.TrimSpace(part), "")
		words := strings.Fields(part)
		if len(words) > 1 && filepath.Base(words[0]) == "mysql-sync" {
			list = append(list, words[1:])
		}
	}
	return list
}

// wrong says what is wrong with an invocation, "" if nothing. In a sentence it may omit the
// arguments.
func wrong(words []string, whole bool) string {
	c, rest, err := root().Find(words)
	if err != nil {
		return err.Error()
	}
	c.InitDefaultHelpFlag()
	c.InitDefaultVersionFlag()
	if err := c.ParseFlags(rest); err != nil {
		return err.Error()
	}
	args := c.Flags().Args()
	if !c.HasParent() && len(args) > 0 && !files.MatchString(args[0]) && !slices.Contains(noCommands, args[0]) {
		return "there is no command " + args[0]
	}
	help := c.Flags().Lookup("help")
	if !whole || help.Changed {
		return ""
	}
	if err := c.ValidateArgs(args); err != nil {
		return err.Error()
	}
	return ""
}

// Commands in the pages exist, with their flags.
func TestCommandsInThePagesExist(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"../../*.md", "../../docs/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	seen := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		language, inside := "", false
		for i, line := range strings.Split(strings.ReplaceAll(string(text), "\\\n", ""), "\n") {
			bare := strings.TrimSpace(line)
			if mark, ok := strings.CutPrefix(bare, "```"); ok {
				language, inside = mark, !inside
				continue
			}
			var found [][]string
			if inside && language == "sh" {
				found = calls(bare)
			} else if !inside {
				for _, span := range spans.FindAllStringSubmatch(line, -1) {
					found = append(found, calls(span[1])...)
				}
			}
			for _, words := range found {
				seen++
				if said := wrong(words, inside); said != "" {
					t.Errorf("%s, about line %d: mysql-sync %s: %s", page, i+1, strings.Join(words, " "), said)
				}
			}
		}
	}
	if seen < 100 {
		t.Errorf("found only %d invocations", seen)
	}
}
