package wire

import "strings"

// Publications returns the topic filters of what a client publishes: all that names it as the sender, and of version 1, which
// names none, all that has a target.
func (t Topics) Publications(client string) []string {
	return append(t.ownPublications(client), t.ChangeOf("+"), t.InfoOf("+"))
}

// ownPublications are Publications without those of version 1 that have a target.
func (t Topics) ownPublications(client string) []string {
	return []string{t.Info(), t.NodeOf(client), t.BatchOf("+", client), t.AckOf("+", client), t.VerifyOf("+", client)}
}

// Covers reports whether all topics that a filter stands for, or the topic that it is, are among those of a right. A right has the
// wildcard + alone.
func Covers(right, filter string) bool {
	for {
		have, more, ok := strings.Cut(right, "/")
		want, rest, wantsMore := strings.Cut(filter, "/")
		if have != want && have != "+" || want == "#" || ok != wantsMore {
			return false
		}
		if !ok {
			return true
		}
		right, filter = more, rest
	}
}
