package wire_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

func TestTopicsAreTakenApartAsTheyAreMade(t *testing.T) {
	for topic, want := range map[string]wire.Topic{
		wire.InfoTopic:                   {Kind: wire.InfoAll},
		wire.InfoOf("node-a"):            {Kind: wire.InfoMe, Client: "node-a"},
		wire.ChangeOf("node-a"):          {Kind: wire.ChangeTo, Client: "node-a"},
		wire.NodeOf("node-a"):            {Kind: wire.Announce, Client: "node-a"},
		wire.BatchOf("node-a", "node_B"): {Kind: wire.BatchTo, Client: "node-a", Sender: "node_B"},
		wire.AckOf("node-a", "node_B"):   {Kind: wire.BatchAckFor, Client: "node-a", Sender: "node_B"},
		"":                               {}, "info": {}, "/": {}, "/other/x": {}, "/batch/node-a": {}, "/batch/node-a/": {},
		"/batch/node-a/b/c": {}, "/batch//node-a": {}, "/ack/node-a/+": {},
	} {
		if got := wire.ParseTopic(topic); got != want {
			t.Errorf("ParseTopic(%q) = %+v, want %+v", topic, got, want)
		}
	}
}

func TestAClientSubscribesToTheDocumentedTopicsAndItsOwn(t *testing.T) {
	got := wire.Subscriptions("node-a")
	for _, want := range []string{"/info", "/info/node-a", "/change/node-a", "/node/+", "/batch/node-a/+", "/ack/node-a/+"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
	for _, filter := range got {
		if filter != "/info" && filter != "/node/+" && !strings.Contains(filter+"/", "/node-a/") {
			t.Errorf("%q takes what is not for this client", filter)
		}
	}
}

func TestClientNames(t *testing.T) {
	for name, want := range map[string]bool{
		"ab": true, "A-Z_09": true, strings.Repeat("x", 32): true,
		"": false, "a": false, strings.Repeat("x", 33): false, "a b": false, "a/b": false, "a+": false, "ä1": false, "a\n": false,
	} {
		if got := wire.ValidClient(name); got != want {
			t.Errorf("ValidClient(%q) = %v", name, got)
		}
	}
}
