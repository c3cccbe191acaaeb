package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/connector"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// Whoever asks while the connector is reloaded is answered, at the page and at the socket.
func TestAReloadRefusesNobody(t *testing.T) {
	t.Parallel()
	address, file, _ := formed(t)
	client := api.NewClient(connector.Socket(stateFile(file)))
	page := func() error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/api/status", nil)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+formsToken)
		r.Close = true // each time a connection of its own
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		if w.StatusCode != http.StatusOK {
			return fmt.Errorf("%s", w.Status)
		}
		return w.Body.Close()
	}
	socket := func() error { _, err := client.Status(t.Context()); return err }
	over := make(chan struct{})
	var all sync.WaitGroup
	for name, ask := range map[string]func() error{"page": page, "socket": socket} {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-over:
					t.Logf("%s: asked %d times", name, n)
					return
				default:
					if err := ask(); err != nil {
						t.Errorf("%s: %v", name, err)
						return
					}
				}
			}
		})
	}
	for range 5 {
		if err := client.Reload(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := socket(); err != nil { // of the last one
		t.Error(err)
	}
	close(over)
	all.Wait()
}

// A page moves with its address, and stays where it is if it cannot.
func TestAReloadMovesThePage(t *testing.T) {
	t.Parallel()
	address, file, _ := formed(t)
	client := api.NewClient(connector.Socket(stateFile(file)))
	at := func(address, token string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/api/status", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0
		}
		_ = w.Body.Close()
		return w.StatusCode
	}
	configure := func(listen, token string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(strings.NewReplacer(address, listen, formsToken, token).Replace(contentOf(t, file))), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := client.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	before := contentOf(t, file)
	back := func() {
		if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	status := func() *api.Status {
		s, err := client.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}

	configure(address, "another token that is long enough")
	if status(); at(address, formsToken) != http.StatusUnauthorized || at(address, "another token that is long enough") != http.StatusOK {
		t.Error("the token was not exchanged")
	}
	back()
	other := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	configure(other, formsToken)
	if status(); at(address, formsToken) != 0 || at(other, formsToken) != http.StatusOK {
		t.Error("the page has not moved")
	}
	back()
	taken, _, _ := formed(t)
	configure(taken, formsToken)
	if s := status(); !strings.Contains(s.ReloadError, taken) || at(other, formsToken) != http.StatusOK {
		t.Errorf("the page at %s was given up: %s", other, s.ReloadError)
	}
	before = strings.Replace(before, "http: {", "#http: {", 1)
	back()
	if err := client.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status(); at(other, formsToken) != 0 {
		t.Error("the page was not closed")
	}
}

// What is pushed to a hook while the connector is reloaded is accepted, and arrives.
func TestAReloadLosesNothingThatIsPushed(t *testing.T) {
	t.Parallel()
	s := standin.NewReceiver("")
	t.Cleanup(s.Close)
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	file := write(t, "connector.json", map[string]any{
		"http":         map[string]any{"listen": address},
		"sources":      map[string]any{"collect": map[string]any{"type": "hook", "key": "id", "auth": map[string]any{"bearer": "a-secret-of-the-hook"}, "perSecond": 10000}},
		"destinations": map[string]any{"there": map[string]any{"type": "webhook", "url": s.URL}},
		"jobs":         map[string]any{"in": map[string]any{"from": map[string]any{"source": "collect", "key": "id"}, "to": map[string]any{"destination": "there", "send": "batch"}}},
	})
	running(t, file)
	client := api.NewClient(connector.Socket(stateFile(file)))
	over, pushed := make(chan struct{}), make(chan int)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-over:
				pushed <- n
				return
			default:
			}
			if status, said := post(t, "http://"+address+"/hooks/collect", fmt.Sprintf(`[{"id":%d}]`, n), map[string]string{"Authorization": "Bearer a-secret-of-the-hook", "Connection": "close"}); status != http.StatusOK {
				t.Errorf("row %d: %d %s", n, status, said)
			}
		}
	}()
	for range 5 {
		if err := client.Reload(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if _, err := client.Status(t.Context()); err != nil { // of the last one
		t.Error(err)
	}
	close(over)
	n := <-pushed
	testkit.Eventually(t, "all rows at the destination", func() error {
		if got := len(s.Rows()); got != n {
			return fmt.Errorf("%d rows of %d have arrived", got, n)
		}
		return nil
	})
}
