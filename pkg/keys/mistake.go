package keys

import (
	"errors"
	"fmt"
	"strings"
)

// Mistake is one thing that is wrong with a configuration.
type Mistake struct {
	Key  string // path of the key, as in mqttConfig.ca; the path of the file if it is no single key
	Text string // what is wrong and what to do; never a secret

	// File and Place are where the key is or, if it is missing, the block that it belongs to. If the environment set
	// the key, File is the name of the variable. Place is nowhere for a missing top-level key.
	File string
	Place
}

// Error returns the mistake on one line.
func (m Mistake) Error() string { return m.Key + ": " + m.Text }

// Located returns the mistake on one line that begins with its file and line, as in
// sync.yml:12: jobs.orders.to.table: is missing.
func (m Mistake) Located() string {
	if m.Key == m.File {
		return m.Error()
	}
	return m.where() + m.Error()
}

// Explained is Located without the key, for where the key stands beside it.
func (m Mistake) Explained() string {
	if m.Key == m.File {
		return m.Text
	}
	return m.where() + m.Text
}

// where is the mistake's file and line, as far as they are known, as in "sync.yml:12: ".
func (m Mistake) where() string {
	switch {
	case m.File == "":
		return ""
	case m.Line == 0:
		return m.File + ": "
	}
	return fmt.Sprintf("%s:%d: ", m.File, m.Line)
}

// Mistakes is everything that is wrong with a configuration. It is the error
// for a file that could be read.
type Mistakes []Mistake

// Error returns the mistakes, one on each line.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i := range m {
		lines[i] = m[i].Error()
	}
	return strings.Join(lines, "\n")
}

// Located returns the mistakes, one on each line that begins with its file and line.
func (m Mistakes) Located() string {
	lines := make([]string, len(m))
	for i := range m {
		lines[i] = m[i].Located()
	}
	return strings.Join(lines, "\n")
}

// Each returns the errors that were joined into one by errors.Join; none of nil.
func Each(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(joined.Unwrap()...).Error() != err.Error() {
		return []error{err} // it may be one that wraps several
	}
	return joined.Unwrap()
}
