package mesh

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// sealed gives a configuration the mesh's key and says who must seal.
func sealed(cfg *config.Config, required ...string) *config.Config {
	cfg.Encryption = config.Encryption{Keys: []seal.Key{{ID: "one", Secret: seal.Secret{1}}}, Required: required}
	return cfg
}

// between returns the topic of a batch.
func between(sender string) wire.Topic { return wire.Topic{Kind: wire.BatchTo, Sender: sender} }

// Two nodes that must seal send each other nothing before they have met, and never in the clear. Promise 8.
func TestNodesThatMustSeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		one := b.start(sealed(remotes("node-a", "node-b"), "node-b"), &memory{})
		b.beat("node-b", 0)
		synctest.Wait()
		one.mesh.Reach("node-b")
		time.Sleep(announceTime)
		if r := one.mesh.Reach("node-b"); r != Unmet {
			t.Errorf("before it has announced itself: %d", r)
		}
		if _, err := one.mesh.Seal(seal.Batch, "node-b", []byte("rows")); !errors.Is(err, seal.ErrUnmet) {
			t.Errorf("what is sent to it: %v", err)
		}
		two := b.start(sealed(remotes("node-b", "node-a"), "*"), &memory{})
		time.Sleep(3 * time.Second)
		if one.mesh.Reach("node-b") != Ready || two.mesh.Reach("node-a") != Ready || one.mesh.KeyOf("node-b") != "one" {
			t.Fatal("they do not meet")
		}
		if got := b.on("/node/node-b"); bytes.Contains(got[0].Payload, []byte("orders")) {
			t.Errorf("the tables are in the clear: %s", got[0].Payload)
		}
		message, err := two.mesh.Seal(seal.Batch, "node-a", []byte("rows"))
		if err != nil || bytes.Contains(message, []byte("rows")) {
			t.Fatalf("%q, %v", message, err)
		}
		if plain, ok := one.mesh.Unseal(between("node-b"), message); !ok || string(plain) != "rows" {
			t.Errorf("%q, %v", plain, ok)
		}
		for what, m := range map[string][]byte{"again": message, "in the clear": []byte("rows"), "for others": append(slices.Clone(message), 0)} {
			if _, ok := one.mesh.Unseal(between("node-b"), m); ok {
				t.Errorf("a message %s is accepted", what)
			}
		}
		if err := one.mesh.Speaks("node-b"); !errors.Is(err, ErrTold) || one.mesh.c.Refused.Of("node-b") != 4 {
			t.Errorf("version 1: %v, %d refused", err, one.mesh.c.Refused.Of("node-b"))
		}
	})
}

// A node with a key that need not seal gets plain messages from nodes without a key, and sealed ones from nodes with
// one.
func TestNodesThatMaySeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		one := b.start(sealed(remotes("node-a", "node-b", "node-c")), &memory{})
		two := b.start(sealed(remotes("node-b", "node-a", "node-c")), &memory{})
		three := b.start(remotes("node-c", "node-a", "node-b"), &memory{})
		time.Sleep(3 * time.Second)
		for _, x := range []struct {
			from, to *node
			sealed   bool
		}{{one, two, true}, {two, one, true}, {one, three, false}, {three, one, false}} {
			m, err := x.from.mesh.Seal(seal.Ack, x.to.name(), []byte("ack"))
			if err != nil || seal.IsSealed(m) != x.sealed || x.from.mesh.Reach(x.to.name()) != Ready {
				t.Errorf("%s to %s: %q, %v", x.from.name(), x.to.name(), m, err)
			}
			if plain, ok := x.to.mesh.Unseal(wire.Topic{Kind: wire.BatchAckFor, Sender: x.from.name()}, m); !ok || string(plain) != "ack" {
				t.Errorf("%s from %s: %q, %v", x.to.name(), x.from.name(), plain, ok)
			}
		}
		if _, ok := three.mesh.Unseal(between("node-a"), seal1(t, one, "node-b")); ok {
			t.Error("a sealed message is accepted without keys")
		}
	})
}

