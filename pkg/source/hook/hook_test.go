package hook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/source/inbox"
)

// secretPath is a path that serves as credentials.
const secretPath = "a-secret-of-twenty-four-characters"

// world is a served hook.
type world struct {
	*Source
	t     *testing.T
	url   string
	woken int
}

// served serves a hook with its own state.
func served(t *testing.T, c Config) *world {
	t.Helper()
	state, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "connector.db"), ledger.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = state.Close() })
	if c.Key == nil {
		c.Key = []string{"id"}
	}
	if c.Auth == (remote.Credentials{}) && c.Path == "" {
		c.Path = secretPath
	}
	h, err := New(zap.NewNop(), "collect", c, func() *ledger.Ledger { return state })
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Source: h, t: t}
	h.Follow(func() { w.woken++ })
	hooks, began := NewServer(h), time.Now()
	hooks.now = func() time.Time { return began } // as if all requests came at once
	server := httptest.NewServer(hooks.Handler(http.NotFoundHandler()))
	t.Cleanup(server.Close)
	w.url = server.URL + h.Path()
	return w
}

// push pushes a body, and returns the status and the answer.
func (w *world) push(body string, headers ...string) (int, string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return w.do(r)
}

func (w *world) do(r *http.Request) (int, string) {
	w.t.Helper()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if answer.StatusCode == http.StatusTooManyRequests && answer.Header.Get("Retry-After") == "" {
		w.t.Error("429 lacks Retry-After")
	}
	return answer.StatusCode, strings.TrimSpace(string(text))
}

