package main

import (
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// fromAPI is an API of products, a table for them, and a configuration that carries them there.
func fromAPI(t *testing.T, rows ...string) (*standin.Pages, *mysqldb.DB, map[string]any) {
	t.Helper()
	p := standin.NewPages("t-12345", 2, rows...)
	t.Cleanup(p.Close)
	db := testkit.Schema(t, `CREATE TABLE products (sku VARCHAR(20) PRIMARY KEY, price DECIMAL(12,4), stock BIGINT UNSIGNED, tags JSON, updated DATETIME(3))`)
	lake := map[string]any{"type": "mysql"}
	maps.Copy(lake, testkit.Shared(t).Keys(db.Name))
	return p, db, map[string]any{
		"sources":      map[string]any{"amazon": map[string]any{"type": "http", "url": p.URL, "auth": map[string]any{"bearer": "t-12345"}}},
		"destinations": map[string]any{"lake": lake},
		"jobs": map[string]any{"products": map[string]any{
			"from": map[string]any{"source": "amazon", "path": "/next?since={watermark}", "rows": "$.rows[*]", "next": "$.next", "key": []string{"sku"}, "watermark": "updated", "overlap": "0s"},
			"to":   map[string]any{"destination": "lake", "table": "products"},
		}},
	}
}

// product is a row of the API.
func product(sku, price, updated string) string {
	return fmt.Sprintf(`{"sku":%q,"price":%s,"stock":18446744073709551615,"tags":["a",{"b":1.50}],"updated":%q}`, sku, price, updated)
}

// texts returns the first column of a query's rows.
func texts(t *testing.T, db *mysqldb.DB, query string) (list []string) {
	t.Helper()
	if err := db.SelectContext(t.Context(), &list, query); err != nil {
		t.Fatal(err)
	}
	return list
}

// once runs the built program once.
func once(t *testing.T, file string, more ...string) (string, error) {
	t.Helper()
	exe, err := built()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(exe, append([]string{"start", file, "--once"}, more...)...).CombinedOutput()
	return string(out), err
}

func TestR01AnAPIGoesToATable(t *testing.T) {
	t.Parallel()
	p, db, configuration := fromAPI(t,
		product("a", "19.90", "2026-01-03T00:00:00Z"), product("b", "0.1234", "2026-01-01T00:00:00Z"), product("c", "1e2", "2026-01-02T00:00:00Z"))
	file := write(t, "connector.yaml", configuration)
	if out, err := once(t, file, "--test"); err != nil || len(texts(t, db, "SELECT sku FROM products")) != 0 || len(p.Requests()) != 2 {
		t.Fatalf("a dry run: %d requests, %v\n%s", len(p.Requests()), err, out)
	}
	if out, err := once(t, file); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// MySQL normalizes JSON, MariaDB keeps its text.
	const all = "SELECT CONCAT_WS(' ', sku, price, stock, REPLACE(REPLACE(tags, ' ', ''), '1.50', '1.5'), updated) FROM products ORDER BY sku"
	want := `[a 19.9000 18446744073709551615 ["a",{"b":1.5}] 2026-01-03 00:00:00.000 b 0.1234 18446744073709551615 ["a",{"b":1.5}] 2026-01-01 00:00:00.000 c 100.0000 18446744073709551615 ["a",{"b":1.5}] 2026-01-02 00:00:00.000]`
	if got := fmt.Sprint(texts(t, db, all)); got != want {
		t.Errorf("the table has\n%s\nwant\n%s", got, want)
	}
	// The next run asks only for news.
	p.Set(product("a", "20", "2026-01-04T00:00:00Z"), product("d", "1", "2026-01-03T12:00:00Z"), product("b", "9", "2026-01-01T00:00:00Z"))
	before := len(p.Requests())
	if out, err := once(t, file); err != nil || !strings.Contains(out, `"read": 2, "sent": 2`) {
		t.Errorf("%v\n%s", err, out)
	}
	if r := p.Requests()[before:]; len(r) != 1 || r[0].Path != "/next?since=2026-01-03T00%3A00%3A00Z" {
		t.Errorf("asked for %+v", r)
	}
	if got := fmt.Sprint(texts(t, db, "SELECT CONCAT(sku, ' ', price) FROM products ORDER BY sku")); got != "[a 20.0000 b 0.1234 c 100.0000 d 1.0000]" {
		t.Errorf("the table has %s", got)
	}
}

// A kill in the middle of the pages loses nothing, although the newest row came first.
func TestR01R04AKillBetweenPagesLosesNothing(t *testing.T) {
	t.Parallel()
	p, db, configuration := fromAPI(t, product("a", "1", "2026-01-09T00:00:00Z"), product("b", "1", "2026-01-08T00:00:00Z"), product("c", "1", "2026-01-01T00:00:00Z"))
	file := write(t, "connector.yaml", configuration)
	exe, err := built()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe, "start", file, "--once")
	second := make(chan struct{})
	p.Fail(func(_ http.ResponseWriter, r *http.Request, n int) bool {
		if n == 2 {
			close(second)
			<-r.Context().Done()
		}
		return n == 2
	})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	<-second
	_ = c.Process.Kill()
	_ = c.Wait() // killed
	if out, err := once(t, file); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := fmt.Sprint(texts(t, db, "SELECT sku FROM products ORDER BY sku")); got != "[a b c]" {
		t.Errorf("the table has %s", got)
	}
}

// An API that explains an error ends the run, and `check` reports it beforehand.
func TestR01RefusalsOfAnAPIAreReported(t *testing.T) {
	t.Parallel()
	p, _, configuration := fromAPI(t)
	file := write(t, "connector.yaml", configuration)
	if out, err := execute(t, "check", file, "--json"); err != nil || !strings.Contains(out, "http answers in") {
		t.Errorf("%v\n%s", err, out)
	}
	p.Accept("another")
	host := strings.TrimPrefix(p.URL, "http://")
	for _, try := range [][]string{{"check", file, "--json"}, {"start", file, "--once", "--state", filepath.Join(t.TempDir(), "s.db")}} {
		out, err := execute(t, try...)
		if told := fmt.Sprint(out, err); err == nil || !strings.Contains(told, "read page 1 of /next: "+host+" answered 403 Forbidden") || strings.Contains(told, "t-12345") {
			t.Errorf("%s: %v\n%s", try[0], err, out)
		}
	}
}

func TestR01MistakesInAnAPIHaveLines(t *testing.T) {
	t.Parallel()
	_, _, configuration := fromAPI(t)
	from := configuration["jobs"].(map[string]any)["products"].(map[string]any)["from"].(map[string]any)
	from["page"] = map[string]any{"parameter": "p"}
	_, err := execute(t, "start", write(t, "connector.json", configuration), "--once")
	if err == nil || !strings.Contains(err.Error(), "jobs.products.from.page: conflicts with next; keep one of them") {
		t.Error(err)
	}
}
