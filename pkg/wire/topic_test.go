package wire_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

func TestTopicsRoundTrip(t *testing.T) {
	for _, mesh := range []wire.Topics{"", "acme", "/acme", "acme/eu"} {
		for topic, want := range map[string]wire.Topic{
			mesh.Info():                                                 {Kind: wire.InfoAll},
			mesh.InfoOf("node-a"):                                       {Kind: wire.InfoMe, Client: "node-a"},
			mesh.ChangeOf("node-a"):                                     {Kind: wire.ChangeTo, Client: "node-a"},
			mesh.NodeOf("node-a"):                                       {Kind: wire.Announce, Client: "node-a"},
			mesh.BatchOf("node-a", "node_B"):                            {Kind: wire.BatchTo, Client: "node-a", Sender: "node_B"},
			mesh.AckOf("node-a", "node_B"):                              {Kind: wire.BatchAckFor, Client: "node-a", Sender: "node_B"},
			mesh.VerifyOf("node-a", "no_B"):                             {Kind: wire.VerifyFor, Client: "node-a", Sender: "no_B"},
			mesh.JoinOf("hq", "0123456789abcdef", "fedcba9876543210"):   {Kind: wire.JoinTo, Client: "hq", Invitation: "0123456789abcdef", Ask: "fedcba9876543210"},
			mesh.JoinedOf("hq", "0123456789abcdef", "fedcba9876543210"): {Kind: wire.JoinedBy, Client: "hq", Invitation: "0123456789abcdef", Ask: "fedcba9876543210"},
			"/join/hq/0123456789abcdef":                                 {}, "/join/hq/0123456789abcdef/x": {}, "/join/hq/0123456789ABCDEF/fedcba9876543210": {}, "/joined/h/0123456789abcdef/fedcba9876543210": {},
			"": {}, "info": {}, "/": {}, "/other/x": {}, "/batch/node-a": {}, "/batch/node-a/": {},
			"/batch/node-a/b/c": {}, "/batch//node-a": {}, "/ack/node-a/+": {}, string(mesh): {}, string(mesh) + "info": {},
		} {
			if got := mesh.Parse(topic); got != want {
				t.Errorf("Topics(%q).Parse(%q) = %+v, want %+v", mesh, topic, got, want)
			}
		}
	}
}

func TestTheTopicPrefixIsUsedVerbatim(t *testing.T) {
	for mesh, want := range map[wire.Topics]string{"": "/info", "acme": "acme/info", "/acme": "/acme/info", "acme/eu": "acme/eu/info"} {
		if got := mesh.Info(); got != want {
			t.Errorf("presence topic of mesh %q: got %q, want %q", mesh, got, want)
		}
	}
}

func TestMeshesDoNotReadEachOther(t *testing.T) {
	meshes := []wire.Topics{"", "acme", "/acme", "acme/eu", "acme2", "acme-eu"}
	for _, mine := range meshes {
		for _, other := range meshes {
			if mine == other {
				continue
			}
			for _, topic := range []string{other.Info(), other.BatchOf("node-a", "node-b"), other.NodeOf("node-a")} {
				if got := mine.Parse(topic); got.Kind != wire.Unknown {
					t.Errorf("the mesh %q reads %s of the mesh %q as %+v", mine, topic, other, got)
				}
				for _, filter := range mine.Subscriptions("node-a") {
					if matches(filter, topic) {
						t.Errorf("the mesh %q subscribes to %s, which is %s of the mesh %q", mine, filter, topic, other)
					}
				}
			}
		}
	}
}

// matches reports whether a topic filter with + matches a topic.
func matches(filter, topic string) bool {
	f, t := strings.Split(filter, "/"), strings.Split(topic, "/")
	return slices.EqualFunc(f, t, func(one, other string) bool { return one == "+" || one == other })
}

func TestAClientSubscribesToTheDocumentedTopics(t *testing.T) {
	got := wire.Topics("").Subscriptions("node-a")
	for _, want := range []string{"/info", "/info/node-a", "/change/node-a", "/node/+", "/here/+", "/batch/node-a/+", "/ack/node-a/+"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
	for _, filter := range got {
		if filter != "/info" && filter != "/node/+" && filter != "/here/+" && !strings.Contains(filter+"/", "/node-a/") {
			t.Errorf("%q matches topics of other clients", filter)
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
