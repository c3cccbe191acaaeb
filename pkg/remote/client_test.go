package remote_test

import (
	"compress/gzip"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// serve starts a service and returns a client for it with short pauses.
func serve(t *testing.T, c remote.Config, answer http.HandlerFunc) *remote.Client {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	c.Base = s.URL
	return client(t, c)
}

func client(t *testing.T, c remote.Config) *remote.Client {
	t.Helper()
	c.Tries.Pause = time.Millisecond
	made, err := remote.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// failure returns the error that a request must end with.
func failure(t *testing.T, err error) *remote.Error {
	t.Helper()
	var e *remote.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error", err)
	}
	return e
}

var (
	commit = &remote.Request{Operation: "commit entries", Method: "POST", Path: "commit", Body: []byte(`{"entries":[]}`)}
	list   = &remote.Request{Operation: "list entries", Path: "data", Read: true}
)

// hangUp ends the connection without an answer.
func hangUp(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	panic(http.ErrAbortHandler)
}

func TestF16ARequestIsTriedUntilItSucceeds(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]http.HandlerFunc{
		"429 with seconds": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "0.01")
			w.WriteHeader(429)
		},
		"429 with a date": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", time.Now().UTC().Format(http.TimeFormat))
			w.WriteHeader(429)
		},
		"500": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"503": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		"500 and half a body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99")
			w.WriteHeader(500)
		},
		"an answer without a connection, so to speak": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int32
			c := serve(t, remote.Config{}, func(w http.ResponseWriter, r *http.Request) {
				if body, _ := io.ReadAll(r.Body); string(body) != `{"entries":[]}` || r.Header.Get("Content-Type") != "application/json" || r.URL.Path != "/commit" {
					t.Errorf("got %s of %s at %s", body, r.Header.Get("Content-Type"), r.URL)
				}
				if tries.Add(1) < 3 && first != nil {
					first(w, r)
					return
				}
				w.Header().Set("X-Request-Id", "req-1")
				fmt.Fprint(w, `{"id":1}`)
			})
			answer, err := c.Do(t.Context(), commit)
			if err != nil || string(answer.Body) != `{"id":1}` || answer.Status != 200 || answer.RequestID != "req-1" {
				t.Fatalf("got %+v, %v", answer, err)
			}
			if want := int32(3); first != nil && tries.Load() != want {
				t.Errorf("%d tries, want %d", tries.Load(), want)
			}
		})
	}
}

// A request that may have been carried out is not resent, unless the service would recognize it.
func TestF16ADoubtIsNotRepeated(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"nothing": hangUp,
		"502":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) },
		"504":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(504) },
		"half a body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99")
			fmt.Fprint(w, `{"entries":`)
		},
		"a slow body": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				fmt.Fprint(w, " ")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Millisecond)
			}
		},
		"no answer in time": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int32
			c := serve(t, remote.Config{Tries: remote.Tries{Timeout: 500 * time.Millisecond, Most: 3}}, func(w http.ResponseWriter, r *http.Request) { tries.Add(1); answer(w, r) })
			_, err := c.Do(t.Context(), commit)
			if e := failure(t, err); e.Next.Do != remote.Doubt || !strings.HasSuffix(e.Error(), "; it may have been carried out") {
				t.Errorf("got %v, %v", e, e.Next)
			}
			if tries.Load() != 1 {
				t.Errorf("a write in doubt was sent %d times", tries.Load())
			}

			tries.Store(0)
			again := *commit
			again.Again = true
			_, err = c.Do(t.Context(), &again)
			if e := failure(t, err); e.Next.Do != remote.Doubt || tries.Load() != 3 {
				t.Errorf("got %v, %v after %d tries", e, e.Next, tries.Load())
			}

			tries.Store(0)
			_, err = c.Do(t.Context(), list)
			if e := failure(t, err); e.Next.Do != remote.Retry || tries.Load() != 3 {
				t.Errorf("got %v, %v after %d tries", e, e.Next, tries.Load())
			}
		})
	}
}

func TestADoubtIsNotForgottenForALaterAnswer(t *testing.T) {
	t.Parallel()
	var tries atomic.Int32
	c := serve(t, remote.Config{Tries: remote.Tries{Most: 2}}, func(w http.ResponseWriter, r *http.Request) {
		if tries.Add(1) == 1 {
			hangUp(w, r)
		}
		w.WriteHeader(500)
	})
	again := *commit
	again.Again = true
	_, err := c.Do(t.Context(), &again)
	if e := failure(t, err); e.Next.Do != remote.Doubt || e.Status != 500 {
		t.Errorf("got %v, %v", e, e.Next)
	}
}

