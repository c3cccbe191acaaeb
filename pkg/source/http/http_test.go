package http_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	api "github.com/mysql-sync/mysql-sync/pkg/source/http"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
)

// source returns a source for a job's block about an API.
func source(t *testing.T, c api.Config, rows api.Rows, from job.From) (*api.Source, error) {
	t.Helper()
	c.Attempts = 1
	r, err := c.Remote(remote.Config{})
	if err != nil {
		t.Fatal(err)
	}
	client, err := remote.New(r)
	if err != nil {
		t.Fatal(err)
	}
	return api.New(client, c, rows, from)
}

// read reads all rows of an API.
func read(t *testing.T, c api.Config, rows api.Rows, r job.Request) (list []*record.Record, err error) {
	t.Helper()
	s, err := source(t, c, rows, r.From)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Read(t.Context(), r, func(rec *record.Record) error { list = append(list, rec); return nil })
	return list, err
}

// plain serves a function's answer to request n, from 1.
func plain(t *testing.T, answers func(n int, r *http.Request) string) *standin.Pages {
	t.Helper()
	p := standin.NewPages("", 1)
	t.Cleanup(p.Close)
	p.Fail(func(w http.ResponseWriter, r *http.Request, n int) bool {
		_, _ = w.Write([]byte(answers(n, r)))
		return true
	})
	return p
}

// numbered returns rows with ids from 1 to n.
func numbered(n int) (rows []string) {
	for i := range n {
		rows = append(rows, fmt.Sprintf(`{"id":%d}`, i+1))
	}
	return rows
}

func TestR01EveryKindOfPaging(t *testing.T) {
	t.Parallel()
	for name, way := range map[string]struct {
		rows api.Rows
		want string // the requests
	}{
		"next":             {api.Rows{Path: "/next", Next: "$.next"}, "/next /next?after=2 /next?after=4"},
		"link":             {api.Rows{Path: "/link", Link: true}, "/link /link?after=2 /link?after=4"},
		"cursor":           {api.Rows{Path: "/cursor", Cursor: &api.Cursor{From: "$.meta.cursor", Parameter: "cursor"}}, "/cursor /cursor?cursor=c%2F2%3D /cursor?cursor=c%2F4%3D"},
		"cursor in a body": {api.Rows{Path: "/search", Body: map[string]any{"cursor": "{cursor}"}, Cursor: &api.Cursor{From: "$.meta.cursor"}}, `/search{} /search{"cursor":"c/2="} /search{"cursor":"c/4="}`},
		"page":             {api.Rows{Path: "/page", Page: &api.Count{Parameter: "page", First: 1}}, "/page?page=1 /page?page=2 /page?page=3 /page?page=4"},
		"offset":           {api.Rows{Path: "/offset?offset={offset}", Offset: &api.Count{}}, "/offset?offset=0 /offset?offset=2 /offset?offset=4 /offset?offset=5"},
		"page and more":    {api.Rows{Path: "/page", Page: &api.Count{Parameter: "page", First: 1}, More: "$.hasMore"}, "/page?page=1 /page?page=2 /page?page=3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := standin.NewPages("t-1", 2, numbered(5)...)
			t.Cleanup(p.Close)
			way.rows.Rows = "$.rows[*]"
			list, err := read(t, api.Config{URL: p.URL, Auth: remote.Credentials{Bearer: "t-1"}}, way.rows, job.Request{From: job.From{Key: []string{"id"}}})
			if err != nil {
				t.Fatal(err)
			}
			var ids, asked []string
			for _, rec := range list {
				ids = append(ids, rec.Key+rec.Bad)
			}
			for _, r := range p.Requests() {
				asked = append(asked, r.Path+string(r.Body))
			}
			if got := strings.Join(ids, " "); got != "1 2 3 4 5" {
				t.Errorf("read %s", got)
			}
			if got := strings.Join(asked, " "); got != way.want {
				t.Errorf("requested\n%s\nwant\n%s", got, way.want)
			}
		})
	}
}

