package mesh

import (
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

func TestComingAndGoingWritesFewLines(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	now := time.Now()
	r := NewRefusals(zap.New(core), &config.Config{RemoteClients: []string{"node-b"}}, func() time.Time { return now })
	for range 1000 {
		r.Comes(zap.InfoLevel, "client online", "node-b")
		r.Comes(zap.InfoLevel, "client offline", "node-b")
	}
	if logs.Len() != 2*comingLines {
		t.Errorf("%d lines", logs.Len())
	}
	now = now.Add(RefusalsTime)
	r.Comes(zap.InfoLevel, "client online", "node-b")
	if last := logs.All()[logs.Len()-1]; logs.Len() != 2*comingLines+1 || last.ContextMap()["notTold"] != int64(1000-comingLines) || last.ContextMap()["remote"] != "node-b" {
		t.Errorf("%d lines, the last: %v", logs.Len(), last.ContextMap())
	}
}
