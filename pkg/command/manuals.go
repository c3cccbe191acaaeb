//go:build manuals

package command

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// forPackages returns a hidden command that writes the manual pages of all commands, in section 1, into a folder that
// exists. Only a build with the tag manuals has it: the programs themselves have their help.
func forPackages() []*cobra.Command {
	return []*cobra.Command{{
		Use:    "manuals FOLDER",
		Short:  "Write the manual pages",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(c *cobra.Command, args []string) error {
			root := c.Root()
			root.DisableAutoGenTag = true
			for _, other := range root.Commands() { // pages of our own commands alone
				other.Hidden = other.Hidden || other.Name() == "completion"
			}
			header := &doc.GenManHeader{Section: "1", Source: root.Name(), Manual: root.Name()}
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return fmt.Errorf("write the manual pages: %w", err)
			}
			return nil
		},
	}}
}
