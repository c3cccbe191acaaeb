package remote_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

func TestPrivateAddressesAreNotReached(t *testing.T) {
	t.Parallel()
	reached := 0
	service := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	defer service.Close()
	for _, address := range []string{service.URL, "http://10.0.0.1", "http://169.254.169.254", "http://[::1]", "http://[fd00::1]", "http://100.64.0.1", "http://[::ffff:127.0.0.1]"} {
		c, err := remote.New(remote.Config{Base: address})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Public().Do(t.Context(), &remote.Request{Operation: "fetch", Read: true}); !errors.Is(err, remote.ErrPrivate) || reached > 0 {
			t.Errorf("%s: %v", address, err)
		}
	}
}
