package serve_test

import (
	"fmt"
	"net"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/serve"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestAnAddressThatWasJustClosedIsFree listens at one address again and again while programs are started, which hold it for a moment.
func TestAnAddressThatWasJustClosedIsFree(t *testing.T) {
	t.Parallel()
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	l, err := serve.ListenTCP(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	var over atomic.Bool
	var all sync.WaitGroup
	defer all.Wait()
	defer over.Store(true)
	for range 4 {
		all.Go(func() {
			for !over.Load() {
				if err := exec.CommandContext(t.Context(), "true").Run(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 500 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if l, err = serve.ListenTCP(t.Context(), address); err != nil {
			t.Fatal(err)
		}
	}
	defer func() { _ = l.Close() }()
	if other, err := serve.ListenTCP(t.Context(), address); err == nil {
		_ = other.Close()
		t.Error("two listen at one address")
	}
	if c, err := net.Dial("tcp", address); err != nil {
		t.Error(err)
	} else {
		_ = c.Close()
	}
}