func TestAnErrorSaysWhatWhereAndWhatNext(t *testing.T) {
	t.Parallel()
	c := serve(t, remote.Config{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Request-Id", "req-7")
		w.WriteHeader(422)
		fmt.Fprint(w, "{\n  \"error\": \"no column \\\"Email\\\"\"\n}")
	})
	_, err := c.Do(t.Context(), commit)
	e := failure(t, err)
	if want := "commit entries: " + c.Host() + ` answered 422 Unprocessable Entity (request req-7): { "error": "no column \"Email\"" }`; e.Error() != want {
		t.Errorf("got %s\nwant %s", e, want)
	}
	if e.Next.Do != remote.RowRefused || e.Status != 422 || e.RequestID != "req-7" {
		t.Errorf("got %+v", e)
	}
}

// A service may repeat a secret anywhere, even across the end of the kept text.
func TestARequestsIDHasNoSecret(t *testing.T) {
	t.Parallel()
	c := serve(t, remote.Config{Auth: remote.Bearer("t-secret-token"), MaxBytes: 8}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", strings.Repeat("x", 95)+"t-secret-token")
		fmt.Fprint(w, r.URL.Query().Get("answer"))
	})
	want := strings.Repeat("x", 95) + "***"
	if answer, err := c.Do(t.Context(), &remote.Request{Path: "?answer=short", Read: true}); err != nil || answer.RequestID != want {
		t.Errorf("got %v, %v", answer, err)
	}
	_, err := c.Do(t.Context(), &remote.Request{Path: "?answer=longer-than-that", Read: true})
	if e := failure(t, err); e.RequestID != want {
		t.Errorf("got %v", e)
	}
}

// A body in another protocol is a connection that nothing would close.
func TestAServiceDoesNotSwitchProtocols(t *testing.T) {
	t.Parallel()
	c := serve(t, remote.Config{}, func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(connection, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\nmore")
		_ = connection.Close()
	})
	_, err := c.Do(t.Context(), commit)
	if e := failure(t, err); e.Next.Do != remote.Doubt || !strings.Contains(e.Error(), "the server switches to another protocol") {
		t.Errorf("got %v, %v", e, e.Next)
	}
}

func TestAMissingServiceIsRetried(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(nil)
	s.Close()
	c := client(t, remote.Config{Base: s.URL, Tries: remote.Tries{Most: 2}})
	_, err := c.Do(t.Context(), commit)
	if e := failure(t, err); e.Next.Do != remote.Retry || e.Status != 0 {
		t.Errorf("got %v, %v", e, e.Next)
	}
}

