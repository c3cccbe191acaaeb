package wire_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// A login may read what its client subscribes to, and must not write to a topic that names another
// sender.
func TestAnACLGrantsAClientOnlyItsOwnTopics(t *testing.T) {
	for _, version1 := range []bool{true, false} {
		text := wire.MosquittoACL([]wire.Account{{Client: "node-a", Login: "login a", Topics: "acme"}, {Client: "node-b", Login: "node-b"}}, version1)
		_, rest, ok := strings.Cut(text, "\nuser login a\n")
		mine, _, _ := strings.Cut(rest, "\nuser ")
		if !ok {
			t.Fatalf("no block for the login in\n%s", text)
		}
		var reads, writes []string
		for l := range strings.Lines(mine) {
			access, topic, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(l), "topic "), " ")
			if access == "read" || access == "readwrite" {
				reads = append(reads, topic)
			}
			if access == "write" || access == "readwrite" {
				writes = append(writes, topic)
			}
		}
		subscribed := wire.Topics("acme").Subscriptions("node-a")
		slices.Sort(reads)
		slices.Sort(subscribed)
		if !slices.Equal(reads, subscribed) {
			t.Errorf("reads %q, subscribes %q", reads, subscribed)
		}
		want := []string{"acme/ack/+/node-a", "acme/batch/+/node-a", "acme/here/node-a", "acme/info", "acme/node/node-a", "acme/verify/+/node-a"}
		if version1 {
			want = append(want, "acme/change/+", "acme/info/+")
		}
		if published := wire.Topics("acme").Publications("node-a"); version1 {
			slices.Sort(published)
			slices.Sort(writes)
			if !slices.Equal(writes, published) {
				t.Errorf("writes %q, publishes %q", writes, published)
			}
		}
		slices.Sort(writes)
		slices.Sort(want)
		if !slices.Equal(writes, want) {
			t.Errorf("writes %q, want %q", writes, want)
		}
	}
}

func TestALoginIsOneLine(t *testing.T) {
	for login, valid := range map[string]bool{"node-a": true, "branch one": true, "käse": true, "": false, " x": false, "x ": false, "x\nuser y": false, "x\ry": false, "\x00": false} {
		if wire.ValidLogin(login) != valid {
			t.Errorf("ValidLogin(%q) = %t", login, !valid)
		}
	}
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		right, filter string
		want          bool
	}{
		{"/info", "/info", true}, {"/info", "info", false}, {"/info", "/info/", false}, {"/info", "/info/#", false}, {"/info", "/+", false},
		{"/batch/ab/+", "/batch/ab/cd", true}, {"/batch/ab/+", "/batch/ab/+", true}, {"/batch/ab/+", "/batch/ab/", true},
		{"/batch/ab/+", "/batch/ab", false}, {"/batch/ab/+", "/batch/ab/cd/ef", false}, {"/batch/ab/+", "/batch/ab/#", false},
		{"/batch/ab/+", "/batch/+/cd", false}, {"/batch/ab/+", "/batch/#", false}, {"/batch/ab/+", "#", false},
		{"/batch/ab/+", "$share/x/batch/ab/+", false}, {"/batch/ab/+", "", false}, {"+/info", "/info", true},
	} {
		if got := wire.Covers(c.right, c.filter); got != c.want {
			t.Errorf("Covers(%q, %q) = %t", c.right, c.filter, got)
		}
	}
}
