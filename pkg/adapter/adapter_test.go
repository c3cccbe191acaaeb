package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/adapter"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// write writes an adapter and returns its path.
func write(tb testkit.TB, text string) string {
	tb.Helper()
	folder, err := os.MkdirTemp("", "adapter")
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(folder) })
	file := filepath.Join(folder, "custom.js")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		tb.Fatalf("%v", err)
	}
	return file
}

// opened opens an adapter.
func opened(tb testkit.TB, file string, c adapter.Config, r remote.Config) *adapter.Adapter {
	tb.Helper()
	if r.Tries.Pause == 0 {
		r.Tries.Pause = 1
	}
	a, err := adapter.Open(context.Background(), zap.NewNop(), file, c, r)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(func() { _ = a.Close() })
	return a
}

// pushed pushes two rows with an adapter whose function push has this body.
func pushed(t *testing.T, body string, c adapter.Config) ([]job.Answer, error) {
	t.Helper()
	a := opened(t, write(t, "exports.push = async (batch, context) => {"+body+"\n}"), c, remote.Config{})
	d, err := a.Destination("orders", adapter.Options{Options: map[string]any{"list": "x"}}, []string{"id"})
	if err != nil {
		t.Fatal(err)
	}
	return d.Send(t.Context(), &job.Batch{ID: "b-1", Operations: []job.Operation{
		{Kind: job.Insert, Key: "1", Data: []byte(`{"id":1,"v":"a"}`), Event: "e-1"}, {Kind: job.Delete, Key: "2", ID: "there-2", Event: "e-2"},
	}})
}

func TestD02ThePushResultAnswersEachRow(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"":                                       "[{ } { }]",
		"return null":                            "[{ } { }]",
		"return ['a', 7]":                        "[{a } {7 }]",
		"return [{id: 'a'}, undefined]":          "[{a } { }]",
		"return [{refused: 'too old'}, {id: 8}]": "[{ too old} {8 }]",
		"return batch.map(o => ({refused: o.kind + o.event + o.id + o.key.id + (o.row && o.row.v)}))": "[{ inserte-1null1a} { deletee-2there-22null}]",
		"context.reject(batch[1], 'gone'); return ['a', 'b']":                                         "[{a } { gone}]",
		"context.reject(0, new Error('no')); batch.length = 0":                                        "[{ no} { }]",
		"return [context.job + context.options.list, context.settings.region + context.id.length]":    "[{ordersx } {eu36 }]",
		"return [{refused: '0123456789'.repeat(1000).length + context.settings.password}, null]":      "[{ 10000***} { }]",
		"return [{refused: ' '.repeat(9) + 'x'.repeat(997) + context.settings.password}, null]":       "[{ " + strings.Repeat("x", 997) + "***} { }]",
	} {
		answers, err := pushed(t, body, adapter.Config{Settings: map[string]string{"region": "eu", "password": "hunter2"}})
		if got := fmt.Sprint(answers); err != nil || got != want {
			t.Errorf("%s\n%s, %v\nwant %s", body, got, err, want)
		}
	}
	for body, want := range map[string]string{
		"return ['a']":                                       "returned 1 answers to 2 operations",
		"return 'done'":                                      "neither nothing nor a list",
		"return {ok: true}":                                  "neither nothing nor a list",
		"return [false, null]":                               "for operation 0",
		"return [null, {rejected: 'x'}]":                     "for operation 1",
		"return [null, {refused: ''}]":                       "a text that says why",
		"context.reject({}, 'x')":                            "must be an operation of the batch",
		"context.reject(batch[0])":                           "a text that says why",
		"throw new Error('down, says hunter2')":              "adapters/custom.js:1: Error: down, says ***",
		"return [{id: 'x'.repeat(501)}, null]":               "an id of more than 500 bytes",
		"await new Promise(() => {})":                        "can never settle",
		"batch.forEach(async o => { if (o.id) throw 'up' })": "adapters/custom.js: up",
		"require('fs')":                                      "Invalid module",
		"await context.rest.get('/in')":                      "expected an absolute URL",
		"await context.rest.get('file:///etc')":              "expected an absolute URL",
		"await context.rest('http://h', {method: 'TRACE'})":  "TRACE is not supported",
	} {
		_, err := pushed(t, body, adapter.Config{Settings: map[string]string{"password": "hunter2"}})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s\n%v\nwant %s", body, err, want)
		}
		if e, ok := errors.AsType[*remote.Error](err); ok {
			t.Errorf("%s: %v is in doubt, though nothing was sent", body, e)
		}
	}
}