func TestAServiceMaySayHowLongToWaitInItsOwnWay(t *testing.T) {
	t.Parallel()
	// Fliplet names the date; Airtable's wait is always half a minute.
	fliplet := func(status int, _ http.Header, body []byte) (time.Duration, bool) {
		return 10 * time.Minute, status == 429 && strings.Contains(string(body), "nextValidRequestDate")
	}
	airtable := func(status int, _ http.Header, _ []byte) (time.Duration, bool) {
		return 30 * time.Second, status == 429
	}
	for wait, hook := range map[time.Duration]func(int, http.Header, []byte) (time.Duration, bool){10 * time.Minute: fliplet, 30 * time.Second: airtable} {
		var tries atomic.Int32
		c := serve(t, remote.Config{Wait: hook, Tries: remote.Tries{Patience: time.Second}}, func(w http.ResponseWriter, _ *http.Request) {
			tries.Add(1)
			w.WriteHeader(429)
			fmt.Fprint(w, `{"nextValidRequestDate":"2026-11-27T08:00:00.000Z"}`)
		})
		_, err := c.Do(t.Context(), commit)
		if e := failure(t, err); e.Next != (remote.Next{Do: remote.Retry, After: wait}) || tries.Load() != 1 {
			t.Errorf("got %v after %d tries", e.Next, tries.Load())
		}
		// Until then the service gets no requests.
		_, err = c.Do(t.Context(), list)
		if e := failure(t, err); e.Next.Do != remote.Retry || e.Next.After < wait-time.Minute || e.Next.After > wait || tries.Load() != 1 {
			t.Errorf("got %v after %d tries", e.Next, tries.Load())
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	endless := func(w http.ResponseWriter, r *http.Request) {
		part := make([]byte, 64<<10)
		for r.Context().Err() == nil {
			if _, err := w.Write(part); err != nil {
				return
			}
		}
	}
	for name, answer := range map[string]http.HandlerFunc{
		"a length that is too large": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000000")
			w.WriteHeader(200)
		},
		"an endless body": endless,
		"a small body that unpacks to a large one": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			part := make([]byte, 1<<20)
			for range 64 {
				if _, err := z.Write(part); err != nil {
					return
				}
			}
			_ = z.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, remote.Config{MaxBytes: 100_000}, answer)
			_, err := c.Do(t.Context(), list)
			if e := failure(t, err); e.Next.Do != remote.Stop || !strings.Contains(e.Error(), "the answer is too large: more than 100000 bytes") {
				t.Errorf("got %v, %v", e, e.Next)
			}
			_, err = c.Do(t.Context(), commit)
			if e := failure(t, err); e.Next.Do != remote.Doubt {
				t.Errorf("got %v, %v", e, e.Next)
			}
		})
	}
	t.Run("an endless failure", func(t *testing.T) {
		t.Parallel()
		c := serve(t, remote.Config{}, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(403); endless(w, r) })
		_, err := c.Do(t.Context(), list)
		if e := failure(t, err); e.Next.Do != remote.Stop || len(e.Body) > 1000 {
			t.Errorf("got %v, %v", e, e.Next)
		}
	})
}

// Where the status suffices, the body is not waited for, and makes no doubt of it.
func TestABodyThatIsNotNeeded(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"endless": func(w http.ResponseWriter, r *http.Request) {
			for part := make([]byte, 64<<10); r.Context().Err() == nil; {
				if _, err := w.Write(part); err != nil {
					return
				}
			}
		},
		"too large": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000000000")
			w.WriteHeader(200)
		},
		"silent": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
		"cut": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "start")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
		"not gzip": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			fmt.Fprint(w, "text")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int32
			c := serve(t, remote.Config{}, func(w http.ResponseWriter, r *http.Request) { tries.Add(1); answer(w, r) })
			r := *commit
			r.Unread = true
			a, err := c.Do(t.Context(), &r)
			if err != nil || a.Status != 200 || len(a.Body) > 0 || tries.Load() != 1 {
				t.Errorf("got %v, %v after %d tries", a, err, tries.Load())
			}
		})
	}
}

