package main

import (
	"crypto/rand"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/seal"
)

func keyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "key",
		Short: "Print a new key for encryption.keys",
		Long: `Print a new key for encryption.keys: 32 random bytes in base64, and nothing else, so
that it can go straight into a file. Copy it to the other nodes by a channel that
the broker cannot see, and let no one else read the file.

Exit codes: 0 printed; 1 failed; 2 the command line is wrong.`,
		Example: `  (umask 077; mysql-sync key > 2026-11.key)
  in the configuration: "encryption": {"keys": [{"id": "2026-11", "key": {"file": "2026-11.key"}}]}`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			secret, err := seal.NewSecret(rand.Reader)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), secret.Reveal())
			return err
		},
	}
}
