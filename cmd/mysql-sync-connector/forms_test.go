package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/connector"
	"github.com/mysql-sync/mysql-sync/pkg/serve"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/testkit/browser"
)

const formsToken = "a token that is long enough"

// formed is a running connector whose configuration, YAML with comments, can be edited by forms.
func formed(t *testing.T) (address, file string, service interface{ Entries(int64) int }) {
	t.Helper()
	s, keys := sample(t)
	address = fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	text := fmt.Sprintf(`# The shop's.
sources:
  shop: # in the cellar
    type: mysql
    host: %q
    port: %v
    user: %v
    password: %q
    database: %v
destinations:
  app: {type: fliplet, token: "eu--1", baseURL: %q}
jobs:
  users: # all of them
    from: {source: shop, table: users, key: id}
    to: {destination: app, dataSource: 123, mode: replace}
    schedule: {disable: true}
http: {listen: %q, token: %q}
`, keys["database_host"], keys["database_port"], keys["database_username"], keys["database_password"], keys["database_name"], s.URL, address, formsToken)
	file = filepath.Join(t.TempDir(), "connector.yaml")
	if err := os.WriteFile(file, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	running(t, file)
	return address, file, entries(func(id int64) int { return len(s.Entries(id)) })
}

// asks sends a request with a token, "" for none, and returns the status and the body.
func asks(t *testing.T, address, token, method, path string, body any) (int, string) {
	t.Helper()
	text, ok := body.(string)
	if !ok {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+"/api/"+path, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(said)
}

// configurationOf returns what forms show.
func configurationOf(t *testing.T, address string) *api.Configuration {
	t.Helper()
	code, said := asks(t, address, formsToken, http.MethodGet, "configuration", "")
	c := new(api.Configuration)
	if err := json.Unmarshal([]byte(said), c); err != nil || code != http.StatusOK {
		t.Fatalf("%d %s, %v", code, said, err)
	}
	return c
}

func contentOf(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestD20R22AJobIsAddedWithForms adds and edits things as a person would, on a desktop and on a phone.
func TestD20R22AJobIsAddedWithForms(t *testing.T) {
	t.Parallel()
	address, file, service := formed(t)
	before := contentOf(t, file)
	b := browser.New(t)
	b.Do("log in", chromedp.Navigate("http://"+address+"/"))
	b.Do("write the token", chromedp.SendKeys(chromedp.CSS("#token"), formsToken))
	b.Click("button")
	b.Sees("#blocks", "shop")
	b.Sees("#configuration-file", "connector.yaml")
	open := func(name string) {
		t.Helper()
		b.Expect(name+" to be there", fmt.Sprintf(`[...document.querySelectorAll("#blocks button")].some((b) => b.textContent === %s)`, browser.Quoted(name)), "true")
		b.Text(fmt.Sprintf(`[...document.querySelectorAll("#blocks button")].find((b) => b.textContent === %s).click()`, browser.Quoted(name)))
	}
	field := func(key string) string { return fmt.Sprintf(`#fields [data-key="%s"] :is(input, textarea)`, key) }
	chosen := func(key, value string) {
		t.Helper()
		b.Text(fmt.Sprintf(`(() => { const s = document.querySelector(%s); s.value = %s; s.dispatchEvent(new Event("change")); })()`,
			browser.Quoted(fmt.Sprintf(`#fields [data-key="%s"] select`, key)), browser.Quoted(value)))
	}
	write := func(selector, value string) {
		t.Helper()
		b.Text(fmt.Sprintf(`document.querySelector(%s).select()`, browser.Quoted(selector)))
		b.Press(value)
	}

	// The form of a source shows everything but the password, and tests it.
	open("shop")
	b.Sees("#form-title", "Change the source shop")
	b.Expect("its table", `document.querySelector('#fields [data-key="host"] input').value`, "127.0.0.1")
	b.Accessible("the form of a source")
	b.Click("#form-test")
	b.Sees("#form-result", "✓ shop: mysql answers in")

	// Mistakes appear at their fields.
	write(field("port"), "70000")
	b.Click("#form-test")
	b.Sees(`[data-key="port"] .wrong`, "70000 is greater than 65535")
	b.Expect("the focus at the mistake", `document.activeElement.closest("[data-key]").dataset.key`, "port")
	b.Accessible("a form with a mistake")
	// A stored secret is not shown, and goes nowhere else.
	open("app")
	b.Expect("the token to be hidden", `document.querySelector('#fields [data-key="token"] select').value`, "keep")
	write(field("baseURL"), "https://evil.example")
	b.Click("#form-save")
	b.Sees(`[data-key="token"] .wrong`, "enter it again: baseURL has changed")
	b.Click("#form-close")
	b.Forget() // Chromium logs error responses
	if got := contentOf(t, file); got != before {
		t.Errorf("the file has changed:\n%s", got)
	}

	// A job is added, and runs.
	b.Click(`[data-add="jobs"]`)
	b.Accessible("the form of a new job")
	write("#form-name", "again")
	chosen("from.source", "shop")
	write(field("from.table"), "users")
	write(field("from.key"), "id")
	chosen("to[0].destination", "app")
	b.Click("#form-save")
	b.Sees(`[data-key="to[0].dataSource"] .wrong`, "is missing: number of the data source")
	b.Forget()
	write(field("to[0].dataSource"), "123")
	b.Text(`document.querySelector('#fields > div > [data-key="schedule"]').open = true`)
	b.Click(`#fields [data-key="schedule.disable"] input`)
	b.Click("#form-test")
	b.Sees("#form-result", "✓ 123 of app: fliplet answers in")
	b.Click("#form-save")
	b.Sees("#said", "Saved. The file as it was is")
	b.Sees("#jobs tbody", "again")
	b.Sees("#blocks", "again")
	b.Expect("the focus on the title", "document.activeElement.id", "configuration-title")
	b.Forget() // one connector left, another came
	if out, err := execute(t, "run", file, "again"); err != nil || service.Entries(123) != 2 {
		t.Errorf("%s, %v", out, err)
	}
	got := contentOf(t, file)
	for _, line := range []string{"# The shop's.", "shop: # in the cellar", "users: # all of them", "  again:", "      source: shop"} {
		if !strings.Contains(got, line) {
			t.Errorf("%q is missing in\n%s", line, got)
		}
	}
	if kept := contentOf(t, file+".1"); kept != before {
		t.Errorf("the copy is\n%s", kept)
	}
	for _, name := range []string{file, file + ".1"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}

	// On a phone, with the keyboard.
	b.Size(390, 800)
	open("again")
	b.Sees("#form-title", "Change the job again")
	b.Expect("no sideways scrolling", "document.documentElement.scrollWidth - document.documentElement.clientWidth", "0")
	b.Accessible("a form on a phone")
	write(field("description"), "<b>Once more</b>")
	b.Do("to the button", chromedp.Focus(chromedp.CSS("#form-save")))
	b.Press(kb.Enter)
	b.Sees("#said", "Saved.")
	b.Sees("#jobs tbody", "again")
	b.Expect("the list to be new", `document.querySelector("#form").hidden`, "true")
	b.Forget()
	open("again")
	b.Do("take away what was said, which may lie over the button", chromedp.Evaluate[chromedp.Void](`document.getElementById("said-close").click()`))
	b.Click("#form-remove")
	b.Click("#question-yes")
	b.Expect("the job to go", `document.querySelector("#blocks").innerText.includes("again")`, "false")
	b.Forget()
	if got := jobsOf(t, file); got != "users" {
		t.Errorf("its jobs are %s", got)
	}
	b.Size(1280, 900)
	b.Clean()
}

// A form can be drawn for each kind of source and destination, and shows what the file says.
func TestR22EachKindHasAForm(t *testing.T) {
	t.Parallel()
	address, file, _ := formed(t)
	b := browser.New(t)
	b.Do("log in", chromedp.Navigate("http://"+address+"/"))
	b.Do("write the token", chromedp.SendKeys(chromedp.CSS("#token"), formsToken))
	b.Click("button")
	b.Sees("#blocks", "shop")
	for _, section := range []string{"sources", "destinations"} {
		b.Click(`[data-add="` + section + `"]`)
		kinds := b.Text(`[...document.querySelectorAll('#fields [data-key="type"] option')].map((o) => o.value).filter(Boolean).join(" ")`)
		if !strings.Contains(kinds, "mysql") {
			t.Errorf("%s: %s", section, kinds)
		}
		for kind := range strings.FieldsSeq(kinds) {
			b.Text(fmt.Sprintf(`(() => { const s = document.querySelector('#fields [data-key="type"] select'); s.value = %q; s.dispatchEvent(new Event("change")); for (const d of document.querySelectorAll("#fields details")) d.open = true; })()`, kind))
			b.Expect(kind+" has fields", `document.querySelectorAll("#fields [data-key]").length > 1`, "true")
			b.Accessible(kind)
		}
	}
	// Opening and saving a block without edits changes nothing.
	before := configurationOf(t, address)
	for _, name := range []string{"shop", "app", "users"} {
		b.Text(fmt.Sprintf(`[...document.querySelectorAll("#blocks button")].find((b) => b.textContent === %q).click()`, name))
		b.Click("#form-save")
		b.Sees("#said", "Saved.")
		b.Expect("the form to close", `document.querySelector("#form").hidden && document.activeElement.id`, "configuration-title")
	}
	after := configurationOf(t, address)
	if fmt.Sprint(before.Blocks) != fmt.Sprint(after.Blocks) {
		t.Errorf("it was\n%v\nand is now\n%v", before.Blocks, after.Blocks)
	}
	if got := contentOf(t, file); !strings.Contains(got, `token: "eu--1"`) {
		t.Errorf("a secret was lost:\n%s", got)
	}
}

// Nobody gets a secret, and only those with the token get anything.
func TestR22FormsKeepSecretsAndRights(t *testing.T) {
	t.Parallel()
	address, file, _ := formed(t)
	c := configurationOf(t, address)
	before := contentOf(t, file)
	if c.Blocks["destinations"]["app"].(map[string]any)["token"] != "***" || c.ReadOnly != "" {
		t.Errorf("%+v", c.Blocks)
	}
	post := func(token, what string, e any) (int, string) {
		return asks(t, address, token, http.MethodPost, "configuration/"+what, e)
	}
	with := func(section, name string, keys map[string]any) map[string]any {
		block := maps.Clone(c.Blocks[section][name].(map[string]any))
		maps.Copy(block, keys)
		return block
	}
	shop := c.Blocks["sources"]["shop"]
	edit := func(section, name string, block any) map[string]any {
		return map[string]any{"hash": c.Hash, "section": section, "name": name, "block": block}
	}
	for _, token := range []string{"", "a token that is wrong enough"} {
		if code, said := asks(t, address, token, http.MethodGet, "configuration", ""); code != http.StatusUnauthorized && code != http.StatusForbidden || strings.Contains(said, "shop") {
			t.Errorf("%d %s", code, said)
		}
		for _, what := range []string{"test", "save"} {
			if code, said := post(token, what, edit("sources", "shop", shop)); code != http.StatusUnauthorized && code != http.StatusForbidden {
				t.Errorf("%d %s", code, said)
			}
		}
	}
	for name, try := range map[string]struct {
		edit any
		code int
		want string
	}{
		"another section":          {edit("http", "token", map[string]any{"token": "mine"}), 400, "there is no section"},
		"a path as a section":      {edit("../sources", "x", map[string]any{}), 400, "there is no section"},
		"a path as a name":         {edit("sources", "../../etc/passwd", map[string]any{"type": "mysql"}), 400, "1 to 64 letters"},
		"a name of YAML":           {edit("sources", "x: {}\ny", map[string]any{"type": "mysql"}), 400, "1 to 64 letters"},
		"a secret of others":       {edit("sources", "x", map[string]any{"type": "mysql", "database": "d", "password": map[string]any{"file": "/etc/shadow"}}), 400, "outside the folder"},
		"a secret above":           {edit("sources", "x", map[string]any{"type": "mysql", "database": "d", "password": map[string]any{"file": "a/../../b"}}), 400, "outside the folder"},
		"a path by a variable":     {edit("sources", "x", map[string]any{"type": "mysql", "database": "d", "password": map[string]any{"file": "${HOME}/b"}}), 400, "outside the folder"},
		"the configuration":        {edit("sources", "x", map[string]any{"type": "mysql", "database": "d", "password": map[string]any{"file": "./connector.yaml"}}), 400, "names the configuration or a copy"},
		"a copy of it":             {edit("sources", "x", map[string]any{"type": "mysql", "database": "d", "password": map[string]any{"file": "a/../connector.yaml.1"}}), 400, "names the configuration or a copy"},
		"a script of others":       {edit("jobs", "users", map[string]any{"from": map[string]any{"source": "shop", "table": "users"}, "to": map[string]any{"destination": "app", "dataSource": 123}, "transform": "/etc/passwd"}), 400, "outside the folder"},
		"a secret that is not":     {edit("sources", "x", map[string]any{"type": "mysql", "database": "d", "password": "***"}), 400, "what is not stored here: enter it"},
		"a secret to another host": {edit("destinations", "app", with("destinations", "app", map[string]any{"baseURL": "https://evil.example"})), 400, "enter it again: baseURL has changed"},
		"a secret to another type": {edit("destinations", "app", map[string]any{"type": "airtable", "base": "app1", "token": "***"}), 400, "enter it again: "},
		"a block that is deep":     {edit("destinations", "app", map[string]any{"type": json.RawMessage(strings.Repeat("[", 5000) + strings.Repeat("]", 5000))}), 400, "nested more than 100 levels"},
		"a secret of another type": {edit("destinations", "app", map[string]any{"type": "webhook", "url": "https://evil.example", "token": "***"}), 400, "enter it again: "},
		"a mistake":                {edit("sources", "shop", with("sources", "shop", map[string]any{"hots": "db"})), 400, "did you mean"},
		"a job that breaks":        {edit("sources", "shop", nil), 400, "there is no source"},
		"what is not there":        {edit("jobs", "none", nil), 400, "there is no"},
		"no block":                 {edit("jobs", "users", "text"), 400, "block is not an object"},
		"another file":             {map[string]any{"hash": "0", "section": "sources", "name": "shop", "block": shop}, 409, "has changed since the form was opened"},
		"no JSON":                  {"{", 400, "read the body"},
		"another key":              {`{"path": "/etc/passwd"}`, 400, "unknown field"},
		"too much":                 {`{"name": "` + strings.Repeat("x", 2<<20) + `"}`, 413, "too large"},
	} {
		for _, what := range []string{"test", "save"} {
			if code, said := post(formsToken, what, try.edit); code != try.code || !strings.Contains(said, try.want) {
				t.Errorf("%s, %s: %d %s", name, what, code, said)
			} else if strings.Contains(said, "eu--1") || strings.Contains(said, formsToken) {
				t.Errorf("%s, %s: the answer contains a secret: %s", name, what, said)
			}
		}
	}
	if got := contentOf(t, file); got != before {
		t.Errorf("the file has changed:\n%s", got)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/api/configuration/save", bytes.NewReader([]byte("{}")))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", "https://evil.example")
	r.Header.Set("Authorization", "Bearer "+formsToken)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("a page from another origin can save: %s", answer.Status)
	}
}

// Without a token, everyone on the machine would have the connector's rights.
func TestR22FormsNeedAToken(t *testing.T) {
	t.Parallel()
	_, file := byHand(t)
	var configuration map[string]any
	readJSON(t, file, &configuration)
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	configuration["http"] = map[string]any{"listen": address}
	running(t, write(t, "connector.json", configuration))
	for _, path := range []string{"configuration", "configuration/", "configuration/save", "configuration/test", "./configuration/save"} {
		method := http.MethodPost
		if path == "configuration" {
			method = http.MethodGet
		}
		if code, said := asks(t, address, "", method, path, ""); code != http.StatusForbidden || !strings.Contains(said, "set http.token") {
			t.Errorf("%s: %d %s", path, code, said)
		}
	}
	b := browser.New(t)
	b.Do("open the page", chromedp.Navigate("http://"+address+"/"))
	b.Sees("main", "To change the configuration here, set http.token in its file.")
	b.Clean()
}

// A read-only file is left alone; the page shows what would be written, without secrets.
func TestR22AnUnwritableChangeIsShown(t *testing.T) {
	t.Parallel()
	t.Run("a file of several documents", func(t *testing.T) {
		t.Parallel()
		address, file, _ := formed(t)
		if err := os.WriteFile(file, []byte(contentOf(t, file)+"---\na: 1\n"), 0o640); err != nil {
			t.Fatal(err)
		}
		c := configurationOf(t, address)
		code, said := asks(t, address, formsToken, http.MethodPost, "configuration/save", map[string]any{
			"hash": c.Hash, "section": "destinations", "name": "app2", "block": map[string]any{"type": "fliplet", "token": "eu--secret"},
		})
		if code != http.StatusConflict || !strings.Contains(said, `destinations:\n  app2:\n    token: '***'\n    type: fliplet\n`) || strings.Contains(said, "eu--secret") {
			t.Errorf("%d %s", code, said)
		}
	})
	t.Run("a file of Fliplet Agent", func(t *testing.T) {
		t.Parallel()
		_, keys := sample(t)
		keys["frequency"] = "0 0 1 1 *"
		file := sampleFile(t, keys)
		running(t, file)
		c := new(api.Configuration)
		err := serve.NewClient("the connector", connector.Socket(stateFile(file))).Call(t.Context(), http.MethodGet, "/api/configuration", nil, c)
		if err != nil || !strings.Contains(c.ReadOnly, "Fliplet Agent") || !strings.Contains(c.Text, "jobs:") || strings.Contains(c.Text, "eu--1") || c.Forms != nil {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

// Blocks that no job uses are tested as far as possible without a table or a path.
func TestR22UnusedBlocksAreTestedToo(t *testing.T) {
	t.Parallel()
	address, file, _ := formed(t)
	server := testkit.Shared(t)
	c := configurationOf(t, address)
	before := contentOf(t, file)
	database := maps.Clone(server.Keys(""))
	maps.Copy(database, map[string]any{"type": "mysql", "database": "mysql"})
	none := maps.Clone(database)
	none["database"] = "none_such"
	for _, try := range []struct {
		section string
		block   map[string]any
		want    string
	}{
		{"sources", database, `"level":"right","area":"sources","about":"x","text":"mysql answers in`},
		{"sources", none, `"level":"mistake"`},
		{"destinations", database, `"text":"mysql answers in`},
		{"destinations", none, `"level":"mistake"`},
		{"destinations", map[string]any{"type": "airtable", "base": "appX", "token": "t-secret"}, "its keys are right, and a job that uses it can be tested"},
		{"destinations", map[string]any{"type": "mongodb", "uri": "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=1", "database": "d"}, `"level":"mistake"`},
		{"sources", map[string]any{"type": "http", "url": "https://t-secret.example"}, "its keys are right, and a job that uses it can be tested"},
	} {
		code, said := asks(t, address, formsToken, http.MethodPost, "configuration/test", map[string]any{"hash": c.Hash, "section": try.section, "name": "x", "block": try.block})
		if code != http.StatusOK || !strings.Contains(said, try.want) || strings.Contains(said, "t-secret") {
			t.Errorf("%s %v: %d %s\nwant %s", try.section, try.block["type"], code, said, try.want)
		}
	}
	if contentOf(t, file) != before {
		t.Error("a test wrote the file")
	}
}

// A user's adapter is a type like any other.
func TestR22AnOwnAdapterHasAForm(t *testing.T) {
	t.Parallel()
	address, file, _ := formed(t)
	if err := os.MkdirAll(filepath.Join(filepath.Dir(file), "adapters"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "adapters", "own.js"), []byte("exports.push = async () => {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := configurationOf(t, address)
	code, said := asks(t, address, formsToken, http.MethodPost, "configuration/save", map[string]any{
		"hash": c.Hash, "section": "destinations", "name": "mine", "block": map[string]any{"type": "own", "url": "https://s3cret.example/x", "settings": map[string]any{"k": "s3cret"}},
	})
	if code != http.StatusOK {
		t.Fatalf("%d %s", code, said)
	}
	testkit.Eventually(t, "the connector with the adapter", func() error {
		s, err := api.NewClient(connector.Socket(stateFile(file))).Status(t.Context())
		if err == nil && s.ReloadError != "" {
			err = errors.New(s.ReloadError)
		}
		return err
	})
	c = configurationOf(t, address)
	if got := fmt.Sprint(c.Blocks["destinations"]["mine"]); got != "map[settings:map[k:***] type:own url:***]" {
		t.Error(got)
	}
}
