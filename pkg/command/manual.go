package command

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpWidth is the maximum width of a line of help, in characters: most terminals are somewhat wider than 80.
const helpWidth = 85

// Untaught returns what the commands' help lacks: an example, the meaning of the exit codes, a heading in the list.
func Untaught(root *cobra.Command) (list []string) {
	each(root, func(c *cobra.Command) {
		if c.Example == "" {
			list = append(list, c.CommandPath()+" has no example")
		}
		if !strings.Contains(c.Long, "Exit codes: ") {
			list = append(list, c.CommandPath()+" does not tell its exit codes")
		}
		for l := range strings.SplitSeq(c.Long, "\n") {
			if len([]rune(l)) > helpWidth {
				list = append(list, fmt.Sprintf("%s: a line of the help is wider than a terminal: %s", c.CommandPath(), l))
			}
		}
		if c.HasParent() && c.Parent() == c.Root() && c.GroupID == "" && c.Name() != "version" {
			list = append(list, c.CommandPath()+" stands in no group of the help")
		}
	})
	return list
}

// each calls f for a command and all of ours below it.
func each(c *cobra.Command, f func(*cobra.Command)) {
	if c.Name() == "help" || c.Name() == "completion" || c.Hidden {
		return
	}
	f(c)
	for _, sub := range c.Commands() {
		each(sub, f)
	}
}

// Manual returns the documentation of a command line as Markdown, after an introduction.
func Manual(root *cobra.Command, introduction string) string {
	var b strings.Builder
	b.WriteString("# Commands\n\n<!-- Generated from the commands' help by `make docs`. -->\n\n" + introduction + "\n\n")
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

// unindented removes the help's indentation.
func unindented(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "  ")
	}
	return strings.Join(lines, "\n")
}
