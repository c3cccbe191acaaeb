package wire

import "strings"

// Publications returns the topic filters that a client publishes to: all that name it as the sender and, of version 1, which
// names none, all that have a target.
func (t Topics) Publications(client string) []string {
	return append(t.ownPublications(client), t.ChangeOf("+"), t.InfoOf("+"))
}

// ownPublications are Publications without those of version 1 that have a target.
func (t Topics) ownPublications(client string) []string {
	return []string{t.Info(), t.NodeOf(client), t.HereOf(client), t.BatchOf("+", client), t.AckOf("+", client), t.VerifyOf("+", client)}
}

// Covers reports whether a right includes all topics that match a filter, or that one topic. The only wildcard of a right is +.
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
