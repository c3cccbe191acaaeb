package node_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestProfilesAreServedOnLoopback(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"http": map[string]any{"listen": address}})
	a.Exec(orders)
	a.start()
	testkit.Eventually(t, "profiles", func() error {
		r, err := http.Get("http://" + address + "/debug/pprof/heap")
		if err != nil {
			return err
		}
		defer r.Body.Close()
		if r.StatusCode != http.StatusOK {
			return fmt.Errorf("answer %s", r.Status)
		}
		return nil
	})
}
