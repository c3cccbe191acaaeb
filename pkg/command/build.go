package command

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Common returns the commands that both programs have. version is set when a release is built.
func Common(program, version string) []*cobra.Command {
	return append(forPackages(), versionCommand(program, version))
}

// versionCommand prints the version of a program, set when a release is built.
func versionCommand(program, version string) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long: `Print the version; with --json also the commit, and what it was built with and for.

Exit codes: 0 printed; 2 the command line is wrong.`,
		Example: fmt.Sprintf("  %[1]s version\n  %[1]s version --json", program),
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				return JSON(cmd.OutOrStdout()).Encode(thisBuild(version))
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), Version(version))
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	return c
}

// build is how the program was built.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Time     string `json:"time,omitempty"`     // of the commit
	Modified bool   `json:"modified,omitempty"` // the files differed from the commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild(version string) build {
	b := build{Version: Version(version), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// Version is the release's version or, in other builds, the commit's.
func Version(version string) string {
	if version != "dev" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return version + "-" + s.Value[:12]
		}
	}
	return version
}
