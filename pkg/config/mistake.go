package config

import "strings"

// Mistake is one thing that is wrong with a configuration.
type Mistake struct {
	Key  string // path of the key, as in mqttConfig.ca; the path of the file where it is no single key
	Text string // what is wrong and what to do; never a secret
}

// Error returns the mistake on one line.
func (m Mistake) Error() string { return m.Key + ": " + m.Text }

// Mistakes is everything that is wrong with a configuration. It is the error
// that Load returns for a file that could be read.
type Mistakes []Mistake

// Error returns the mistakes, one on each line.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i := range m {
		lines[i] = m[i].Error()
	}
	return strings.Join(lines, "\n")
}
