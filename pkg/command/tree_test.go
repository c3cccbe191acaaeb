package command

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// program is a command line with two commands.
func program() *cobra.Command {
	c := &cobra.Command{Use: "program", SilenceErrors: true, SilenceUsage: true, Args: cobra.ArbitraryArgs, RunE: func(c *cobra.Command, args []string) error { return Usage(Suggest(c, args[0])) }}
	c.SetFlagErrorFunc(FlagError)
	c.SetHelpCommand(Help())
	c.SuggestionsMinimumDistance = 2
	check := &cobra.Command{Use: "check FILE", Args: cobra.ExactArgs(1), RunE: func(*cobra.Command, []string) error { return errors.New("failed") }}
	check.Flags().Bool("json", false, "")
	check.Flags().Bool("key", false, "")
	check.MarkFlagsMutuallyExclusive("json", "key")
	Group(c, "Set up:", check, versionCommand("program", "1.2.3"))
	Strict(c)
	return c
}

func TestUsageErrorsSayWhatToWrite(t *testing.T) {
	for line, want := range map[string]string{
		"chekc":                "did you mean check?",
		"check":                "0 arguments are given; usage: program check FILE",
		"check a b":            "2 arguments are given",
		"check a --jsno":       "did you mean --json?; see program check --help",
		"check a --key --json": "[json key] were all set; see program check --help",
		"check -5":             "write -- before it",
		"help chekc":           "did you mean check?",
		"nothing-like-it":      "program --help lists the commands",
	} {
		c := program()
		c.SetArgs(strings.Fields(line))
		if err := c.Execute(); ExitCode(err) != ExitUsage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", line, err, want)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{
		{errors.New("x"), ExitFailed}, {Usage(errors.New("x")), ExitUsage}, {fmt.Errorf("read: %w", keys.Mistakes{{Key: "a"}}), ExitUsage},
	} {
		if got := ExitCode(c.err); got != c.code {
			t.Errorf("%v: exit code %d", c.err, got)
		}
	}
}

func TestVersionIsPrinted(t *testing.T) {
	var out strings.Builder
	c := program()
	c.SetOut(&out)
	c.SetArgs([]string{"version"})
	if err := c.Execute(); err != nil || out.String() != "1.2.3\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestNumbersInWords(t *testing.T) {
	for n, want := range map[int64]string{0: "0 rows", 1: "1 row", 999: "999 rows", 1234567: "1,234,567 rows", -1234: "-1,234 rows"} {
		if got := Some(n, "row", "rows"); got != want {
			t.Errorf("%d: got %q", n, got)
		}
	}
}
