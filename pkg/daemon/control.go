package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/web"
)

// Socket is the path of the Unix socket by which commands reach a running node.
func Socket(cfg *config.Config) string {
	return filepath.Join(cfg.QueueDirectory, cfg.ClientName+".sock")
}

// control returns what serves the node's API at its socket, which is there from now
// on. A socket that cannot be made is told, and the node runs without it.
func (n *Node) control(ctx context.Context) func(context.Context) error {
	listener, err := n.listen(ctx)
	if err != nil {
		n.log.Error("commands that ask the running node will not work", zap.Error(err))
		return func(context.Context) error { return nil }
	}
	return func(ctx context.Context) error { return web.Serve(ctx, listener, n.web.Socket()) }
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
