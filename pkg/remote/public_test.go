package remote_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
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

// Nor is an address of this network reached because another host redirects there: it would answer to the connector alone.
func TestRedirectsDoNotLeadIntoThisNetwork(t *testing.T) {
	t.Parallel()
	reached := 0
	private := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	defer private.Close()
	for _, to := range []string{strings.Replace(private.URL, "127.0.0.1", "localhost", 1), "http://169.254.169.254/latest/meta-data", "http://10.0.0.1", "http://[::ffff:127.0.0.1]"} {
		via := 0
		service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if via++; r.URL.Path != "/again" {
				http.Redirect(w, r, "/again", http.StatusFound)
				return
			}
			http.Redirect(w, r, to, http.StatusFound)
		}))
		c, err := remote.New(remote.Config{Base: service.URL})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Do(t.Context(), &remote.Request{Operation: "list", Read: true})
		service.Close()
		if e, ok := errors.AsType[*remote.Error](err); !ok || !errors.Is(err, remote.ErrPrivate) || e.Next.Do != remote.Stop || reached > 0 || via != 2 {
			t.Errorf("%s: %v", to, err)
		}
	}
	service := httptest.NewServer(http.RedirectHandler(strings.Replace(private.URL, "127.0.0.1", "localhost", 1), http.StatusFound))
	defer service.Close()
	c, err := remote.New(remote.Config{Base: service.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Anywhere().Do(t.Context(), &remote.Request{Operation: "fetch", Read: true}); err != nil || reached != 1 {
		t.Errorf("%v, reached %d times", err, reached)
	}
}

// A proxy may have a private address, as most do. It resolves names.
func TestAProxyMayBePrivate(t *testing.T) {
	t.Parallel()
	asked := ""
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked = r.URL.Host; asked == "api.example.com" {
			http.Redirect(w, r, "http://files.example.com/", http.StatusFound)
		}
	}))
	defer proxy.Close()
	at, _ := url.Parse(proxy.URL)
	for base, want := range map[string]string{"http://api.example.com": "files.example.com", "http://files.example.com": "files.example.com", "http://10.0.0.1": ""} {
		c, err := remote.New(remote.Config{Base: base})
		if err != nil {
			t.Fatal(err)
		}
		c.ProxyForTest(at)
		asked = ""
		_, err = c.Public().Do(t.Context(), &remote.Request{Operation: "fetch", Read: true})
		if asked != want || errors.Is(err, remote.ErrPrivate) != (want == "") {
			t.Errorf("%s: %v, the proxy was asked for %q", base, err, asked)
		}
	}
}
