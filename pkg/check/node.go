package check

import (
	"cmp"
	"context"
	"net"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// Options say how a node is checked. A zero field means its default.
type Options struct {
	Listen time.Duration // how long the remotes are listened to, at the most; default 7 s
	Socket string        // the Unix socket of a running node; "" is none
}

// Node looks at everything that a node with this configuration needs, and returns
// all that was found. It takes some seconds, since the remotes are listened to.
// Nothing is changed, and a node that runs goes on undisturbed.
func Node(ctx context.Context, cfg *config.Config, o Options) []Finding {
	if o.Listen == 0 {
		o.Listen = 7 * time.Second
	}
	scripts := checkScripts(cfg)
	database, tables, working := checkDatabase(ctx, cfg)
	running := working || answers(ctx, o.Socket)
	files := checkFiles(ctx, cfg, running)
	all := slices.Concat(files, scripts, database, checkBroker(ctx, cfg, tables, running, o))
	slices.SortStableFunc(all, func(x, y Finding) int { return cmp.Compare(last(x), last(y)) }) // the database too tells of remotes
	return all
}

func last(f Finding) int {
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
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
