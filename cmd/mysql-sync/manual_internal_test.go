package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// update writes the documentation anew, in "make docs".
var update = flag.Bool("update", false, "write docs/commands.md from the commands")

func TestDocumentation(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "commands.md")
	want := manual(root())
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s differs from the commands (%v); run make docs", path, err)
	}
}

// Each command teaches: an example, and what its exit codes mean.
func TestEachCommandTeaches(t *testing.T) {
	each(root(), func(c *cobra.Command) {
		if c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		if !strings.Contains(c.Long, "Exit codes: ") {
			t.Errorf("%s does not tell its exit codes", c.CommandPath())
		}
		for l := range strings.SplitSeq(c.Long, "\n") {
			if len([]rune(l)) > 85 {
				t.Errorf("%s: a line of the help is wider than a terminal: %s", c.CommandPath(), l)
			}
		}
		if c.HasParent() && c.Parent() == c.Root() && c.GroupID == "" && c.Name() != "version" {
			t.Errorf("%s stands in no group of the help", c.CommandPath())
		}
	})
}

// each calls f for a command and all below it that are ours.
func each(c *cobra.Command, f func(*cobra.Command)) {
	if c.Name() == "help" || c.Name() == "completion" || c.Hidden {
		return
	}
	f(c)
	for _, sub := range c.Commands() {
		each(sub, f)
	}
}

// manual returns docs/commands.md.
func manual(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Commands\n\n<!-- Generated from the commands' help by `make docs`. -->\n\n" +
		"The output of `mysql-sync COMMAND --help`. The configuration file is the first argument of each command. `mysql-sync\n" +
		"completion bash` (zsh, fish, powershell) prints a script for shell completion of files, tables and remotes.\n\n")
	b.WriteString("| command | |\n|---|---|\n")
	each(root, func(c *cobra.Command) {
		if c.Runnable() && c != root {
			fmt.Fprintf(&b, "| [%s](#%s) | %s |\n", c.CommandPath(), strings.ReplaceAll(c.CommandPath(), " ", "-"), c.Short)
		}
	})
	each(root, func(c *cobra.Command) {
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n```\n%s\n```\n\n```\n%s\n```\n\n```sh\n%s\n```\n", c.CommandPath(), c.Short, c.UseLine(), c.Long, unindented(c.Example))
		var flags []string
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name == "help" || f.Name == "version" || f.Hidden {
				return
			}
			value, usage := pflag.UnquoteUsage(f)
			if value != "" {
				value = " " + value
			}
			text := "| `--" + f.Name + value + "` | " + strings.ReplaceAll(usage, "|", `\|`)
			if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
				text += "; the default is " + f.DefValue
			}
			flags = append(flags, text+" |")
		})
		if len(flags) > 0 {
			b.WriteString("\n| flag | |\n|---|---|\n" + strings.Join(flags, "\n") + "\n")
		}
	})
	return b.String()
}

// unindented takes the indentation of the help away.
func unindented(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "  ")
	}
	return strings.Join(lines, "\n")
}