// A push that fails is in doubt only if a request that writes may have been carried out.
func TestD02AFailedPushIsInDoubtIfItSentSomething(t *testing.T) {
	t.Parallel()
	for body, c := range map[string]struct {
		answers []int // 0: none
		want    remote.Verb
	}{
		"await context.rest.get('/a'); throw new Error('x')":                                           {[]int{200}, ""},
		"await context.rest.post('/a', {}); throw new Error('x')":                                      {[]int{200}, remote.Doubt},
		"await context.rest.post('/a', {})":                                                            {[]int{401}, remote.Stop},
		"batch.forEach(o => context.rest.post('/a', o))":                                               {[]int{200, 401}, remote.Doubt},
		"batch.forEach(async o => { await context.rest.post('/a', o) })":                               {[]int{200, 422}, remote.RowRefused},
		"context.rest.post('/a', {}).catch(() => {})":                                                  {[]int{401}, remote.Done},
		"const a = Promise.reject(1); await null; await a.catch(() => {})":                             {nil, remote.Done},
		"await context.rest.post('/a', {}); await context.rest.post('/b', {})":                         {[]int{201, 401}, remote.Doubt},
		"await context.rest.patch('/a', {})":                                                           {[]int{0}, remote.Doubt},
		"await context.rest.put('/a', {})":                                                             {[]int{0, 0, 200}, remote.Done},
		"await context.rest.post('/a', {}, {headers: {'Idempotency-Key': context.id}})":                {[]int{502, 200}, remote.Done},
		"await context.rest.post('/a', batch)":                                                         {[]int{413}, remote.Halve},
		"await context.rest.post('/a', {}); await context.rest.post('/a', {}) ":                        {[]int{200, 422}, remote.RowRefused},
		"try { await context.rest.delete('/a') } catch (e) { if (e.response.status !== 404) throw e }": {[]int{404}, remote.Done},
		"await context.rest.post('/a', {}); return ['one']":                                            {[]int{200}, remote.Doubt},
		"try { await context.rest.post('/a', {}) } catch { throw new Error('mine') }":                  {[]int{0}, remote.Doubt},
	} {
		s := standin.NewReceiver("")
		t.Cleanup(s.Close)
		s.Fail(func(w http.ResponseWriter, _ *http.Request, n int) bool {
			status := c.answers[min(n, len(c.answers))-1]
			if status == 0 {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(status)
			return true
		})
		_, err := pushed(t, body, adapter.Config{URL: s.URL})
		e, _ := errors.AsType[*remote.Error](err)
		switch {
		case c.want == remote.Done && err == nil, c.want == "" && err != nil && e == nil, e != nil && e.Next.Do == c.want:
		default:
			t.Errorf("%s %v\n%v\nwant %s", body, c.answers, err, c.want)
		}
		if n := len(s.Requests()); n != len(c.answers) {
			t.Errorf("%s: %d requests", body, n)
		}
	}
}

// Credentials go only to the service's own host, whatever other hosts a script requests.
func TestD09AnAdaptersCredentialsStayAtItsHost(t *testing.T) {
	t.Parallel()
	own, other := standin.NewReceiver(""), standin.NewReceiver("")
	for _, s := range []*standin.Receiver{own, other} {
		t.Cleanup(s.Close)
		s.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			_, _ = w.Write([]byte(`{"a":[1]}`))
			return true
		})
	}
	body := fmt.Sprintf("const x = await context.rest.get('/a?b=c', {params: {d: 1}}); await context.rest.post(%q, {}); await context.rest.get(%q); return [x.data.a[0], x.headers['content-length']]", own.URL+"/whole", other.URL+"/in")
	answers, err := pushed(t, body, adapter.Config{URL: own.URL + "/base", Auth: remote.Credentials{User: "sync_user", Password: "secure_password"}, Headers: map[string]string{"X-Tenant": "t"}})
	if err != nil || answers[0].ID != "1" || answers[1].ID != "9" {
		t.Fatalf("%v, %v", answers, err)
	}
	for i, want := range []string{"/base/a?b=c&d=1", "/whole"} {
		r := own.Requests()[i]
		if r.Header.Get("Authorization") != "Basic c3luY191c2VyOnNlY3VyZV9wYXNzd29yZA==" || r.Path != want || r.Header.Get("X-Tenant") != "t" {
			t.Errorf("%s %v", r.Path, r.Header)
		}
	}
	if r := other.Requests()[0]; r.Header.Get("Authorization") != "" || r.Header.Get("X-Tenant") != "" {
		t.Errorf("the other host got %v", r.Header)
	}
}

