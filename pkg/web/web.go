// Package web is the node's own HTTP server: the API by which the commands, the
// status page and other programs look at a running node and tell it what to do,
// its metrics, and Go's profiles. It knows the node by the interface Node alone.
//
// It keeps promise 8: what a request names is checked by the node against the
// configuration, bodies and listeners are bounded, and SQL is taken only by the
// Unix socket. It keeps promise 9: an error is {"error": "…"} with a status that
// fits.
package web

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"go.uber.org/zap"
)

// Run serves profiles at an address until ctx ends, and then returns nil.
func Run(ctx context.Context, log *zap.Logger, address string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("http.listen: %w", err)
	}
	h := http.NewServeMux()
	profiles(h)
	log.Info("listening", zap.String("address", listener.Addr().String()))
	if err := Serve(ctx, listener, http.NewCrossOriginProtection().Handler(h)); err != nil {
		return fmt.Errorf("http.listen: %w", err)
	}
	return nil
}
