package render

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
)

// failing is a Broker that always returns the same error.
type failing struct{ error }

func (f failing) Publish(context.Context, transport.Message) error { return f.error }

// TestAScriptsMessageIsRetriedWhenTheBrokerIsAway: that is neither the script's fault nor the row's.
func TestAScriptsMessageIsRetriedWhenTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	for err, later := range map[error]bool{transport.ErrOffline: true, errors.New("too large"): false, nil: false} {
		got := publisher{failing{err}}.Publish(t.Context(), "t", nil, 0, false)
		if !errors.Is(got, err) || transform.Transient(got) != later {
			t.Errorf("%v becomes %v, retried: %v", err, got, transform.Transient(got))
		}
	}
}

// TestScriptErrorsNameTheConfigurationKey, for a broken script and a missing one.
func TestScriptErrorsNameTheConfigurationKey(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for file, text := range map[string]string{"broken.js": "module.exports = (", "orders.js": "module.exports = c => c.entity"} {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script := map[string]config.Policy{"orders": {Name: conflict.Script}}
	for want, cfg := range map[string]*config.Config{
		"":                                  {SyncTables: []string{"orders"}},
		"transformerDirectory: ":            {SyncTables: []string{"orders", "broken"}},
		`conflictPolicy.orders: "script": `: {SyncTables: []string{"orders"}, ConflictPolicy: script},
	} {
		cfg.TransformerDirectory = folder
		s, err := OpenScripts(zap.NewNop(), cfg, nil, failing{})
		if err == nil {
			s.Close()
		}
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
