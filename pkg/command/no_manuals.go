//go:build !manuals

package command

import "github.com/spf13/cobra"

// forPackages returns nothing: see manuals.go.
func forPackages() []*cobra.Command { return nil }
