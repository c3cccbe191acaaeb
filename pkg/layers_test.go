// Package layers_test checks that packages import only what lies below them, and draws the picture
// of it in DESIGN.md.
package layers_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/mysql-sync/mysql-sync/"

// layers lists the packages from bottom to top. A package imports only packages of lower layers;
// packages of one layer never import each other.
var layers = [][]string{
	{"pkg/value", "pkg/seal", "pkg/logging", "pkg/keys", "pkg/finding", "pkg/schedule", "pkg/remote", "pkg/pause", "pkg/ledger", "pkg/serve", "pkg/sqldb", "pkg/systemd", "pkg/profile", "pkg/history"},
	{"pkg/change", "pkg/record", "pkg/command", "pkg/api"},
	{"pkg/conflict", "pkg/wire", "pkg/config", "pkg/latch", "pkg/diff"},
	{"pkg/mysqldb", "pkg/job", "pkg/backup", "pkg/join"},
	{"pkg/schema", "pkg/binlog", "pkg/version", "pkg/plan", "pkg/alert", "pkg/publish", "pkg/blueprint", "pkg/source/sql", "pkg/destination/fliplet", "pkg/destination/sql", "pkg/destination/airtable", "pkg/destination/webhook", "pkg/destination/openfn", "pkg/destination/mongodb", "pkg/source/openfn", "pkg/source/http", "pkg/source/fliplet", "pkg/source/inbox"},
	{"pkg/capture"},
	{"pkg/losers", "pkg/owner", "pkg/outbox", "pkg/paused", "pkg/sites", "pkg/lead", "pkg/foreign", "pkg/source/hook"},
	{"pkg/capture/trigger", "pkg/capture/log", "pkg/transport", "pkg/transform", "pkg/apply", "pkg/snapshot", "pkg/broker"}, // the stages
	{"pkg/capture/choice", "pkg/guest", "pkg/route"},
	{"pkg/agent", "pkg/adapter"},
	{"pkg/mesh"},
	{"pkg/receive", "pkg/status"},
	{"pkg/doubt", "pkg/render", "pkg/check", "pkg/act", "pkg/diagnostics"},
	{"pkg/deliver", "pkg/verify", "pkg/fleet"},
	{"pkg/renew", "pkg/dispatch"},
	{"pkg/node", "pkg/simulation", "pkg/source/mesh"},
	{"pkg/web", "pkg/metrics", "pkg/connector"},
	{"pkg/service"},
	{"pkg/testkit", "pkg/standin"}, // for tests and for the demonstration
	{"pkg/schemafuzz", "pkg/attack", "pkg/destination/contract", "pkg/destination/ordeal"},
	{"cmd"},
}

// owners names the only packages that may import a library.
var owners = map[string][]string{
	"github.com/KimMachineGun":            {"cmd/mysql-sync"},
	"github.com/eclipse/paho.mqtt.golang": {"pkg/transport", "pkg/testkit", "pkg/attack", "cmd/mysql-sync-soak", "cmd/mysql-sync-bench"},
	"github.com/dop251/goja":              {"pkg/transform"},
	"github.com/dop251/goja_nodejs":       {"pkg/transform"},
	"github.com/elastic/go-seccomp-bpf":   {"pkg/transform"},
	"github.com/knadh/koanf":              {"pkg/keys"},
	"github.com/mochi-mqtt/server":        {"pkg/broker"},
	"github.com/theory/jsonpath":          {"pkg/source/http", "pkg/source/fliplet"},
	"github.com/spf13/cobra":              {"pkg/command", "cmd"},
	"github.com/klauspost/compress":       {"pkg/wire", "pkg/binlog"},
	"golang.org/x/crypto":                 {"pkg/seal"},
	"golang.org/x/oauth2":                 {"pkg/remote"},
	"golang.org/x/time":                   {"pkg/remote"},
	"github.com/minio/minio-go":           {"pkg/backup"},
	"filippo.io/age":                      {"pkg/backup"},
	"modernc.org/sqlite":                  {"pkg/ledger", "pkg/sqldb"},
	"github.com/jackc/pgx":                {"pkg/sqldb"},
	"github.com/microsoft/go-mssqldb":     {"pkg/sqldb", "pkg/source/sql"},
	"github.com/prometheus/client_golang": {"pkg/metrics", "pkg/api"},
	"go.mongodb.org/mongo-driver":         {"pkg/destination/mongodb", "pkg/destination/ordeal"},
	"github.com/go-sql-driver/mysql":      {"pkg/mysqldb", "pkg/sqldb", "pkg/testkit"},
	"github.com/coreos/go-systemd":        {"pkg/systemd"},
	"github.com/mattn/go-runewidth":       {"pkg/command", "cmd"},
}

func TestPackagesImportOnlyLowerLayers(t *testing.T) {
	imports := readImports(t)
	if len(imports) < 10 {
		t.Fatalf("found only %d packages", len(imports))
	}
	for from, list := range imports {
		at, as, ok := layer(from)
		if !ok {
			t.Errorf("%s is in no layer: give it one in this test and in DESIGN.md", from)
		}
		for _, imported := range list {
			if to, ours := strings.CutPrefix(imported, module); ours {
				if below, other, ok := layer(to); ok && below >= at && as != other {
					t.Errorf("%s imports %s, which does not lie below it", from, to)
				}
			}
		}
	}
}

func TestLibrariesAreImportedByTheirOwners(t *testing.T) {
	used := map[string]bool{}
	for from, list := range readImports(t) {
		for _, imported := range list {
			for library, allowed := range owners {
				if !within(imported, library) {
					continue
				}
				used[library] = true
				ok := false
				for _, a := range allowed {
					ok = ok || within(from, a)
				}
				if !ok {
					t.Errorf("%s imports %s, which is left to %s", from, imported, strings.Join(allowed, " and "))
				}
			}
		}
	}
	for library := range owners {
		if !used[library] {
			t.Errorf("nothing imports %s: remove it from this test", library)
		}
	}
}

// layer returns a package's place and its name there; folders below it belong to it, except those
// with their own place.
func layer(name string) (at int, as string, found bool) {
	for i, l := range layers {
		for _, p := range l {
			if within(name, p) && len(p) > len(as) {
				at, as, found = i, p, true
			}
		}
	}
	return at, as, found
}

// within reports whether name is the package parent or lies below it.
func within(name, parent string) bool { return name == parent || strings.HasPrefix(name, parent+"/") }

// readImports returns what each package imports outside its tests.
func readImports(t *testing.T) map[string][]string {
	t.Helper()
	imports := map[string][]string{}
	for _, root := range []string{"../pkg", "../cmd"} {
		err := filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			from := strings.TrimPrefix(path.Dir(filepath.ToSlash(name)), "../")
			imports[from] = append(imports[from], "") // a package without imports counts too
			for _, i := range f.Imports {
				imported, err := strconv.Unquote(i.Path.Value)
				if err != nil {
					return err
				}
				imports[from] = append(imports[from], imported)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return imports
}