func TestAStreamIsReadAsItArrives(t *testing.T) {
	t.Parallel()
	more := make(chan bool)
	c := serve(t, remote.Config{Tries: remote.Tries{Timeout: 2 * time.Second}}, func(w http.ResponseWriter, r *http.Request) {
		for range more {
			fmt.Fprint(w, "0123456789")
			_ = http.NewResponseController(w).Flush()
		}
		if r.URL.Path == "/data" {
			<-r.Context().Done() // and then silence
		}
	})
	for path, end := range map[string]error{"whole": nil, "data": errors.New("")} {
		more = make(chan bool, 3)
		for range 3 {
			more <- true
		}
		close(more)
		r := *list
		r.Path = path
		s, err := c.Open(t.Context(), &r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(s)
		if string(text) != strings.Repeat("0123456789", 3) || (err == nil) != (end == nil) {
			t.Errorf("got %s, %v", text, err)
		}
		if err != nil {
			if e := failure(t, err); e.Next.Do != remote.Retry || !strings.Contains(e.Error(), "no complete answer in time") {
				t.Errorf("got %v, %v", e, e.Next)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen http.Header
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = r.Header.Clone()
		seen.Set("Query", r.URL.RawQuery)
		fmt.Fprint(w, "moved")
	}))
	t.Cleanup(elsewhere.Close)
	c := serve(t, remote.Config{Auth: remote.Header("X-Api-Key", "key-that-is-secret"), Header: http.Header{"X-Callback-Token": {"token-that-is-secret"}}},
		func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Api-Key") != "key-that-is-secret" || r.Header.Get("X-Callback-Token") != "token-that-is-secret" || r.Header.Get("X-More") != "more" {
				t.Errorf("the service was shown %v", r.Header)
			}
			switch r.URL.Path {
			case "/elsewhere":
				http.Redirect(w, r, elsewhere.URL, http.StatusFound)
			case "/here":
				http.Redirect(w, r, "/end", http.StatusFound)
			case "/loop":
				http.Redirect(w, r, "/loop", http.StatusFound)
			case "/body":
				http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
			case "/write":
				http.Redirect(w, r, "/end", http.StatusTemporaryRedirect)
			}
		})
	get := func(path string) (*remote.Response, error) {
		return c.Do(t.Context(), &remote.Request{Operation: "list", Path: path, Read: true, Header: http.Header{"X-More": {"more"}}})
	}
	if answer, err := get("/elsewhere?cursor=secret-cursor"); err != nil || string(answer.Body) != "moved" {
		t.Errorf("got %v, %v", answer, err)
	}
	if all := fmt.Sprint(seen); strings.Contains(all, "secret") || strings.Contains(all, "more") || seen.Get("Accept") == "" {
		t.Errorf("another host was shown %s", all)
	}
	if _, err := get("/here"); err != nil {
		t.Error(err)
	}
	_, err := get("/loop")
	if e := failure(t, err); e.Next.Do != remote.Stop || !strings.Contains(e.Error(), "redirected too often") {
		t.Errorf("got %v, %v", e, e.Next)
	}
	_, err = c.Do(t.Context(), &remote.Request{Operation: "commit", Method: "POST", Path: "write", Body: []byte("{}"), Header: http.Header{"X-More": {"more"}}})
	if e := failure(t, err); e.Next.Do != remote.Stop || e.Status != 307 {
		t.Errorf("got %v, %v", e, e.Next)
	}
	_, err = c.Do(t.Context(), &remote.Request{Operation: "search", Method: "POST", Path: "body", Body: []byte(`{"key":"secret"}`), Read: true, Header: http.Header{"X-More": {"more"}}})
	if e := failure(t, err); e.Next.Do != remote.Stop || !strings.Contains(e.Error(), "another host") {
		t.Errorf("got %v, %v", e, e.Next)
	}
	// The address of a next page may be anywhere too.
	if _, err := get(elsewhere.URL + "/page?2"); err != nil {
		t.Error(err)
	}
	if all := fmt.Sprint(seen); strings.Contains(all, "secret") || strings.Contains(all, "more") {
		t.Errorf("another host was shown %s", all)
	}
}

func TestTLSIsVerified(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/plain" {
			http.Redirect(w, r, "http://"+r.Host, http.StatusFound)
		}
	}))
	t.Cleanup(s.Close)
	_, err := client(t, remote.Config{Base: s.URL}).Do(t.Context(), list)
	if e := failure(t, err); e.Next.Do != remote.Stop || !strings.Contains(e.Error(), "certificate") {
		t.Errorf("got %v, %v", e, e.Next)
	}

	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	known := client(t, remote.Config{Base: s.URL, CAFile: file})
	if _, err := known.Do(t.Context(), list); err != nil {
		t.Error(err)
	}
	_, err = known.Do(t.Context(), &remote.Request{Operation: "list", Path: "plain", Read: true})
	if e := failure(t, err); e.Next.Do != remote.Stop || !strings.Contains(e.Error(), "without TLS") {
		t.Errorf("got %v, %v", e, e.Next)
	}
	// The certificate is for 127.0.0.1 and example.com, not for this name.
	_, err = client(t, remote.Config{Base: strings.Replace(s.URL, "127.0.0.1", "localhost", 1), CAFile: file}).Do(t.Context(), list)
	if e := failure(t, err); e.Next.Do != remote.Stop {
		t.Errorf("got %v, %v", e, e.Next)
	}
	if err := os.WriteFile(file, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := remote.New(remote.Config{Base: s.URL, CAFile: file}); err == nil {
		t.Error("a file without a certificate was accepted")
	}
	plain := httptest.NewServer(nil)
	t.Cleanup(plain.Close)
	_, err = client(t, remote.Config{Base: strings.Replace(plain.URL, "http:", "https:", 1)}).Do(t.Context(), list)
	if e := failure(t, err); e.Next.Do != remote.Stop {
		t.Errorf("got %v, %v", e, e.Next)
	}
}