// rows returns what a job reads after a number.
func (w *world) rows(since string) string {
	w.t.Helper()
	r := job.Request{From: job.From{Key: []string{"id"}, Watermark: inbox.Watermark}}
	if since != "" {
		since = "1/" + since
		r.Since = &since
	}
	var list []string
	if err := w.Read(w.t.Context(), r, func(rec *record.Record) error {
		list = append(list, strings.TrimPrefix(rec.Mark, "1/")+string(rec.Data))
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(list, " ")
}

func TestPushedRowsAreOnDiskBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"entities":[{"id":1,"v":"a"},{"v":"b","id":2}]}`: `1{"id":1,"v":"a"} 2{"id":2,"v":"b"}`,
		`{"data":[{"id":1}]}`:                              `1{"id":1}`,
		`{"events":[{"id":1}],"more":[1]}`:                 `1{"id":1}`,
		` [{"id":1},{"id":2}] `:                            `1{"id":1} 2{"id":2}`,
		`{"id":1,"data":{"a":[1.0]}}`:                      `1{"data":{"a":[1.0]},"id":1}`,
		`[{"id":1,"v":1},{"id":1,"v":2}]`:                  `1{"id":1,"v":2}`,
		`[{"id":12345678901234567890}]`:                    `1{"id":"12345678901234567890"}`,
		`[]`:                                               "",
	} {
		w := served(t, Config{})
		status, answer := w.push(body)
		if got := w.rows(""); status != 200 || got != want || (w.woken == 1) != (want != "") {
			t.Errorf("%s: %d %s\n%s, want %s; woken %d times", body, status, answer, got, want, w.woken)
		}
	}
	w := served(t, Config{Rows: "list"})
	if status, answer := w.push(`{"list":[{"id":7}],"data":[{"id":1}]}`); status != 200 || w.rows("") != `1{"id":7}` {
		t.Errorf("got %d %s", status, answer)
	}
	if status, _ := w.push(`{"data":[{"id":1}]}`); status != 400 {
		t.Errorf("without the list: status %d", status)
	}
}

// Promise 2: a client that missed an answer pushes again.
func TestD11RepeatingAPushChangesNothing(t *testing.T) {
	t.Parallel()
	w := served(t, Config{Version: "at"})
	const first = `[{"id":1,"at":"2026-01-01T00:00:00Z","v":"a"},{"id":2,"at":"2026-01-01T00:00:00Z"}]`
	for i, c := range []struct{ body, answer string }{
		{first, `{"accepted":2,"unchanged":0,"refused":0}`},
		{first, `{"accepted":2,"unchanged":2,"refused":0}`},
		{`[{"v":"b","id":1,"at":"2026-01-02T00:00:00+01:00"}]`, `{"accepted":1,"unchanged":0,"refused":0}`},
		{first, `{"accepted":2,"unchanged":2,"refused":0}`}, // late
		{`[{"id":2,"at":null,"v":"none"}]`, `{"accepted":1,"unchanged":0,"refused":0}`},
		{`[{"id":3,"at":5},{"id":3,"at":10},{"id":3,"at":9}]`, `{"accepted":3,"unchanged":2,"refused":0}`},
	} {
		if status, answer := w.push(c.body); status != 200 || answer != c.answer {
			t.Errorf("%d: %d %s, want %s", i, status, answer, c.answer)
		}
	}
	if got := w.rows("2"); got != `3{"at":"2026-01-02T00:00:00+01:00","id":1,"v":"b"} 4{"at":null,"id":2,"v":"none"} 5{"at":10,"id":3}` || w.woken != 4 {
		t.Errorf("%s, woken %d times", got, w.woken)
	}
	w = served(t, Config{})
	w.push(`{"id":1,"v":"a"}`)
	w.push(`{"id":1,"v":"b"}`)
	w.push(`{"v":"a","id":1}`)
	if got := w.rows(""); got != `3{"id":1,"v":"a"}` {
		t.Errorf("without versions: %s", got)
	}
}

func TestAColumnSaysThatARowIsDeleted(t *testing.T) {
	t.Parallel()
	w := served(t, Config{})
	w.push(`[{"id":1,"gone":null},{"id":2,"gone":"2026-01-01"}]`)
	var deleted []bool
	if err := w.Read(t.Context(), job.Request{From: job.From{Key: []string{"id"}, Watermark: inbox.Watermark, Deleted: "gone"}}, func(rec *record.Record) error {
		deleted = append(deleted, rec.Deleted)
		return nil
	}); err != nil || fmt.Sprint(deleted) != "[false true]" {
		t.Errorf("%v, %v", deleted, err)
	}
}

// Promise 3.
func TestAnUnacceptableRowIsNamed(t *testing.T) {
	t.Parallel()
	w := served(t, Config{})
	status, text := w.push(`{"data":[{"id":1},{"v":2},7,{"id":null},{"id":[1]},{"id":5}]}`)
	var answer accepted
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, r := range answer.Rows {
		named = append(named, fmt.Sprint(r.Row, " ", r.Reason))
	}
	if status != 422 || answer.Accepted != 2 || answer.Refused != 4 || answer.Error != "4 of 6 rows are refused; the others are stored" || !strings.HasPrefix(strings.Join(named, "|"), "1 id: has no key|2 is not an object|3 id: has no key|4 id: ") {
		t.Errorf("%d %s", status, text)
	}
	if got := w.rows(""); got != `1{"id":1} 2{"id":5}` {
		t.Errorf("stored %s", got)
	}
	if _, text = w.push("[" + strings.Repeat(`{"id":null},`, 500) + `{"id":1}]`); strings.Count(text, `"row":`) != 100 || len(text) > 20_000 {
		t.Errorf("%d bytes", len(text))
	}
}

// Promise 5: a row takes no more memory than its size.
func TestARowThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	w := served(t, Config{Version: "at"})
	for row, reason := range map[string]string{
		`{"id":` + strings.Repeat("1", 1<<20) + `}`:          "id: has a key of more than 8192 bytes",
		`{"id":1,"at":0.` + strings.Repeat("1", 1<<20) + `}`: "at: has more than 1000 bytes",
		`{"id":1` + manyColumns(4096) + `}`:                  "has more than 4096 columns",
	} {
		if status, text := w.push(row); status != 422 || !strings.Contains(text, `"reason":"`+reason+`"`) {
			t.Errorf("%.20s…: %d %.300s, want %s", row, status, text, reason)
		}
	}
	for _, row := range []string{`{"id":2` + manyColumns(4095) + `}`, `{"id":3,"v":"` + strings.Repeat(`,\"`, 5000) + `","w":[` + strings.Repeat("1,", 5000) + `1]}`} {
		if status, text := w.push(row); status != 200 {
			t.Errorf("%.20s…: %d %.300s", row, status, text)
		}
	}
}

// manyColumns is members that follow the first one.
func manyColumns(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"c%d":%d`, i, i)
	}
	return b.String()
}