// An API that never ends, or reports an error with status 200, ends the run.
func TestR01AnInvalidPageEndsTheRun(t *testing.T) {
	t.Parallel()
	always := func(text string) func(int, *http.Request) string {
		return func(int, *http.Request) string { return text }
	}
	for name, c := range map[string]struct {
		rows   api.Rows
		answer func(int, *http.Request) string
		want   string
		asked  int
	}{
		"the same address":     {api.Rows{Next: "$.next"}, always(`{"rows":[],"next":"/"}`), "one that was read before", 2},
		"a circle of three":    {api.Rows{Next: "$.next"}, func(n int, _ *http.Request) string { return fmt.Sprintf(`{"rows":[{"n":%d}],"next":"/?p=%d"}`, n, n%3) }, "one that was read before", 4},
		"the same cursor":      {api.Rows{Cursor: &api.Cursor{From: "$.next", Parameter: "c"}}, func(n int, _ *http.Request) string { return fmt.Sprintf(`{"rows":[{"n":%d}],"next":7}`, n) }, "one that was read before", 2},
		"a page that is stuck": {api.Rows{Page: &api.Count{Parameter: "p"}}, always(`{"rows":[{"n":1}]}`), "page 2 equals an earlier one", 2},
		"a growing address":    {api.Rows{Next: "$.next", MaxPages: 5}, func(n int, _ *http.Request) string { return fmt.Sprintf(`{"rows":[],"next":"/?p=%d"}`, n) }, "more than 5 pages; raise maxPages", 5},
		"an error with 200":    {api.Rows{}, always(`{"error":"no such \u0000 report"}`), `there is no $["rows"]; the answer is an object with "error"`, 1},
		"an object of rows":    {api.Rows{}, always(`{"rows":{"a":1}}`), `is not a list, but an object with "a"`, 1},
		"a text of rows":       {api.Rows{}, always(`{"rows":"none"}`), "is not a list, but a single value", 1},
		"a list as a row":      {api.Rows{Rows: "$.rows"}, always(`{"rows":[]}`), "write $.rows[*]", 1},
		"HTML":                 {api.Rows{}, always(`<html>`), `page 1 is not JSON, but "text/html`, 1},
		"half an answer":       {api.Rows{}, always(`{"rows":[`), "is not JSON", 1},
		"two answers":          {api.Rows{}, always(`{"rows":[]}{}`), "more follows at byte 1", 1},
		"nothing":              {api.Rows{}, always(``), "is not JSON", 1},
		"an address elsewhere": {api.Rows{Next: "$.next"}, always(`{"rows":[],"next":"http://169.254.169.254/x?token=s3cret"}`), "the next page is at http://169.254.169.254, not where", 1},
		"another port":         {api.Rows{Next: "$.next"}, always(`{"rows":[],"next":"//127.0.0.1:1/x"}`), "the next page is at http://127.0.0.1:1, not where", 1},
		"no address":           {api.Rows{Next: "$.next"}, always(`{"rows":[],"next":"file:///etc/passwd"}`), "if it is a cursor, use cursor", 1},
		"a list as an address": {api.Rows{Next: "$.next"}, always(`{"rows":[],"next":[1]}`), "is a list of 1; it should be", 1},
		"too large":            {api.Rows{}, always(`{"rows":["` + strings.Repeat("x", 2000) + `"]}`), "more than 1024 bytes", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := plain(t, c.answer)
			if c.rows.Rows == "" {
				c.rows.Rows = "$.rows[*]"
			}
			_, err := read(t, api.Config{URL: p.URL, PageBytes: 1024}, c.rows, job.Request{})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%v, want %s", err, c.want)
			}
			if n := len(p.Requests()); n != c.asked {
				t.Errorf("%d requests, want %d", n, c.asked)
			}
		})
	}
}