func TestADryRunSendsOnlyReads(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	var would []remote.Sent
	c := serve(t, remote.Config{
		Auth: remote.Bearer("bearer-secret"), Dry: func(s remote.Sent) { would = append(would, s) }, SecretFields: []string{"pin"},
	}, func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Method+" "+r.URL.Path)
	})
	for _, r := range []*remote.Request{
		list,
		{Operation: "query", Method: "POST", Path: "data/query", Body: []byte("{}"), Read: true},
		{Operation: "commit", Method: "POST", Path: "commit", Body: []byte(`{"name":"a","pin":"1234","password":"p"}`), Header: http.Header{"X-Api-Key": {"key-1"}}},
		{Operation: "call a hook", Path: "hook"}, // a GET, but nothing says that it is safe
	} {
		if _, err := c.Do(t.Context(), r); r.Read != (err == nil) || err != nil && !errors.Is(err, remote.ErrDry) {
			t.Errorf("%s: %v", r.Operation, err)
		}
	}
	if _, err := c.Open(t.Context(), commit); !errors.Is(err, remote.ErrDry) {
		t.Error(err)
	}
	if got := strings.Join(seen, ", "); got != "GET /data, POST /data/query" {
		t.Errorf("sent: %s", got)
	}
	if len(would) != 3 || would[0].Method != "POST" || would[0].Host != c.Host() || string(would[0].Body) == "" {
		t.Fatalf("would have been sent: %+v", would)
	}
	if body := string(would[0].Body); body != `{"name":"a","pin":"***","password":"***"}` {
		t.Errorf("got %s", body)
	}
	if got := would[0].Header.Get("X-Api-Key"); got != "***" {
		t.Errorf("got %s", got)
	}
}

// The service speaks two protocols; what was sent and what was not is the same in both.
func TestF16ADoubtIsNotRepeatedInHTTP2(t *testing.T) {
	t.Parallel()
	var tries atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("protocol %s", r.Proto)
		}
		if _, _ = io.Copy(io.Discard, r.Body); r.URL.Path == "/commit" {
			tries.Add(1)
			panic(http.ErrAbortHandler)
		}
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	c := client(t, remote.Config{Base: s.URL, CAFile: file})
	if _, err := c.Do(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	_, err := c.Do(t.Context(), commit)
	if e := failure(t, err); e.Next.Do != remote.Doubt || tries.Load() != 1 {
		t.Errorf("got %v, %v after %d tries", e, e.Next, tries.Load())
	}
}

// No write is lost with a connection that the service closes while idle.
func TestF16AConnectionClosedWhileIdle(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := 0
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		defer mu.Unlock()
		seen++
	}))
	t.Cleanup(s.Close)
	c := client(t, remote.Config{Base: s.URL})
	done := 0
	for range 50 {
		_, err := c.Do(t.Context(), commit)
		if err == nil {
			done++
		} else if e := failure(t, err); e.Next.Do != remote.Doubt {
			t.Errorf("got %v, %v", e, e.Next)
		}
		s.CloseClientConnections()
	}
	mu.Lock()
	defer mu.Unlock()
	if seen < done || seen > 50 || done == 0 {
		t.Errorf("%d of 50 writes were done, %d were seen", done, seen)
	}
}

func TestACallerIsNotifiedOfPauses(t *testing.T) {
	t.Parallel()
	var why *remote.Error
	var pause time.Duration
	tries := 0
	c := serve(t, remote.Config{Waits: func(e *remote.Error, d time.Duration) { why, pause = e, d }}, func(w http.ResponseWriter, _ *http.Request) {
		if tries++; tries == 1 {
			w.Header().Set("Retry-After", "0.02")
			w.WriteHeader(503)
		}
	})
	if _, err := c.Do(t.Context(), commit); err != nil || why == nil || why.Status != 503 || pause != 20*time.Millisecond {
		t.Errorf("got %v, %s, %v", why, pause, err)
	}
}

func TestACallerMayGiveUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := serve(t, remote.Config{}, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	})
	_, err := c.Do(ctx, commit)
	if e := failure(t, err); e.Next.Do != remote.Doubt || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", e, e.Next)
	}
	// During the pause after an answer there is no doubt.
	ctx2, cancel2 := context.WithCancel(t.Context())
	c2 := serve(t, remote.Config{Waits: func(*remote.Error, time.Duration) { cancel2() }}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "100")
		w.WriteHeader(503)
	})
	_, err = c2.Do(ctx2, commit)
	if e := failure(t, err); e.Next.Do != remote.Retry || e.Status != 503 || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", e, e.Next)
	}
}
