package mesh

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
)

// Three nodes restart, lose their connections, and use a broker that forgets announcements, delays them and delivers old
// ones; someone removes announcements. Meanwhile, nodes that have met never speak version 1 to each other, nor in the clear
// if they must seal. Afterwards, each node reaches the others, and its sealed messages open. Promises 3 and 8.
func TestNodesFindEachOtherAfterAnything(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { chaos(t, seed) }) })
	}
}

func chaos(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	names := []string{"node-a", "node-b", "node-c"}
	b, memories, nodes := newBus(t), map[string]*memory{}, map[string]*node{}
	encrypted := r.IntN(2) == 0
	start := func(name string) {
		cfg := remotes(name, names...)
		cfg.RemoteClients = without(names, name)
		cfg.AcceptFrom = cfg.RemoteClients
		if encrypted {
			cfg = sealed(cfg, "*")
		}
		nodes[name] = b.start(cfg, memories[name])
	}
	for _, name := range names {
		memories[name] = &memory{}
		start(name)
		time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
	}
	speak := func(say func(format string, args ...any)) {
		for from, x := range nodes {
			for to, y := range nodes {
				if from == to {
					continue
				}
				if x.mesh.Reach(to) != Ready {
					say("%s does not reach %s", from, to)
					continue
				}
				if !x.mesh.SpeaksBatches(to) && x.mesh.IsNode(to) {
					t.Errorf("seed %d: %s speaks version 1 to %s, which it knows", seed, from, to)
				}
				m, err := x.mesh.Seal(seal.Batch, to, []byte("rows"))
				if encrypted && err == nil && !seal.IsSealed(m) {
					t.Errorf("seed %d: %s speaks to %s in the clear", seed, from, to)
				}
				if err != nil {
					say("%s cannot seal for %s: %v", from, to, err)
				} else if plain, ok := y.mesh.Unseal(between(from), m); !ok || string(plain) != "rows" {
					say("%s cannot open messages of %s", to, from)
				} else {
					y.mesh.Met(from)
					x.mesh.Met(to)
				}
			}
		}
	}
	for range 60 {
		name := names[r.IntN(3)]
		switch n := nodes[name]; r.IntN(8) {
		case 0:
			n.leave()
			time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
			start(name)
		case 1:
			n.disconnect()
			time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
			n.connect()
		case 2:
			b.mu.Lock()
			clear(b.retained)
			b.mu.Unlock()
		case 3:
			b.publish(transport.Message{Topic: "/node/" + name, Retain: true})
		case 4:
			if old := b.on("/node/" + name); len(old) > 0 {
				b.mu.Lock()
				for _, n := range b.nodes {
					b.deliver(n, old[r.IntN(len(old))], r.IntN(2) == 0)
				}
				b.mu.Unlock()
			}
		case 5:
			b.mu.Lock()
			b.forgets = r.IntN(2) == 0
			clear(b.retained)
			b.mu.Unlock()
		case 6:
			until := time.Now().Add(time.Duration(r.IntN(5000)) * time.Millisecond)
			b.mu.Lock()
			b.loses = func(string, string) bool { return time.Now().Before(until) }
			b.mu.Unlock()
		}
		time.Sleep(time.Duration(r.IntN(4000)) * time.Millisecond)
		speak(func(string, ...any) {})
	}
	b.mu.Lock()
	b.forgets, b.loses = r.IntN(2) == 0, nil
	b.mu.Unlock()
	var last string     // what was not reached
	for range 15 * 60 { // every ten minutes a node checks that the broker still has its announcement
		time.Sleep(time.Second)
		last = ""
		if speak(func(format string, args ...any) { last = fmt.Sprintf(format, args...) }); last == "" {
			return
		}
	}
	t.Errorf("seed %d: %s", seed, last)
}

func without(list []string, one string) (rest []string) {
	for _, x := range list {
		if x != one {
			rest = append(rest, x)
		}
	}
	return rest
}
