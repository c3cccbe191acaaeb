package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Whatever answer a commit gets, no row is lost or duplicated once the service has recovered.
func TestAfterAFaultEachRowExistsOnce(t *testing.T) {
	t.Parallel()
	carry := func(b *bench, r *http.Request) { b.Carry(httptest.NewRecorder(), r) }
	for name, f := range map[string]func(b *bench, w http.ResponseWriter, r *http.Request){
		"500":                  func(_ *bench, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"500 carried out":      func(b *bench, w http.ResponseWriter, r *http.Request) { carry(b, r); w.WriteHeader(500) },
		"502 carried out":      func(b *bench, w http.ResponseWriter, r *http.Request) { carry(b, r); w.WriteHeader(502) },
		"504 carried out":      func(b *bench, w http.ResponseWriter, r *http.Request) { carry(b, r); w.WriteHeader(504) },
		"408 carried out":      func(b *bench, w http.ResponseWriter, r *http.Request) { carry(b, r); w.WriteHeader(408) },
		"429":                  func(_ *bench, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) },
		"200 and nothing":      func(b *bench, w http.ResponseWriter, r *http.Request) { w.WriteHeader(200) },
		"204":                  func(b *bench, w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) },
		"200 carried, nothing": func(b *bench, w http.ResponseWriter, r *http.Request) { carry(b, r); w.WriteHeader(200) },
		"200 HTML":             func(b *bench, w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>please log in</html>") },
		"200 no entries":       func(b *bench, w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{"entries":[]}`) },
		"200 null":             func(b *bench, w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `null`) },
		"200 {}":               func(b *bench, w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{}`) },
		"200 not ours": func(b *bench, w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `{"entries":[{"id":5,"data":{"id":777}}]}`)
		},
		"200 id 0": func(b *bench, w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `{"entries":[{"id":0,"data":{"id":1,"v":1}}]}`)
		},
		"200 ids of text": func(b *bench, w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `{"entries":[{"id":"x","data":{"id":1,"v":1}}]}`)
		},
		"202 with error": func(b *bench, w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(202)
			fmt.Fprint(w, `{"error":"later"}`)
		},
		"half a body": func(b *bench, w http.ResponseWriter, r *http.Request) {
			carry(b, r)
			w.Header().Set("Content-Length", "5000")
			fmt.Fprint(w, `{"entries":[{"id":1`)
		},
		"half, not carried": func(b *bench, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5000")
			fmt.Fprint(w, `{"entries":[{"id":1`)
		},
		"302": func(b *bench, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/v1/user", http.StatusFound)
		},
		"307": func(b *bench, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/v1/user", http.StatusTemporaryRedirect)
		},
		"401": func(_ *bench, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) },
		"404": func(_ *bench, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
		"400": func(_ *bench, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "SELECT id, v FROM a", "CREATE TABLE a (id INT PRIMARY KEY, v INT)", "INSERT INTO a VALUES (1, 1), (2, 1), (3, 1)")
			start := time.Now()
			b.Fail(func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if r.Method != http.MethodPost || time.Since(start) > time.Second {
					return false
				}
				body, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(body))
				f(b, w, r)
				return true
			})
			_, first := b.run(t)
			b.Fail(nil)
			if _, err := b.db.Exec("UPDATE a SET v = 2 WHERE id = 2"); err != nil {
				t.Fatal(err)
			}
			var last error
			for range 2 {
				_, last = b.run(t)
			}
			if got := b.byID(t); len(b.Entries(123)) != 3 || len(got) != 3 {
				t.Errorf("after %v and then %v: %v", first, last, got)
			}
		})
	}
}

// A batch that is too large, or that is refused for one of its rows, does not hold up others.
func TestRefusedRows(t *testing.T) {
	t.Parallel()
	for _, status := range []int{413, 422, 400} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "SELECT id, v FROM a", "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(20))", "INSERT INTO a SELECT seq, 'good' FROM "+series(200), "UPDATE a SET v = 'BADROW' WHERE id IN (7, 120)")
			b.Fail(func(w http.ResponseWriter, r *http.Request, _ int) bool {
				body, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(body))
				bad := bytes.Contains(body, []byte("BADROW"))
				if bad {
					w.WriteHeader(status)
					fmt.Fprint(w, `{"error":"bad row, token eu--1"}`)
				}
				return bad
			})
			_, err := b.run(t)
			if err == nil || len(b.Entries(123)) != 198 {
				t.Errorf("%d entries, %v", len(b.Entries(123)), err)
			}
			if err != nil && strings.Contains(err.Error(), "eu--1") {
				t.Errorf("the token was printed: %v", err)
			}
			n := len(b.Requests())
			_, err = b.run(t)
			t.Logf("again: %v, %d requests, then %d", err, n, len(b.Requests())-n)
			testkitExec(t, b, "UPDATE a SET v = 'mended' WHERE v = 'BADROW'")
			_, err = b.run(t)
			if err != nil || len(b.Entries(123)) != 200 {
				t.Errorf("after the repair: %d entries, %v", len(b.Entries(123)), err)
			}
		})
	}
}

func testkitExec(t *testing.T, b *bench, s string) {
	t.Helper()
	if _, err := b.db.Exec(s); err != nil {
		t.Fatal(err)
	}
}
