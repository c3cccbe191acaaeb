package verify

import (
	"context"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// busy is a node whose answers to some questions take until the test is over.
type busy struct {
	Self
	led chan string
}

func (busy) Summary(ctx context.Context) (wire.Summary, error) {
	<-ctx.Done()
	return wire.Summary{}, ctx.Err()
}

func (b busy) Lead(client string, _ wire.Led) ([]byte, error) {
	b.led <- client
	return nil, nil
}

// A site's report to the hub that leads it waits for no other question, of this site or of others, that takes long.
func TestAReportWaitsForNoOtherQuestion(t *testing.T) {
	stores := []string{"store-1", "store-2", "store-3", "store-4"}
	cfg := &config.Config{ClientName: "hq", RemoteClients: stores, MQTT: config.MQTT{Servers: []string{"tcp://127.0.0.1:1"}}}
	line, err := mesh.NewLine(cfg, zap.NewNop(), "test", true, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	b := busy{led: make(chan string, 1)}
	vf := New(Config{Line: Line{Topics: line.Topics, Mesh: line.Mesh, Transport: line.Transport, Refused: line.Refused}, Log: zap.NewNop(), Node: cfg, Now: time.Now}, b, stores)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- vf.answerAll(ctx) }()
	says := func(client string, q wire.Question) {
		payload, err := q.Encode()
		if err != nil {
			t.Fatal(err)
		}
		vf.Hear(line.Topics.Parse(line.Topics.VerifyOf("hq", client)), payload)
	}
	for i, client := range stores {
		says(client, wire.Question{ID: uint64(i), Ask: wire.AskSummary})
	}
	for i, client := range stores {
		says(client, wire.Question{ID: uint64(10 + i), Ask: wire.AskLead, Errand: wire.Errand{Led: &wire.Led{Profile: "store"}}})
		select {
		case from := <-b.led:
			if from != client {
				t.Errorf("%s, not %s", from, client)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("the report of %s waits", client)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
