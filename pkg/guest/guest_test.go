package guest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/guest"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// host calls a script that is one function, with an HTTP client.
const host = `const {client} = require('./.guest.js'), {file, env} = require('./.setup.json')
globalThis.process = {env}
const user = require('./' + file)
module.exports = async c => ({text: String(await user(client(c.database.query)))})`

// web answers a script's questions, all of which are requests.
type web struct{ *guest.Web }

func (w web) Query(ctx context.Context, _, text string) ([]value.Entity, error) {
	return w.Answer(ctx, text[1:], nil)
}

// call calls a script with this text.
func call(t *testing.T, text string, w *guest.Web) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sample.js")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := guest.Open(zap.NewNop(), file, guest.Host{Name: ".host.js", Program: []byte(host), Answer: web{w}})
	if err != nil {
		return "", err
	}
	t.Cleanup(func() { _ = s.Close() })
	result, err := s.Call(t.Context(), "any")
	return result["text"], err
}

func TestScriptsReachServices(t *testing.T) {
	t.Parallel()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/base/none" {
			w.WriteHeader(http.StatusNotFound)
		}
		w.Header().Set("X-Next", "2")
		fmt.Fprintf(w, `%s %s %s %s`, r.Method, r.URL.RequestURI(), r.Header.Get("X-Key"), r.Header.Get("Authorization"))
	}))
	t.Cleanup(service.Close)
	own, err := remote.New(remote.Config{Base: service.URL + "/base", Auth: remote.Bearer("t-1"), Tries: remote.Tries{Most: 1}})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"async rest => (await rest.get('/a', {params: {b: 1}, headers: {'X-Key': 'kkkk'}})).data":                                                                            "GET /base/a?b=1 kkkk Bearer t-1",
		"async rest => (await rest.delete('a')).data":                                                                                                                        "DELETE /base/a  Bearer t-1",
		"async rest => (await rest.put('a', {})).status":                                                                                                                     "200",
		"async rest => (await rest.patch('a', {})).headers['x-next']":                                                                                                        "2",
		"async rest => (await rest({url: '/a', method: 'post', data: 1})).data":                                                                                              "POST /base/a  Bearer t-1",
		"async rest => (await rest.get('a', {auth: {username: 'user', password: 'pass'}})).data":                                                                             "GET /base/a  Basic dXNlcjpwYXNz",
		fmt.Sprintf("async rest => (await rest.get('x', {baseURL: %q})).data", service.URL):                                                                                  "GET /x  Bearer t-1",
		"rest => rest.get('/none').then(() => 'there', e => String(e.response.status) + e.message.includes('t-1'))":                                                          "404false",
		"rest => rest.get('http://127.0.0.1:1/').then(() => 'there', e => String(e.response))":                                                                               "undefined",
		"rest => rest.get('//other.example/').then(() => 'there', e => e.message)":                                                                                           "rest: expected an absolute URL that starts with https://",
		"rest => rest.request('/a', {method: 'TRACE'}).catch(e => e.message)":                                                                                                "rest: TRACE is not supported; use one of GET, POST, PUT, PATCH, DELETE",
		"rest => rest.get(7).catch(e => e.message)":                                                                                                                          "rest: the URL must be a string",
		"rest => rest.get('/a', {headers: [1]}).catch(e => e.message)":                                                                                                       "rest: params and headers must be objects of plain values",
		"async rest => { let e; for (let i = 0; i < 101 && !e; i++) await rest.get(`http://127.0.0.1:${i + 1}`).catch(x => { e = /100 hosts/.exec(x.message) }); return e }": "100 hosts",
	} {
		if got, err := call(t, "module.exports = "+text, guest.NewWeb(remote.Config{Tries: remote.Tries{Most: 1}}, own)); err != nil || got != want {
			t.Errorf("%s\n%s, %v\nwant %s", text, got, err, want)
		}
	}
}

// What a script reads from the environment may be a secret: nothing that it throws or logs shows it.
func TestValuesOfVariablesAreHidden(t *testing.T) {
	t.Setenv("GUEST_TOKEN", "eu--not-for-eyes")
	t.Setenv("GUEST_PASSWORD", "1234")
	t.Setenv("GUEST_PORT", "5432") // too short to be a secret
	const throws = "throw new Error(`no access with ${process.env.GUEST_TOKEN} and ${process.env.GUEST_PASSWORD} to ${process.env.GUEST_PORT}`)"
	for what, text := range map[string]string{
		"a call throws": "module.exports = () => { " + throws + " }",
		"loading fails": throws,
	} {
		_, err := call(t, text, guest.NewWeb(remote.Config{}, nil))
		if err == nil || strings.Contains(err.Error(), "not-for-eyes") || !strings.Contains(err.Error(), "no access with *** and *** to 5432") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestScriptsSeeOnlyNamedVariables(t *testing.T) {
	t.Setenv("GUEST_NAMED", "yes")
	t.Setenv("GUEST_OTHER", "no")
	if got, err := call(t, "module.exports = () => process.env.GUEST_NAMED + Object.keys(process.env)", guest.NewWeb(remote.Config{}, nil)); err != nil || got != "yesGUEST_NAMED" {
		t.Errorf("%s, %v", got, err)
	}
	for text, want := range map[string]string{
		"require('fs')":          "sample.js:1: ",
		"require('./other')":     "can require files below their own folder",
		"\nmodule.exports = a b": "sample.js:2: ",
		"setTimeot()":            "scripts run in a sandbox",
	} {
		_, err := call(t, text, guest.NewWeb(remote.Config{}, nil))
		located, ok := err.(interface{ Located() string })
		if !ok || !strings.Contains(located.Located(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestARequestThatFailsNamesTheScriptsLine(t *testing.T) {
	t.Parallel()
	_, err := call(t, "module.exports = async rest => {\n  await rest.post('http://127.0.0.1:1/', {})\n}", guest.NewWeb(remote.Config{Tries: remote.Tries{Most: 1}}, nil))
	if err == nil || !strings.HasPrefix(err.Error(), "sample.js:2: Error: rest.post: 127.0.0.1:1: ") {
		t.Error(err)
	}
}
