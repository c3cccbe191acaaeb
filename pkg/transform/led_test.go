package transform

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
)

// withHub returns Transformers for tables, whose own scripts are in a directory and the hub's in a map.
func withHub(t *testing.T, own, hub map[string]string, tables ...string) (*Transformers, error) {
	t.Helper()
	c := Config{Led: Files{}}
	if own != nil {
		c.Directory = directory(t, own)
	}
	for name, text := range hub {
		c.Led[name] = []byte(text)
	}
	tr := New(zap.NewNop(), nil, nil, c)
	t.Cleanup(tr.Close)
	return tr, tr.Load(tables)
}

// returns is a script whose transformer sets v.
func returns(v string) string {
	return `module.exports = c => { c.entity.v = ` + v + `; return c.entity; };`
}

func TestATablesOwnScriptIsUsedInsteadOfTheHubs(t *testing.T) {
	t.Parallel()
	hub := map[string]string{"orders.js": returns(`require('./lib/name')`), "lib/name.js": `module.exports = 'hub'`, "items.js": returns(`1`), "other.js": ``}
	own := map[string]string{"orders.js": returns(`require('./lib/name')`), "lib/name.js": `module.exports = 'own'`}
	for name, x := range map[string]struct {
		own        map[string]string
		file, want string
	}{
		"none of its own":             {nil, ".hub/orders.js", "hub"},
		"its own, with what it needs": {own, "orders.js", "own"},
		"only a file that has the name of one that the hub's needs": {map[string]string{"lib/name.js": own["lib/name.js"]}, ".hub/orders.js", "hub"},
		"files in a folder that is hidden":                          {map[string]string{".hub/orders.js": own["orders.js"]}, ".hub/orders.js", "hub"},
	} {
		tr, err := withHub(t, x.own, hub, "orders", "items")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if tr.File("orders") != x.file || applied(t, tr) != x.want || tr.File("items") != ".hub/items.js" || len(tr.Unused()) > 0 {
			t.Errorf("%s: %s, %v, %s, %v", name, tr.File("orders"), applied(t, tr), tr.File("items"), tr.Unused())
		}
	}
}

// What lies beside a site's own scripts, such as a secret, is not the hub's, whatever name its scripts give it.
func TestTheHubsScriptsReadNoneOfTheSitesFiles(t *testing.T) {
	t.Parallel()
	own := map[string]string{"secret.json": `"hunter2"`, "lib/secret.js": `module.exports = 'hunter2'`}
	for _, path := range []string{"./secret.json", "../secret.json", "../secret", "/secret.json", "secret.json", "../.hub/../secret.json", "../lib/secret", "..//lib/secret.js", "../../secret.json"} {
		for _, require := range []string{`require('%s')`, `eval("require('%s')")`, `new Function('require', "return require('%s')")(require)`} {
			tr, err := withHub(t, own, map[string]string{"orders.js": returns(fmt.Sprintf(require, path)), "package.json": `{"main": "../secret.json"}`}, "orders")
			if err != nil {
				t.Fatal(err)
			}
			if r, err := tr.Apply(t.Context(), call()); err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s of %s: %v, %v", require, path, r, err)
			}
		}
	}
}

func TestAMistakeInAScriptOfTheHubNamesItsLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\nlet a; let a;":          "load transformer: .hub/orders.js:2: SyntaxError:",
		"require('./missing');":    "load transformer: .hub/orders.js:1:",
		"\n\nthrow new Error('x')": "load transformer: .hub/orders.js:3: Error: x",
		"exports.a = 1;":           "load transformer: .hub/orders.js: module.exports is not a function",
	} {
		_, err := withHub(t, nil, map[string]string{"orders.js": text}, "orders")
		wantError(t, err, want)
	}
}

func TestSyntaxNamesFileAndLine(t *testing.T) {
	t.Parallel()
	good := Files{"orders.js": []byte("require('./missing'); throw 1; //# sourceMappingURL=/etc/passwd"), "lib/a.json": []byte("{}"), "b.json": []byte(`[1]`)}
	if err := Syntax(good); err != nil {
		t.Error(err)
	}
	wantError(t, Syntax(Files{
		"orders.js":  []byte("\n\nreturn 1 +;"),
		"lib/two.js": []byte("\nlet a; let a;"),
		"deep.js":    []byte(strings.Repeat("(", maxCode+1)),
		"b.json":     []byte("{"),
		"closes.js":  []byte("})(); (function () {"),
	}), "orders.js:3: SyntaxError: ", "lib/two.js:2: SyntaxError: ", "deep.js: code is nested too deep", "b.json: is not valid JSON")
}

// Scripts that never end hold up a check for the limit of all, not for that of each.
func TestLoadingEndsWithAllThatIsSlow(t *testing.T) {
	t.Parallel()
	files := Files{}
	for _, name := range []string{"a", "b", "c"} {
		files[name+".js"] = []byte(`for (;;) {}`)
	}
	tr := New(zap.NewNop(), nil, nil, Config{Led: files, TimeLimit: 50 * time.Millisecond, LoadLimit: 10 * time.Millisecond})
	t.Cleanup(tr.Close)
	err := tr.Load([]string{"a", "b", "c"})
	wantError(t, err, "a.js: ran longer than 50ms", "b.js: not tried, since those before it took more than 10ms")
	if strings.Contains(err.Error(), "c.js") {
		t.Error(err)
	}
}