func TestR01ValuesKeepTheirDigits(t *testing.T) {
	t.Parallel()
	p := plain(t, func(int, *http.Request) string {
		return "\xef\xbb\xbf" + `[{"z":1,"big":12345678901234567890,"price":19.90,"exact":0.12345678901234567890,"float":0.30000000000000004,"far":1e400,` +
			`"nested":{"b":[1.10,12345678901234567890],"a":"<&>"},"none":null,"yes":true,"text":"é\u0000"}, 5, {"z":null}]`
	})
	list, err := read(t, api.Config{URL: p.URL}, api.Rows{}, job.Request{From: job.From{Key: []string{"z"}}})
	if err != nil || len(list) != 3 {
		t.Fatalf("%d rows, %v", len(list), err)
	}
	want := `{"big":"12345678901234567890","exact":"0.12345678901234567890","far":"1e400","float":0.30000000000000004,` +
		`"nested":{"a":"<&>","b":[1.10,12345678901234567890]},"none":null,"price":19.90,"text":"é\u0000","yes":true,"z":1}`
	if got := string(list[0].Data); got != want {
		t.Errorf("the row is\n%s\nwant\n%s", got, want)
	}
	if list[1].Bad != "row 2 of page 1 is not an object" || list[2].Bad != "row 3 of page 1: z: has no key" {
		t.Errorf("%q, %q", list[1].Bad, list[2].Bad)
	}
}

// Rows come in any order, so the watermark is that of the latest row, and only the last row carries it.
func TestR01TheWatermarkMovesAtTheEnd(t *testing.T) {
	t.Parallel()
	p := standin.NewPages("", 2, `{"id":1,"updated":"2026-01-09T00:00:00Z"}`, `{"id":2,"updated":"2026-01-01T00:00:00Z"}`, `{"id":3,"updated":null}`)
	t.Cleanup(p.Close)
	rows := api.Rows{Path: "/next?since={watermark}", Rows: "$.rows[*]", Next: "$.next"}
	request := job.Request{From: job.From{Key: []string{"id"}, Watermark: "updated"}}
	list, err := read(t, api.Config{URL: p.URL}, rows, request)
	if err != nil || len(list) != 3 || list[0].Mark != "" || list[1].Mark != "" || list[2].Mark != "2026-01-09T00:00:00Z" {
		t.Fatalf("%+v, %v", list, err)
	}
	since := "2026-01-05T00:00:00+02:00 &"
	request.Since = &since
	if list, err = read(t, api.Config{URL: p.URL}, rows, request); err != nil || len(list) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	start := "1970-01-01"
	rows.Start, request.Since = &start, nil
	if _, err = read(t, api.Config{URL: p.URL}, rows, request); err != nil {
		t.Error(err)
	}
	var asked []string
	for _, r := range p.Requests() {
		asked = append(asked, r.Path)
	}
	want := "/next /next?after=2 /next?since=2026-01-05T00%3A00%3A00%2B02%3A00+%26 /next?since=1970-01-01 /next?after=2&since=1970-01-01"
	if got := strings.Join(asked, " "); got != want {
		t.Errorf("requested\n%s\nwant\n%s", got, want)
	}
}

// Credentials stay at the API's own host, even if another host may serve the next page.
func TestR01CredentialsGoNowhereElse(t *testing.T) {
	t.Parallel()
	other := plain(t, func(int, *http.Request) string { return `{"rows":[{"id":2}]}` })
	p := plain(t, func(int, *http.Request) string { return `{"rows":[{"id":1}],"next":"` + other.URL + `/x"}` })
	c := api.Config{URL: p.URL, OtherHosts: []string{remote.HostOf(other.URL)}, Auth: remote.Credentials{APIKey: "sk_12345"}, Headers: map[string]string{"X-Tenant": "a"}}
	list, err := read(t, c, api.Rows{Rows: "$.rows[*]", Next: "$.next"}, job.Request{})
	if err != nil || len(list) != 2 {
		t.Fatalf("%d rows, %v", len(list), err)
	}
	if h := p.Requests()[0].Header; h.Get("X-Api-Key") != "sk_12345" || h.Get("X-Tenant") != "a" {
		t.Errorf("sent %v", h)
	}
	if h := other.Requests()[0].Header; h.Get("X-Api-Key") != "" || h.Get("X-Tenant") != "" || h.Get("Authorization") != "" {
		t.Errorf("the other host got %v", h)
	}
}

