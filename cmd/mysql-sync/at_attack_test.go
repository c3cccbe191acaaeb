package main_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// taken are the messages that a listener at the broker has heard on a topic.
type taken struct {
	mu   sync.Mutex
	list [][]byte
}

func (x *taken) all() [][]byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([][]byte(nil), x.list...)
}

// Whoever may publish at the broker, even in the hub's name, has nothing done: not by questions in the clear, by those that the
// hub has sent before, to this run of the store or to the next, nor by those that were changed or moved.
func TestForgedQuestionsDoNothing(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	of := keyWith("hq")
	of["actionsFrom"] = map[string]any{"hq": []string{"look", "retry", "pause", "verify", "resync"}}
	of["remoteClients"] = []string{"hq", "store-18"}
	of["encryption"] = map[string]any{"required": []string{"store-18"}, "keys": []any{ // so that the hub's questions are read in the clear, too
		map[string]any{"id": "pair", "key": pairKey, "clients": []string{"hq"}}, map[string]any{"id": "other", "key": allKey, "clients": []string{"store-18"}}}}
	hq := newSite(t, b, "hq", []string{"store-17"}, keyWith("store-17"), orders)
	store := newSite(t, b, "store-17", []string{"hq"}, of, orders)
	asked := &taken{}
	forger := testkit.MQTTClient(t, b, "forger")
	if token := forger.Subscribe("/verify/store-17/hq", 1, func(_ mqtt.Client, m mqtt.Message) {
		asked.mu.Lock()
		defer asked.mu.Unlock()
		asked.list = append(asked.list, m.Payload())
	}); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
	hq.Start()
	store.Start()
	asks(t, hq, "retry", "--at", "store-17")
	store.Expect(`SELECT action, COUNT(*) FROM sync_acts GROUP BY action`, `"retry"|1`)
	replayed := asked.all()
	if len(replayed) == 0 || bytes.Contains(bytes.Join(replayed, nil), []byte("retry")) {
		t.Fatalf("%d questions, not sealed: %q", len(replayed), replayed)
	}
	forge := func() {
		t.Helper()
		publish := func(topic string, payload []byte) {
			if token := forger.Publish(topic, 1, false, payload); token.Wait() && token.Error() != nil {
				t.Fatal(token.Error())
			}
		}
		for i, do := range []string{"retry", "pause", "resume", "verify", "resync"} {
			q, err := wire.Question{ID: uint64(1000 + i), Ask: wire.AskAct, Errand: wire.Errand{Act: &wire.Act{ID: fmt.Sprintf("%032x", i), At: time.Now().UnixMilli(), Do: do, Table: "orders"}}}.Encode()
			if err != nil {
				t.Fatal(err)
			}
			publish("/verify/store-17/hq", q)
			publish("/verify/store-17/store-18", q)
		}
		for _, m := range replayed {
			publish("/verify/store-17/hq", m)
			publish("/verify/store-17/store-18", m)
			changed := bytes.Clone(m)
			changed[len(changed)-1] ^= 1
			publish("/verify/store-17/hq", changed)
		}
	}
	forge()
	// What the hub asks after that is answered, so what was forged has been looked at.
	has(t, hq.Run(0, "resume", "--at", "store-17"), "nothing was paused")
	const did = `SELECT action, COUNT(*) FROM sync_acts GROUP BY action ORDER BY action`
	store.Expect(did, `"resume"|1`, `"retry"|1`)
	store.Node.Kill()
	store.Start()
	asks(t, hq, "errors", "--at", "store-17")
	forge()
	has(t, hq.Run(0, "resume", "--at", "store-17"), "nothing was paused")
	store.Expect(did, `"resume"|2`, `"retry"|1`)
	store.Expect(`SELECT COUNT(*) FROM sync_pauses`, "0")
	said := strings.Join(store.Node.Log(), "\n")
	has(t, said, "does only what is encrypted with a key that only it and hq have")
}

// A store that is killed between the act and its answer does not do it again: the hub is told that it may have been done.
func TestAStoreThatIsKilledAtWork(t *testing.T) {
	t.Parallel()
	hq, store := hubAndStore(t, []string{"look", "retry"}, nil)
	refused(t, hq, store)
	has(t, asks(t, hq, "errors", "--at", "store-17"), "77")
	lock, err := store.DB.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := lock.ExecContext(t.Context(), `LOCK TABLES sync_outbox WRITE`); err != nil { // so that it cannot finish
		t.Fatal(err)
	}
	answered := make(chan string, 1)
	go func() {
		code, out, said := testkit.Output(t, "retry", hq.File, "--at", "store-17")
		answered <- fmt.Sprintf("%d %s%s", code, out, said)
	}()
	store.Expect(`SELECT state FROM sync_acts`, `"begun"`)
	store.Node.Kill()
	if _, err := lock.ExecContext(t.Context(), `UNLOCK TABLES`); err != nil {
		t.Fatal(err)
	}
	store.Start()
	if said := <-answered; !strings.HasPrefix(said, "1 ") || !strings.Contains(said, "it may have been done; ask again, since repeating is safe") {
		t.Error(said)
	}
	store.Expect(`SELECT state, COUNT(*) FROM sync_acts GROUP BY state`, `"begun"|1`)
	hq.Exec(`DROP TRIGGER no`)
	asks(t, hq, "retry", "--at", "store-17")
	hq.Expect(`SELECT id FROM orders`, `77`)
}
