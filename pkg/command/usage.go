package command

import (
	"errors"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// Exit codes, as the help tells them.
const (
	ExitFailed = 1 // the command did not do its work
	ExitUsage  = 2 // the command line or the configuration is wrong
)

// usageError is a mistake in the command line or the configuration.
type usageError struct{ error }

// Unwrap returns the mistake itself.
func (u usageError) Unwrap() error { return u.error }

// Usage marks an error as a mistake in the command line or the configuration.
func Usage(err error) error { return usageError{err} }

// ExitCode is how a program ends that has failed.
func ExitCode(err error) int {
	var usage usageError
	var mistakes keys.Mistakes
	if errors.As(err, &usage) || errors.As(err, &mistakes) {
		return ExitUsage
	}
	return ExitFailed
}
