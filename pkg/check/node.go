package check

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/serve"
)

// Options say how a node is checked. A zero field means its default.
type Options struct {
	Listen time.Duration // how long to listen to the remotes, at most; default 7 s
	Socket string        // the Unix socket of a running node; "": none
}

// Node checks everything that a node with this configuration needs, and returns all findings. It takes some seconds,
// since it listens to the remotes. Nothing is changed, and a running node is not disturbed.
func Node(ctx context.Context, cfg *config.Config, o Options) []finding.Finding {
	if o.Listen == 0 {
		o.Listen = 7 * time.Second
	}
	scripts := checkScripts(cfg)
	database, tables, working := checkDatabase(ctx, cfg)
	running := working || answers(ctx, o.Socket)
	files := checkFiles(ctx, cfg, running)
	all := slices.Concat(files, scripts, database, checkBroker(ctx, cfg, tables, running, o))
	slices.SortStableFunc(all, func(x, y finding.Finding) int { return cmp.Compare(last(x), last(y)) }) // checkDatabase also reports on remotes
	return all
}

func last(f finding.Finding) int {
	if f.Area == AreaRemotes {
		return 1
	}
	return 0
}

// answers reports whether a node listens on its socket.
func answers(ctx context.Context, socket string) bool {
	if socket == "" {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := serve.DialSocket(ctx, socket)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
