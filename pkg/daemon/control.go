package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// Socket is the path of the Unix socket by which commands reach a running node.
func Socket(cfg *config.Config) string {
	return filepath.Join(cfg.QueueDirectory, cfg.ClientName+".sock")
}

// control serves the node's own commands until ctx ends. A socket that cannot be
// made is told, and the node runs without it.
func (n *Node) control(ctx context.Context) error {
	listener, err := n.listen(ctx)
	if err != nil {
		n.log.Error("commands that ask the running node (verify) will not work", zap.Error(err))
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /verify", n.serveVerify)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	go func() {
		<-ctx.Done()
		_ = server.Close() // the node stops
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve commands: %w", err)
	}
	return nil
}

// listen makes the socket, for the node's user alone. One that a killed node
// left is replaced: the lock on the database has shown that it runs no more.
func (n *Node) listen(ctx context.Context) (net.Listener, error) {
	if err := os.MkdirAll(n.cfg.QueueDirectory, 0o700); err != nil {
		return nil, fmt.Errorf("queueDirectory: %w", err)
	}
	path := Socket(n.cfg)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("queueDirectory: %w", err)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("queueDirectory: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("queueDirectory: %w", err), l.Close())
	}
	return l, nil
}

// VerifyRequest is the body of POST /verify; empty lists mean all.
type VerifyRequest struct {
	Tables  []string `json:"tables"`
	Remotes []string `json:"remotes"`
	Repair  bool     `json:"repair"`
}

// VerifyLine is one line of its answer: a comparison, or the error that kept
// from it.
type VerifyLine struct {
	Comparison
	Error string `json:"error,omitempty"`
}

// serveVerify answers with a JSON object a line, as each comparison ends.
func (n *Node) serveVerify(w http.ResponseWriter, r *http.Request) {
	var q VerifyRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&q); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if len(q.Tables) == 0 {
		q.Tables = n.allTables()
	}
	if len(q.Remotes) == 0 {
		q.Remotes = n.cfg.RemoteClients
	}
	lines := json.NewEncoder(w)
	for _, table := range q.Tables {
		for _, remote := range q.Remotes {
			line := VerifyLine{Comparison: Comparison{Remote: remote, Table: table}}
			var err error
			if !slices.Contains(n.allTables(), table) || n.senders[remote] == nil {
				err = errors.New("the table or the remote is not in the configuration")
			} else {
				line.Comparison, err = n.Verify(r.Context(), remote, table, q.Repair)
			}
			if err != nil {
				line.Error = err.Error()
			}
			if lines.Encode(line) != nil {
				return // the command is gone
			}
			_ = http.NewResponseController(w).Flush() // the next line would tell
		}
	}
}