// A process that ends midway does not push twice.
func TestARestartedCallSendsNothingTwice(t *testing.T) {
	t.Parallel()
	s := standin.NewReceiver("")
	t.Cleanup(s.Close)
	var n atomic.Int32
	s.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool { n.Add(1); return true })
	_, err := pushed(t, "await context.rest.post('/a', {}); const all = []; for (let i = 0; i < 40; i++) all.push(new Uint8Array(2e8))", adapter.Config{URL: s.URL})
	e, ok := errors.AsType[*remote.Error](err)
	if !ok || e.Next.Do != remote.Doubt || n.Load() != 1 {
		t.Errorf("%d requests, %v", n.Load(), err)
	}
}

// read returns what an adapter pulls whose function pull has this body.
func read(t *testing.T, body string, c adapter.Config, r job.Request) (string, error) {
	t.Helper()
	s, err := opened(t, write(t, "exports.pull = async (since, context) => {"+body+"\n}"), c, remote.Config{}).Source(adapter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.From.Key = []string{"id"}
	var rows []string
	err = s.Read(t.Context(), r, func(rec *record.Record) error {
		rows = append(rows, rec.Key+string(rec.Data)+rec.Mark+rec.Bad)
		return nil
	})
	return strings.Join(rows, " "), err
}

func TestD02PulledRowsAreRead(t *testing.T) {
	t.Parallel()
	since := "2026-01-01"
	for body, want := range map[string]string{
		"return []":                                "",
		"return [{id: 1, at: new Date(0)}]":        `1{"id":1,"at":"1970-01-01T00:00:00.000Z"}1970-01-01T00:00:00.000Z`,
		"return [{id: since}]":                     `2026-01-01{"id":"2026-01-01"}`,
		"return {rows: [{id: context.url + '!'}]}": `!{"id":"!"}`,
		"return [{v: 1}]":                          `{"v":1}id: has no key`,
		"const n = context.page ?? 1; return {rows: [{id: n, at: 9 - n}], next: n < 3 ? n + 1 : null}": `1{"id":1,"at":8} 2{"id":2,"at":7} 3{"id":3,"at":6}8`,
		"return [{id: context.date + context.typeId}]":                                                 `2026-11-27SALES{"id":"2026-11-27SALES"}`,
	} {
		got, err := read(t, body, adapter.Config{}, job.Request{Since: &since, Date: "2026-11-27", From: job.From{Watermark: "at", Dated: true, TypeID: "SALES"}})
		if err != nil || got != want {
			t.Errorf("%s\n%s, %v\nwant %s", body, got, err, want)
		}
	}
	for body, want := range map[string]string{
		"":                           "pull did not return a list of rows",
		"return {data: []}":          "pull did not return a list of rows",
		"return [1]":                 "a row that is not an object",
		"return {rows: [], next: 1}": "that was read before",
		"return {rows: [], next: 'x'.repeat(70000)}":             "next has more than",
		"throw new Error(`no ${since}`)":                         "adapters/custom.js:1: Error: no null",
		"return Array(90).fill({id: 1, v: 'x'.repeat(1 << 20)})": "more than 64 MiB; return {rows, next}",
	} {
		if got, err := read(t, body, adapter.Config{}, job.Request{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n%s, %v\nwant %s", body, got, err, want)
		}
	}
}

func TestD02D17MistakesInAnAdapter(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\nexports.push = ]":                               "type: adapters/custom.js:2: SyntaxError",
		"const fs = require('fs')":                         "type: adapters/custom.js:1: ",
		"exports.send = () => {}":                          "type: adapters/custom.js exports neither push nor pull",
		"exports.push = 1":                                 "exports neither",
		"exports.pull = () => []; exports.batchSize = 0":   "batchSize is not a whole number from 1 to 10000",
		"exports.pull = () => []; exports.batchSize = 'x'": "batchSize is not a whole number",
		"throw new Error('s3cret-value')":                  "type: adapters/custom.js:1: Error: ***",
	} {
		_, err := adapter.Open(t.Context(), zap.NewNop(), write(t, text), adapter.Config{Settings: map[string]string{"a": "s3cret-value"}}, remote.Config{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s\n%v\nwant %s", text, err, want)
		}
	}
	for _, c := range []adapter.Config{{URL: "nowhere"}, {Pause: "0s"}, {Timeout: "soon"}, {Auth: remote.Credentials{Bearer: "a", APIKey: "b"}}} {
		if _, err := adapter.Open(t.Context(), zap.NewNop(), write(t, "exports.pull = () => []"), c, remote.Config{}); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	a := opened(t, write(t, "exports.pull = () => []"), adapter.Config{}, remote.Config{})
	if _, err := a.Destination("j", adapter.Options{}, nil); err == nil || err.Error() != "destination: adapters/custom.js does not export push" {
		t.Error(err)
	}
	a = opened(t, write(t, "exports.push = () => {}\nexports.batchSize = 7"), adapter.Config{}, remote.Config{})
	if _, err := a.Source(adapter.Options{}); err == nil {
		t.Error("a source without pull")
	}
	if d, err := a.Destination("j", adapter.Options{}, nil); err != nil || d.Limits().Rows != 7 || d.Limits().Most != 0 {
		t.Errorf("%v", err)
	}
}

func TestF17ADryRunOfAnAdapterOnlyReads(t *testing.T) {
	t.Parallel()
	s := standin.NewReceiver("")
	t.Cleanup(s.Close)
	s.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool { _, _ = w.Write([]byte(`[]`)); return true })
	for body, want := range map[string]string{
		"for (const o of batch) { await context.rest.get('/a'); await context.rest.delete('/a'); await context.rest.post('/a', o.event) }": `rest.delete rest.post"e-1" rest.delete rest.post"e-1"`,
		"const a = await context.rest.post('/a', {}); return [a.data.id, a.data.x.y]":                                                      "rest.post{} push the rest",
		"await context.rest.get('/a', {headers: {'x-http-method-override': 'DELETE'}})":                                                    "rest.get",
		"await context.rest({url: '/a', method: 'delete'})":                                                                                "rest.delete",
		"await context.rest.get('/a')": `push 1 rows[{"kind":"insert","id":null,"event":"e-1","row":{"id":1}}]`,
	} {
		var told []string
		r := remote.Config{Dry: func(s remote.Sent) { told = append(told, s.Operation+string(s.Body)) }}
		d, err := opened(t, write(t, "exports.push = async (batch, context) => {"+body+"\n}"), adapter.Config{URL: s.URL}, r).Destination("j", adapter.Options{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		operations := []job.Operation{{Kind: job.Insert, Data: []byte(`{"id":1}`), Event: "e-1"}}
		if strings.Contains(body, "for (const") {
			operations = append(operations, operations[0])
		}
		if _, err = d.Send(t.Context(), &job.Batch{Operations: operations}); !errors.Is(err, remote.ErrDry) || !strings.HasPrefix(strings.Join(told, " "), want) {
			t.Errorf("%s\n%q, %v\nwant %s", body, told, err, want)
		}
	}
	pull, err := opened(t, write(t, "exports.pull = async (since, {rest}) => (await rest.post('/search', {})).data"), adapter.Config{URL: s.URL}, remote.Config{Dry: func(remote.Sent) {}}).Source(adapter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := pull.Read(t.Context(), job.Request{}, nil); !errors.Is(err, remote.ErrDry) {
		t.Errorf("a pull by POST: %v", err)
	}
	for _, r := range s.Requests() {
		if r.Method != http.MethodGet || r.Header.Get("X-Http-Method-Override") != "" {
			t.Errorf("%s %s was sent", r.Method, r.Path)
		}
	}
}

// The manual's example is an adapter.
func TestTheExampleWorks(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/connector-services.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```js\n// adapters/custom.js\n")
	text, _, ok := strings.Cut(text, "```")
	if !ok {
		t.Fatal("there is none")
	}
	s := standin.NewReceiver("")
	t.Cleanup(s.Close)
	s.Fail(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		_, _ = w.Write([]byte(map[string]string{http.MethodGet: `{"rows":[{"id":1}],"more":false}`, http.MethodPost: `{"id":"x-1"}`, http.MethodDelete: `{}`}[r.Method]))
		return true
	})
	a := opened(t, write(t, text), adapter.Config{URL: s.URL}, remote.Config{})
	o := adapter.Options{Options: map[string]any{"list": "orders"}}
	d, err := a.Destination("orders", o, []string{"id"})
	if err != nil {
		t.Fatal(err)
	}
	answers, err := d.Send(t.Context(), &job.Batch{Operations: []job.Operation{
		{Kind: job.Insert, Key: "1", Data: []byte(`{"id":1,"amount":2}`)}, {Kind: job.Insert, Key: "2", Data: []byte(`{"id":2,"amount":-1}`)}, {Kind: job.Delete, Key: "3"},
	}})
	if got := fmt.Sprint(answers); err != nil || got != "[{x-1 } { a negative amount} { }]" {
		t.Errorf("%s, %v", got, err)
	}
	source, err := a.Source(o)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := source.Read(t.Context(), job.Request{From: job.From{Key: []string{"id"}}}, func(*record.Record) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d rows, %v", n, err)
	}
	if got := s.Requests()[2].Path; got != "/orders?page=1&since=" {
		t.Errorf("asked %s", got)
	}
}

// What a script throws or logs is shortened without leaving a part of a secret.
func TestNoPartOfASecretIsShown(t *testing.T) {
	t.Parallel()
	secret := "a-long-s3cret-" + strings.Repeat("z", 300)
	core, logs := observer.New(zapcore.DebugLevel)
	c := adapter.Config{Settings: map[string]string{"password": secret}}
	file := write(t, "exports.push = async (batch, {settings}) => { const text = settings.password.repeat(3000).slice(0, batch[0].row.n % 2 * 90000) + 'x'.repeat(batch[0].row.n) + settings.password; console.log(text); throw new Error(text) }")
	a, err := adapter.Open(t.Context(), zap.New(core), file, c, remote.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	d, err := a.Destination("orders", adapter.Options{}, []string{"id"})
	if err != nil {
		t.Fatal(err)
	}
	check := func(text string) {
		for length := 4; length < len(secret); length++ {
			if strings.Contains(text, secret[:length]) {
				t.Errorf("%d characters of the secret are in %q", length, text)
				return
			}
		}
	}
	for n := range 60 {
		_, err := d.Send(t.Context(), &job.Batch{ID: "b", Operations: []job.Operation{{Kind: job.Insert, Key: "1", Data: fmt.Appendf(nil, `{"id":1,"n":%d}`, 950+n), Event: "e"}}})
		if err == nil {
			t.Fatal("the push did not fail")
		}
		check(err.Error())
	}
	for _, entry := range logs.All() {
		check(fmt.Sprint(entry.Message, entry.ContextMap()))
	}
}
