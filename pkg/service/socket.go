package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/history"
	"github.com/mysql-sync/mysql-sync/pkg/owner"
	"github.com/mysql-sync/mysql-sync/pkg/sites"
)

// Socket returns the path of the Unix socket at which commands reach a running node.
func Socket(cfg *config.Config) string {
	return filepath.Join(cfg.QueueDirectory, cfg.ClientName+".sock")
}

// Files returns the paths of the files that a node keeps in queueDirectory, whether they
// exist or not.
func Files(cfg *config.Config) []string {
	dir, client := cfg.QueueDirectory, cfg.ClientName
	return []string{Socket(cfg), owner.RecordsFile(dir, client), sites.File(cfg), config.LedFile(dir, client), history.Path(dir, client), history.Aside(dir, client)}
}

// listenSocket opens the socket, for the node's user alone. A leftover from a killed node
// is replaced: the lock on the database has shown that it no longer runs.
func listenSocket(ctx context.Context, cfg *config.Config) (net.Listener, error) {
	if err := os.MkdirAll(cfg.QueueDirectory, 0o700); err != nil {
		return nil, fmt.Errorf("queueDirectory: %w", err)
	}
	path := Socket(cfg)
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
