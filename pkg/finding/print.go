package finding

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Encode writes findings as JSON, one object a line.
func Encode(w io.Writer, found []Finding) error {
	for _, f := range found {
		if err := json.NewEncoder(w).Encode(f); err != nil {
			return err
		}
	}
	return nil
}

// aboutWidth is the width, in characters, up to which findings' subjects are aligned.
const aboutWidth = 32

// How many findings that say the same are printed: all up to this many, otherwise the first ones and this many names of
// the rest.
const (
	alikeMost  = 4
	alikeFirst = 2
	alikeNames = 12
)

// Print prints a table with a heading for each area, and a summary. What is said about many tables is said about the
// first, with the names of the others, unless all are requested: by a flag called --all.
func Print(w io.Writer, found []Finding, each bool) {
	width, mistakes, warnings := 0, 0, 0
	for _, f := range found {
		width = max(width, min(utf8.RuneCountInString(f.About), aboutWidth))
		switch f.Level {
		case Mistake:
			mistakes++
		case Warning:
			warnings++
		}
	}
	area := ""
	for _, alike := range grouped(found, each) {
		if alike[0].Area != area {
			area = alike[0].Area
			fmt.Fprintln(w, area)
		}
		shown := alike
		if !each && len(alike) > alikeMost {
			shown = alike[:alikeFirst]
		}
		for i, f := range shown {
			fmt.Fprintf(w, "  %s %-*s  %s\n", f.Level.Mark(), width, f.About, f.Text)
			if f.At != "" {
				fmt.Fprintf(w, "    %*s  at %s\n", width, "", f.At)
			}
			if f.Do != "" && (i == len(shown)-1 || shown[i+1].Do != f.Do) {
				fmt.Fprintf(w, "    %*s  → %s\n", width, "", f.Do)
			}
		}
		if rest := alike[len(shown):]; len(rest) > 0 {
			fmt.Fprintf(w, "  %s %-*s  the same for %s\n", alike[0].Level.Mark(), width, fmt.Sprintf("%d more", len(rest)), namesOf(rest))
		}
	}
	fmt.Fprintln(w, summary(mistakes, warnings))
}

// grouped returns each area's findings, with those that say the same together, at the position of the first.
func grouped(found []Finding, each bool) (groups [][]Finding) {
	type kind struct {
		level      Level
		area, text string
	}
	at := map[kind]int{}
	for _, f := range found {
		k := kind{f.Level, f.Area, f.Kind}
		i, known := at[k]
		if !known || each || f.Kind == "" {
			i = len(groups)
			at[k], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], f)
	}
	return groups
}

// namesOf lists the findings' subjects, each once.
func namesOf(list []Finding) string {
	var names []string
	for _, f := range list {
		if !slices.Contains(names, f.About) {
			names = append(names, f.About)
		}
	}
	if more := len(names) - alikeNames; more > 0 {
		return fmt.Sprintf("%s and %d more (--all shows each)", strings.Join(names[:alikeNames], ", "), more)
	}
	return strings.Join(names, ", ")
}

// summary counts what was found in words.
func summary(mistakes, warnings int) string {
	if mistakes+warnings == 0 {
		return "All is right."
	}
	count := func(n int, what string) string {
		if n == 1 {
			return "1 " + what
		}
		return fmt.Sprintf("%d %ss", n, what)
	}
	var parts []string
	if mistakes > 0 {
		parts = append(parts, count(mistakes, "mistake"))
	}
	if warnings > 0 {
		parts = append(parts, count(warnings, "warning"))
	}
	return strings.Join(parts, ", ") + "."
}
