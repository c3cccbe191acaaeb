package transform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// loaded returns Transformers for tables in dir, and the error of Load.
func loaded(dir string, tables ...string) (*Transformers, error) {
	tr := New(zap.NewNop(), nil, nil, Config{Directory: dir})
	return tr, tr.Load(tables)
}

// applied returns the column v that the transformer of orders gives.
func applied(t *testing.T, tr *Transformers) any {
	t.Helper()
	got, err := tr.Apply(t.Context(), call())
	if err != nil {
		t.Fatal(err)
	}
	v, _ := got.Value("v")
	return v
}

func TestMistakeInAFileNamesItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"module.exports = function () {\n  return 1 +;\n}": "orders.js:2: SyntaxError:",
		"\nlet a; let a;":                    "orders.js:2: SyntaxError:",
		"export default function () {}":      "orders.js:1: SyntaxError:",
		"\n\nthrow new Error('at load');":    "orders.js:3: Error: at load",
		"module.exports = {transform() {}};": "orders.js: module.exports is not a function",
		"":                                   "orders.js: module.exports is not a function",
		"module.exports = () => {}; module.exports.onDelete = 5;": "orders.js: module.exports.onDelete is not a function",
		"require('./missing');":                                   "orders.js:1:",
		"require('./broken');":                                    "broken.js:2: SyntaxError:",
		"require('./data.json');":                                 "JSON",
		"setTimeout(() => {}); new Promise(() => {});":            "module.exports is not a function",
	} {
		t.Run(text, func(t *testing.T) {
			dir := directory(t, map[string]string{"orders.js": text, "items.js": "(", "broken.js": "\n)", "data.json": "{"})
			_, err := loaded(dir, "orders", "items", "others")
			wantError(t, err, "load transformer: ", want, "load transformer: items.js:")
		})
	}
}

func TestAFileThatNeverFinishesIsAMistake(t *testing.T) {
	c := soon
	c.Directory = directory(t, map[string]string{"orders.js": "while (true) {}"})
	wantError(t, New(zap.NewNop(), nil, nil, c).Load([]string{"orders"}), "orders.js: ran longer than 500ms")
}

func TestMissingDirectoryIsAMistake(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	_, err := loaded(dir, "orders")
	wantError(t, err, "read transformers of "+dir, "no such file")
	tr, err := loaded("", "orders")
	if err != nil || tr.Has("orders") {
		t.Fatal(err)
	}
}

func TestAFileWithoutATableGetsAWarning(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	tr := New(zap.New(core), nil, nil, Config{Directory: directory(t, map[string]string{
		"orders.js":   "require('./helper'); module.exports = c => c.entity",
		"helper.js":   "",
		"product.js":  "(not even JavaScript",
		"lib/deep.js": "",
		"README.md":   "",
	})})
	if err := tr.Load([]string{"orders"}); err != nil {
		t.Fatal(err)
	}
	if all := logs.All(); len(all) != 1 || all[0].ContextMap()["file"] != "product.js" {
		t.Fatal(all)
	}
}

func TestRequireFindsFilesOfTheDirectoryAndCoreModules(t *testing.T) {
	dir := directory(t, map[string]string{
		"orders.js": `const a = require('./lib/a'), {n} = require('./data.json');
			const {Buffer: B} = require('buffer'), util = require('node:util'), {URL} = require('url');
			module.exports = () => ({v: [a, require('./lib/a.js') === a, n, B === Buffer, util.format('%d', 1),
				new URL('mqtt://h/x').hostname, __filename, __dirname].join()})`,
		"lib/a.js":      "module.exports = 'a' + require('../lib/b') + require('./b')",
		"lib/b.js":      "module.exports = 'b'",
		"data.json":     `{"n": "quote ' and \\ "}`,
		"bom_item.json": "{}",
	})
	write(t, filepath.Join(dir, "bomItem.js"), "\ufeffmodule.exports = () => ({v: 1})")
	tr, err := loaded(dir, "orders", "bom_item")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := applied(t, tr), `abb,true,quote ' and \ ,true,1,h,orders.js,.`; got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestRequireReachesNothingElse(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret.json")
	write(t, outside, `{"secret": 1}`)
	for _, name := range []string{outside, "file://" + outside, "/etc/passwd", "../secret.json", "./../../../../" + outside,
		"fs", "node:fs", "process", "child_process", "os", "net", "lodash"} {
		t.Run(name, func(t *testing.T) {
			dir := directory(t, map[string]string{
				"orders.js":                    "module.exports = () => ({v: require('" + name + "')})",
				"node_modules/lodash/index.js": "",
			})
			tr, err := loaded(dir, "orders")
			if err != nil {
				t.Fatal(err)
			}
			_, err = tr.Apply(t.Context(), call())
			wantError(t, err, "orders.js:1:", "odule")
		})
	}
	tr := world{}.orders(t, "module.exports = () => ({v: typeof process + eval('1\\n//# sourceMappingURL="+outside+"')})")
	if got := applied(t, tr); got != "undefined1" {
		t.Fatal(got)
	}
}

func TestSymbolicLinksMustNotLeadOut(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside.js")
	write(t, outside, "module.exports = () => ({v: 'outside'})")
	inside := directory(t, map[string]string{"..2024/orders.js": "module.exports = () => ({v: 'inside'})"})
	for link, target := range map[string]string{"..data": "..2024", "orders.js": "..data/orders.js", ".#orders.js": "nowhere"} {
		if err := os.Symlink(target, filepath.Join(inside, link)); err != nil {
			t.Fatal(err)
		}
	}
	tr, err := loaded(inside, "orders") // as Kubernetes mounts a ConfigMap
	if err != nil {
		t.Fatal(err)
	}
	if got := applied(t, tr); got != "inside" {
		t.Fatal(got)
	}
	if err := os.Symlink(outside, filepath.Join(inside, "items.js")); err != nil {
		t.Fatal(err)
	}
	_, err = loaded(inside, "orders")
	wantError(t, err, "items.js", "escapes")
}

func TestReloadTakesAllFilesOrNone(t *testing.T) {
	dir := directory(t, map[string]string{
		"orders.js": "module.exports = () => ({v: require('./lib')})",
		"lib.js":    "module.exports = 'old'",
		"items.js":  "module.exports = () => ({v: 'old'})",
	})
	tr, err := loaded(dir, "orders", "items", "others")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "lib.js"), "module.exports = 'new'")
	write(t, filepath.Join(dir, "items.js"), "(")
	wantError(t, tr.Reload(), "items.js:2: SyntaxError:")
	if got := applied(t, tr); got != "old" {
		t.Fatal(got)
	}
	if err := os.Remove(filepath.Join(dir, "items.js")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "others.js"), "module.exports = () => null")
	if err := tr.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := applied(t, tr); got != "new" || tr.Has("items") || !tr.Has("others") {
		t.Fatal(got, tr.Has("items"), tr.Has("others"))
	}
}

func TestTablesWithTheSameFileShareIt(t *testing.T) {
	dir := directory(t, map[string]string{"productItems.js": "let n = 0; module.exports = c => ({v: c.table + ++n})"})
	tr := New(zap.NewNop(), nil, nil, Config{Directory: dir, Runtimes: 1})
	if err := tr.Load([]string{"product_items", "product-items"}); err != nil {
		t.Fatal(err)
	}
	for i, table := range []string{"product_items", "product-items"} {
		got, err := tr.Apply(t.Context(), Call{Table: table})
		wantEntity(t, got, err, value.Field{Name: "v", Value: table + strings.Repeat("2", i) + strings.Repeat("1", 1-i)})
	}
}
