package service

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/history"
	"github.com/mysql-sync/mysql-sync/pkg/owner"
	"github.com/mysql-sync/mysql-sync/pkg/serve"
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

// listenSocket opens the socket: the lock on the database has shown that no other node has it.
func listenSocket(ctx context.Context, cfg *config.Config) (net.Listener, error) {
	err := os.MkdirAll(cfg.QueueDirectory, 0o700)
	if err != nil {
		return nil, fmt.Errorf("queueDirectory: %w", err)
	}
	l, err := serve.ListenSocket(ctx, Socket(cfg))
	if err != nil {
		return nil, fmt.Errorf("queueDirectory: %w", err)
	}
	return l, nil
}