// An error names the operation, the host and the status, but no secret.
func TestR01AnErrorHasNoSecret(t *testing.T) {
	t.Parallel()
	p := standin.NewPages("right", 1)
	t.Cleanup(p.Close)
	_, err := read(t, api.Config{URL: p.URL + "?signature=longsecret", Auth: remote.Credentials{Bearer: "wrongtoken"}}, api.Rows{Path: "/next?since=x", Rows: "$.rows[*]"}, job.Request{})
	if err == nil || !strings.HasPrefix(err.Error(), "read page 1 of /next: "+remote.HostOf(p.URL)+" answered 403 Forbidden") || strings.Contains(err.Error(), "longsecret") || strings.Contains(err.Error(), "wrongtoken") {
		t.Error(err)
	}
	if e := (*remote.Error)(nil); !errors.As(err, &e) || e.Next.Do != remote.Stop {
		t.Errorf("%v is not fit for people", err)
	}
}

// A dry run reads too, even by POST.
func TestR01F17ADryRunReads(t *testing.T) {
	t.Parallel()
	p := standin.NewPages("", 2, numbered(1)...)
	t.Cleanup(p.Close)
	client, err := remote.New(remote.Config{Base: p.URL, Dry: func(s remote.Sent) { t.Errorf("%s was not sent", s.Operation) }})
	if err != nil {
		t.Fatal(err)
	}
	s, err := api.New(client, api.Config{}, api.Rows{Path: "/search", Body: map[string]any{}, Rows: "$.rows[*]"}, job.From{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Read(t.Context(), job.Request{}, func(*record.Record) error { return nil }); err != nil {
		t.Error(err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestR01AllMistakesAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	one := api.Count{Parameter: "p"}
	for want, c := range map[string]struct {
		rows api.Rows
		from job.From
	}{
		"rows: rows[*] is not a JSONPath":                {api.Rows{Rows: "rows[*]"}, job.From{}},
		"next: $..next may find several":                 {api.Rows{Next: "$..next"}, job.From{}},
		"cursor.from: x is not a JSONPath":               {api.Rows{Cursor: &api.Cursor{From: "x", Parameter: "c"}}, job.From{}},
		"page: conflicts with next":                      {api.Rows{Next: "$.next", Page: &one}, job.From{}},
		"more: needs next":                               {api.Rows{More: "$.more"}, job.From{}},
		"offset.parameter: is missing":                   {api.Rows{Offset: &api.Count{}}, job.From{}},
		"page.parameter: is already in path or body":     {api.Rows{Path: "/?p=3", Page: &one}, job.From{}},
		"path: {cursor} has no meaning here":             {api.Rows{Path: "/?c={cursor}"}, job.From{}},
		"path: the first page has no {cursor}":           {api.Rows{Path: "/{cursor}", Cursor: &api.Cursor{From: "$.c"}}, job.From{}},
		"path: must begin with one /":                    {api.Rows{Path: "//host/x"}, job.From{}},
		`path: ".." would lead out`:                      {api.Rows{Path: "/../x"}, job.From{}},
		"path: invalid path":                             {api.Rows{Path: "/%zz"}, job.From{}},
		"body: a GET request has none":                   {api.Rows{Method: "GET", Body: 1}, job.From{}},
		"path: {watermark} needs watermark":              {api.Rows{Path: "/?s={watermark}"}, job.From{}},
		"watermark: has no effect unless":                {api.Rows{}, job.From{Watermark: "at"}},
		"start: is missing: path needs {watermark} even": {api.Rows{Path: "/{watermark}"}, job.From{Watermark: "at"}},
	} {
		if _, err := source(t, api.Config{URL: "http://h"}, c.rows, c.from); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A report's type and date go into the path, the query and the body, with the escaping of each.
func TestR15R16AReportHasATypeAndADate(t *testing.T) {
	t.Parallel()
	p := plain(t, func(int, *http.Request) string { return "[]" })
	r := job.Request{From: job.From{Dated: true, TypeID: "GET SALES/a&b"}, Date: "2026-11-26"}
	if _, err := read(t, api.Config{URL: p.URL}, api.Rows{Path: "/reports/{typeId}/{date}?type={typeId}&day={date}", Body: map[string]any{"type": "{typeId}", "from": "{date}T00:00:00Z"}}, r); err != nil {
		t.Fatal(err)
	}
	got := p.Requests()[0]
	if got.Path != "/reports/GET%20SALES%2Fa&b/2026-11-26?type=GET+SALES%2Fa%26b&day=2026-11-26" || string(got.Body) != `{"from":"2026-11-26T00:00:00Z","type":"GET SALES/a&b"}` {
		t.Errorf("requested %s with %s", got.Path, got.Body)
	}
	r.From.TypeID = ".."
	if _, err := source(t, api.Config{URL: p.URL}, api.Rows{Path: "/reports/{typeId}"}, r.From); err == nil || !strings.Contains(err.Error(), "would lead out of the path") {
		t.Error(err)
	}
	for path, want := range map[string]string{"/{typeId}": "report.typeId gives it a value", "/{date}": "a job with report has {date}"} {
		if _, err := source(t, api.Config{URL: p.URL}, api.Rows{Path: path}, job.From{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Error(err)
		}
	}
}

// GraphQL's own braces stay.
func TestR01ABodyIsFilledIn(t *testing.T) {
	t.Parallel()
	p := plain(t, func(n int, _ *http.Request) string {
		return fmt.Sprintf(`[{"id":%d}]`, n)[:n%2*10] + []string{"[]", ""}[n%2]
	})
	body := map[string]any{"query": "{ orders{id} }", "skip": "{offset}", "list": []any{"from {offset}", 1.5, true}}
	if _, err := read(t, api.Config{URL: p.URL}, api.Rows{Body: body, Offset: &api.Count{}}, job.Request{}); err != nil {
		t.Fatal(err)
	}
	if got, want := string(p.Requests()[1].Body), `{"list":["from 1",1.5,true],"query":"{ orders{id} }","skip":1}`; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}

// A read's memory does not grow with its pages. No other test may run meanwhile.
func TestR01MemoryStaysFlat(t *testing.T) { //nolint:paralleltest // see above
	filler := strings.Repeat("x", 1<<20)
	p := plain(t, func(n int, _ *http.Request) string {
		return fmt.Sprintf(`{"rows":[{"id":%d,"v":"%s"}],"next":"/?p=%d"}`, n, filler, n)
	})
	s, err := source(t, api.Config{URL: p.URL}, api.Rows{Rows: "$.rows[*]", Next: "$.next"}, job.From{Key: []string{"id"}})
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	var first, last uint64
	n := 0
	err = s.Read(t.Context(), job.Request{From: job.From{Key: []string{"id"}}}, func(*record.Record) error {
		n++
		if n != 10 && n != 60 {
			return nil
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if first, last = last, m.HeapAlloc; n == 60 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || last > first+20<<20 {
		t.Errorf("%d bytes after 10 pages, %d after 60; %v", first, last, err)
	}
}

// A cancelled run ends between two rows.
func TestR01AStoppedRunEnds(t *testing.T) {
	t.Parallel()
	p := standin.NewPages("", 1, numbered(3)...)
	t.Cleanup(p.Close)
	s, err := source(t, api.Config{URL: p.URL}, api.Rows{Path: "/next", Rows: "$.rows[*]", Next: "$.next"}, job.From{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = s.Read(ctx, job.Request{}, func(*record.Record) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) || len(p.Requests()) != 1 {
		t.Errorf("%v after %d requests", err, len(p.Requests()))
	}
}

// Whatever an API answers, reading ends and yields only records.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{`{"rows":[{"id":1}],"next":"/a"}`, `{"rows":[{"id":1e999999999}],"next":"\\\\x/../"}`, `[[[[`, `{"rows":null,"next":""}`, `{"rows":[{"":{}}]}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		p := plain(t, func(int, *http.Request) string { return answer })
		defer p.Close()
		list, _ := read(t, api.Config{URL: p.URL}, api.Rows{Rows: "$.rows[*]", Next: "$.next", MaxPages: 3}, job.Request{From: job.From{Key: []string{"id"}}})
		for _, rec := range list {
			if rec.Bad == "" && !json.Valid(rec.Data) {
				t.Errorf("%q became %q", answer, rec.Data)
			}
		}
	})
}
