package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/command"
)

// dialog asks a person at a terminal.
type dialog struct {
	in    *os.File
	lines *bufio.Reader
	out   io.Writer
}

func newDialog(in *os.File, out io.Writer) *dialog {
	return &dialog{in: in, lines: bufio.NewReader(in), out: out}
}

func (d *dialog) say(format string, args ...any) { fmt.Fprintf(d.out, format, args...) }

// until asks until the answer is valid, and stores it in into. An empty answer means the proposed one. If the answer is
// already given, it is only checked.
func (d *dialog) until(ctx context.Context, into *string, given bool, question, proposed string, right func(string) error) error {
	for {
		answer := *into
		if !given {
			if proposed == "" {
				d.say("%s: ", question)
			} else {
				d.say("%s [%s]: ", question, proposed)
			}
			line, err := waitFor(ctx, func() (string, error) { return d.lines.ReadString('\n') })
			if err != nil {
				return err
			}
			answer = orElse(strings.TrimSpace(line), proposed)
		}
		if err := right(answer); err != nil {
			d.say("  %v\n", err)
			given = false
			continue
		}
		*into = answer
		return nil
	}
}

// password asks for a password, which is not shown. An empty answer means the environment variable if that is set,
// otherwise none.
func (d *dialog) password(ctx context.Context, p *secret, variable string) error {
	value, set := os.LookupEnv(variable)
	fd := int(d.in.Fd())
	before, err := term.MakeRaw(fd) // who is quick types as soon as the question is there
	if err != nil {
		return err
	}
	if set {
		d.say("Password (empty: use the environment variable %s): ", variable)
	} else {
		d.say("Password (stored in the file; empty: none): ")
	}
	typed, err := waitFor(ctx, func() (string, error) {
		text, err := term.ReadPassword(fd)
		return string(text), err
	})
	if err := errors.Join(err, term.Restore(fd, before)); err != nil {
		return err
	}
	d.say("\n")
	*p = secret{value: typed}
	if typed == "" && set {
		*p = secret{value: value, env: variable}
	}
	return nil
}

// waitFor calls f, and stops waiting for it when ctx ends: a read from a terminal cannot be interrupted. The process
// exits soon after.
func waitFor(ctx context.Context, f func() (string, error)) (string, error) {
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := f()
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// showTables lists the tables with numbers, and why some cannot be synced.
func showTables(w io.Writer, found []check.Candidate) {
	for i, c := range found {
		if c.Why == "" {
			fmt.Fprintf(w, "  %3d  %s (about %d %s)\n", i+1, command.Clean(c.Name), c.Rows, command.Word(c.Rows, "row", "rows"))
		} else {
			fmt.Fprintf(w, "    -  %s cannot be synced: %s\n", command.Clean(c.Name), c.Why)
		}
	}
}

// showSkipped lists the tables that cannot be synced.
func showSkipped(w io.Writer, found []check.Candidate) {
	for _, c := range found {
		if c.Why != "" {
			fmt.Fprintf(w, "%s cannot be synced: %s\n", command.Clean(c.Name), c.Why)
		}
	}
}

// fit returns the tables that can be synced.
func fit(found []check.Candidate) []string {
	var names []string
	for _, c := range found {
		if c.Why == "" {
			names = append(names, c.Name)
		}
	}
	return names
}

// chosen returns the tables that an answer names, by name or by number.
func chosen(text string, found []check.Candidate) ([]string, error) {
	if text == "all" {
		return fit(found), nil
	}
	var list []string
	for _, word := range names(text) {
		at := slices.IndexFunc(found, func(c check.Candidate) bool { return c.Name == word })
		if n, err := strconv.Atoi(word); at < 0 && err == nil && n >= 1 && n <= len(found) {
			at = n - 1
		}
		switch {
		case at < 0:
			return nil, fmt.Errorf("there is no table %q%s", word, meant(word, candidates(found)))
		case found[at].Why != "":
			return nil, fmt.Errorf("%s cannot be synced: %s", found[at].Name, found[at].Why)
		case !slices.Contains(list, found[at].Name):
			list = append(list, found[at].Name)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("name at least one table")
	}
	return list, nil
}

// names splits a list separated by commas or spaces.
func names(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
}
