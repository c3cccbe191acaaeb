package connector

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
)

// Socket returns the path of the Unix socket at which commands reach the connector that
// uses a state file.
func Socket(state string) string { return state + ".sock" }

// listenSocket opens the socket, for the connector's user alone. A leftover of a killed process
// is replaced: the lock on the state has shown that no other one runs.
func listenSocket(ctx context.Context, path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open the socket: %w", err)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("open the socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("open the socket: %w", err), l.Close())
	}
	return l, nil
}