// Promise 4: all kinds of credentials.
func TestD09AHookAsksForCredentials(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		auth  remote.Credentials
		query string
		right []string
		wrong []string
	}{
		"api key":       {remote.Credentials{APIKey: "sk_1"}, "", []string{"X-Api-Key", "sk_1"}, []string{"X-Api-Key", "sk_2"}},
		"another field": {remote.Credentials{APIKey: "sk_1", Header: "X-Hook"}, "", []string{"X-Hook", "sk_1"}, []string{"X-Api-Key", "sk_1"}},
		"parameter":     {remote.Credentials{APIKey: "sk_1", Query: "key"}, "?key=sk_1", nil, nil},
		"basic":         {remote.Credentials{User: "u", Password: "p"}, "", []string{"Authorization", "Basic dTpw"}, []string{"Authorization", "Basic dTpx"}},
		"bearer":        {remote.Credentials{Bearer: "t"}, "", []string{"Authorization", "Bearer t"}, []string{"Authorization", "Bearer tt"}},
	} {
		w := served(t, Config{Auth: c.auth})
		for range 2 { // requests without credentials are not counted
			if status, answer := w.push(`{"id":1}`); status != 401 || strings.Contains(answer, "id") {
				t.Errorf("%s: without credentials: %d %s", name, status, answer)
			}
		}
		if c.wrong != nil {
			if status, _ := w.push(`{"id":1}`, c.wrong...); status != 401 {
				t.Errorf("%s: with wrong credentials: %d", name, status)
			}
		}
		if w.rows("") != "" {
			t.Errorf("%s: something was stored", name)
		}
		w.url += c.query
		if status, answer := w.push(`{"id":1}`, c.right...); status != 200 {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	// Guessing is slowed down, but never those who know the secret.
	w := served(t, Config{Auth: remote.Credentials{APIKey: "sk_1"}})
	seen := map[int]int{}
	for i := range 20 {
		status, _ := w.push(`{}`, "X-Api-Key", fmt.Sprint(i))
		seen[status]++
	}
	if seen[401] != 5 || seen[429] != 15 {
		t.Errorf("20 guesses got %v", seen)
	}
	if status, _ := w.push(`{"id":1}`, "X-Api-Key", "sk_1"); status != 200 {
		t.Errorf("with the right credentials: %d", status)
	}
	w.url = strings.TrimSuffix(w.url, "collect") + "other"
	if status, _ := w.push(`{"id":1}`, "X-Api-Key", "sk_1"); status != 429 { // those were guesses too
		t.Errorf("another path: %d", status)
	}
}

// Promise 5.
func TestHookResponsesAreBounded(t *testing.T) {
	t.Parallel()
	w := served(t, Config{MaxBytes: 1 << 20})
	for name, c := range map[string]struct {
		body    string
		headers []string
		want    int
	}{
		"too many bytes":   {`{"id":"` + strings.Repeat("x", 1<<20) + `"}`, nil, 413},
		"too many rows":    {"[" + strings.Repeat("1,", 10_000) + "1]", nil, 413},
		"no JSON":          {`{"id":1`, nil, 400},
		"two bodies":       {`{"id":1}{"id":2}`, nil, 400},
		"a number":         {`7`, nil, 400},
		"nothing":          {``, nil, 400},
		"no text":          {"{\"id\":\"\xff\"}", nil, 400},
		"nested too deep":  {strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000), nil, 400},
		"a form":           {`id=1`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		"packed":           {`x`, []string{"Content-Encoding", "gzip"}, 415},
		"another origin":   {`{"id":1}`, []string{"Origin", "https://evil.example"}, 403},
		"JSON with a name": {`{"id":1}`, []string{"Content-Type", "application/cloudevents+json; charset=utf-8"}, 200},
	} {
		if status, answer := w.push(c.body, c.headers...); status != c.want || len(answer) > 500 {
			t.Errorf("%s: %d %.500s, want %d", name, status, answer, c.want)
		}
	}
	chunked, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url, io.MultiReader(strings.NewReader(`{"id":"`), strings.NewReader(strings.Repeat("x", 2<<20)), strings.NewReader(`"}`)))
	if err != nil {
		t.Fatal(err)
	}
	chunked.Header.Set("Content-Type", "application/json")
	if status, _ := w.do(chunked); status != 413 {
		t.Errorf("without a content length: %d", status)
	}
	for method, want := range map[string]int{http.MethodGet: 200, http.MethodDelete: 405, http.MethodPatch: 405} {
		r, err := http.NewRequestWithContext(t.Context(), method, w.url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if status, answer := w.do(r); status != want || want == 200 && answer != "[]" {
			t.Errorf("%s: %d %s", method, status, answer)
		}
	}
	if got := w.rows(""); got != `1{"id":1}` {
		t.Errorf("stored %s", got)
	}
}

func TestRequestsPerSecondAreLimited(t *testing.T) {
	t.Parallel()
	w := served(t, Config{PerSecond: 2})
	now := time.Unix(1000, 0)
	w.now = func() time.Time { return now }
	seen := map[int]int{}
	for range 6 {
		status, _ := w.push(`{"id":1}`)
		seen[status]++
	}
	if seen[200] != 3 || seen[429] != 3 {
		t.Errorf("%v", seen)
	}
	now = now.Add(time.Second / 2)
	if status, _ := w.push(`{"id":1}`); status != 200 {
		t.Errorf("later: %d", status)
	}
}

// Rows that cannot be stored are not accepted, so that the client repeats them.
func TestARequestThatCannotBeStoredIsNotAccepted(t *testing.T) {
	t.Parallel()
	w := served(t, Config{})
	if err := w.state().Close(); err != nil {
		t.Fatal(err)
	}
	if status, answer := w.push(`{"id":1}`); status != 503 || strings.Contains(answer, "sql") {
		t.Errorf("%d %s", status, answer)
	}
}

func TestOldRowsAreForgottenOnceAllJobsHaveReadThem(t *testing.T) {
	t.Parallel()
	w := served(t, Config{Keep: "1h"})
	w.push(`[{"id":1},{"id":2},{"id":3}]`)
	for _, c := range []struct {
		after time.Duration
		read  int64
		want  string
	}{
		{0, 2, `1{"id":1} 2{"id":2} 3{"id":3}`},
		{2 * time.Hour, 0, `1{"id":1} 2{"id":2} 3{"id":3}`},
		{2 * time.Hour, 2, `3{"id":3}`},
	} {
		w.now = func() time.Time { return time.Now().Add(c.after) }
		if err := w.forget(t.Context(), func(context.Context) (int64, error) { return c.read, nil }); err != nil {
			t.Fatal(err)
		}
		if got := w.rows(""); got != c.want {
			t.Errorf("%v, read up to %d: %s, want %s", c.after, c.read, got, c.want)
		}
	}
	if w.push(`{"id":4}`); w.rows("3") != `4{"id":4}` {
		t.Errorf("then %s", w.rows("3"))
	}
}

func TestMistakesInAHook(t *testing.T) {
	t.Parallel()
	key := []string{"id"}
	for want, c := range map[string]Config{
		"auth: is missing: without it anyone":   {Key: key},
		"auth: is missing: without it, path":    {Key: key, Path: "short"},
		"path: may have letters":                {Key: key, Path: "/begins-with-a-slash-and-is-long-enough"},
		"key: is missing":                       {Path: secretPath},
		"keep: is not a duration":               {Key: key, Path: secretPath, Keep: "long"},
		"auth.oauth2: is for outgoing requests": {Key: key, Auth: remote.Credentials{OAuth2: &remote.Grant{TokenURL: "https://a", ID: "i", Secret: "s"}}},
		"auth: has several credentials":         {Key: key, Auth: remote.Credentials{Bearer: "a", APIKey: "b"}},
	} {
		if _, err := New(zap.NewNop(), "collect", c, nil); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