func seal1(t *testing.T, n *node, to string) []byte {
	t.Helper()
	m, err := n.mesh.Seal(seal.Batch, to, []byte("rows"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A broker that delivers an old announcement makes a sender seal for a run that has ended. The receiver announces itself
// again, and they continue.
func TestAnOldAnnouncementIsCorrected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		one := b.start(sealed(remotes("node-a", "node-b"), "node-b"), &memory{})
		two := b.start(sealed(remotes("node-b", "node-a"), "node-a"), &memory{})
		time.Sleep(3 * time.Second)
		old := b.on("/node/node-b")[0]
		two.leave()
		two = b.start(sealed(remotes("node-b", "node-a"), "node-a"), &memory{})
		time.Sleep(3 * time.Second)
		b.mu.Lock()
		b.deliver(one, old, true)
		b.mu.Unlock()
		synctest.Wait()
		if _, ok := two.mesh.Unseal(between("node-a"), seal1(t, one, "node-b")); !ok {
			t.Error("the broker's older copy replaces the live announcement")
		}
		b.mu.Lock()
		b.deliver(one, old, false)
		b.mu.Unlock()
		synctest.Wait()
		if _, ok := two.mesh.Unseal(between("node-a"), seal1(t, one, "node-b")); ok {
			t.Error("a message for the previous run is accepted")
		}
		time.Sleep(3 * time.Second)
		if _, ok := two.mesh.Unseal(between("node-a"), seal1(t, one, "node-b")); !ok {
			t.Error("they do not continue")
		}
		// However many such messages arrive, it announces itself with growing pauses.
		before := len(b.on("/node/node-b"))
		b.mu.Lock()
		b.loses = func(_, topic string) bool { return topic == "/node/node-b" }
		b.deliver(one, old, false)
		b.mu.Unlock()
		one.mesh.HearNode("node-b", old.Payload, false)
		for range 600 {
			two.mesh.Unseal(between("node-a"), seal1(t, one, "node-b"))
			time.Sleep(time.Second)
		}
		if n := len(b.on("/node/node-b")) - before; n < 10 || n > 20 {
			t.Errorf("%d announcements in ten minutes", n)
		}
	})
}

// Holding back the later part of an announcement cannot make a node seal in the earlier form. Promise 8.
func TestSealingCannotBeDowngraded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		one := b.start(sealed(remotes("node-a", "node-b"), "node-b"), &memory{})
		b.loses = func(_, topic string) bool { return topic == "/node/node-b" }
		b.start(sealed(remotes("node-b", "node-a"), "node-a"), &memory{})
		time.Sleep(3 * time.Second)
		a, err := wire.ParseNode("node-b", b.on("/node/node-b")[0].Payload)
		if err != nil {
			t.Fatal(err)
		}
		whole := a.Encode()
		a.Seal.Second = nil
		one.mesh.HearNode("node-b", a.Encode(), false)
		if one.mesh.KeyOf("node-b") != "" || one.mesh.Reach("node-b") == Ready || one.mesh.IsNode("node-b") {
			t.Error("the earlier form is accepted")
		}
		var clear map[string]json.RawMessage
		if err := json.Unmarshal(whole, &clear); err != nil {
			t.Fatal(err)
		}
		delete(clear, "seal")
		text, err := json.Marshal(clear)
		if err != nil {
			t.Fatal(err)
		}
		one.mesh.HearNode("node-b", text, false)
		if one.mesh.IsNode("node-b") || one.mesh.Reach("node-b") == Ready || one.mesh.c.Refused.Of("node-b") != 2 {
			t.Error("a plain one is accepted")
		}
		if one.mesh.HearNode("node-b", whole, false); one.mesh.KeyOf("node-b") != "one" {
			t.Error("the announcement is not accepted as a whole")
		}
		if one.mesh.HearNode("node-b", nil, true); one.mesh.KeyOf("node-b") != "" || !one.mesh.IsNode("node-b") {
			t.Error("a withdrawn one still counts")
		}
	})
}
