package remote_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

func TestD09KindsOfAuth(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		auth remote.Auth
		want string
	}{
		"none":     {nil, " "},
		"a header": {remote.Header("x-api-key", "key-1"), "X-Api-Key key-1"},
		"basic":    {remote.Basic("ann", "pass-1"), "Authorization Basic YW5uOnBhc3MtMQ=="},
		"bearer":   {remote.Bearer("token-1"), "Authorization Bearer token-1"},
		"query":    {remote.Query("key", "key-1"), "Query page=2&key=key-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header, _, _ := strings.Cut(test.want, " ")
			c := serve(t, remote.Config{Auth: test.auth}, func(_ http.ResponseWriter, r *http.Request) {
				r.Header.Set("Query", r.URL.RawQuery)
				if r.URL.Query().Get("page") != "2" {
					t.Error("the query was lost")
				}
				if got := header + " " + r.Header.Get(header); header == "Query" && !strings.Contains(got, "key=key-1") || header != "Query" && got != test.want {
					t.Errorf("got %s, want %s", got, test.want)
				}
				if header == "" && r.Header.Get("Authorization") != "" {
					t.Error("credentials from nowhere")
				}
			})
			if _, err := c.Do(t.Context(), &remote.Request{Operation: "list", Path: "data?page=2", Read: true}); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("in the address", func(t *testing.T) {
		t.Parallel()
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "ann" || password != "pass-1" {
				t.Errorf("got %s and %s", user, password)
			}
			w.WriteHeader(401)
		}))
		t.Cleanup(s.Close)
		_, err := client(t, remote.Config{Base: strings.Replace(s.URL, "//", "//ann:pass-1@", 1)}).Do(t.Context(), list)
		if e := failure(t, err); e.Next.Do != remote.Stop || strings.Contains(e.Error(), "pass-1") {
			t.Error(err)
		}
	})
	t.Run("credentials for one run", func(t *testing.T) {
		t.Parallel()
		var seen atomic.Value
		c := serve(t, remote.Config{Auth: remote.Bearer("configured")}, func(_ http.ResponseWriter, r *http.Request) { seen.Store(r.Header.Get("Authorization")) })
		for want, one := range map[string]*remote.Client{"Bearer of-this-run": c.With(remote.Bearer("of-this-run")), "Bearer configured": c} {
			if _, err := one.Do(t.Context(), list); err != nil || seen.Load() != want {
				t.Errorf("got %s, %v, want %s", seen.Load(), err, want)
			}
		}
	})
}

func TestD09ClientCredentials(t *testing.T) {
	t.Parallel()
	var asked, status atomic.Int32
	status.Store(200)
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, secret, ok := r.BasicAuth()
		if !ok { // again, as some services require
			user, secret = r.FormValue("client_id"), r.FormValue("client_secret")
		}
		if user != "id" || secret != "the-secret" || r.FormValue("grant_type") != "client_credentials" || r.FormValue("scope") != "read write" {
			t.Errorf("got %s, %s, %v", user, secret, r.Form)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(status.Load()))
		if status.Load() == 200 {
			fmt.Fprintf(w, `{"access_token":"granted-%d","token_type":"Bearer","expires_in":3600}`, asked.Add(1))
		} else {
			fmt.Fprint(w, `{"error":"invalid_client","error_description":"the-secret is wrong"}`)
		}
	}))
	t.Cleanup(tokens.Close)
	var good atomic.Value
	good.Store("Bearer granted-1")
	c := serve(t, remote.Config{Tries: remote.Tries{Most: 2}, Auth: remote.ClientCredentials(tokens.URL, "id", "the-secret", "read", "write")}, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != good.Load() {
			w.WriteHeader(401)
			fmt.Fprint(w, "not "+r.Header.Get("Authorization"))
		}
	})
	for range 3 {
		if _, err := c.Do(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("%d tokens were requested", asked.Load())
	}
	good.Store("Bearer granted-2") // the first was revoked
	if _, err := c.Do(t.Context(), commit); err != nil || asked.Load() != 2 {
		t.Errorf("%v after %d tokens", err, asked.Load())
	}
	good.Store("nobody") // the new token works
	_, err := c.Do(t.Context(), list)
	if e := failure(t, err); e.Next.Do != remote.Stop || e.Status != 401 || asked.Load() != 3 || strings.Contains(e.Error(), "granted") {
		t.Errorf("%v after %d tokens", err, asked.Load())
	}
	for refusal, want := range map[int32]remote.Verb{401: remote.Stop, 400: remote.Stop, 503: remote.Retry} {
		status.Store(refusal)
		other := c.With(remote.ClientCredentials(tokens.URL, "id", "the-secret", "read", "write"))
		_, err := other.Do(t.Context(), commit)
		if e := failure(t, err); e.Next.Do != want || strings.Contains(e.Error(), "the-secret") || !strings.Contains(e.Error(), "ask for a token: "+strings.TrimPrefix(tokens.URL, "http://")) {
			t.Errorf("%d: got %v, %v", refusal, err, e.Next)
		}
	}
}

// Whatever a service or network says, no secret is part of an error.
func TestD09NoSecretIsInAnError(t *testing.T) {
	t.Parallel()
	secrets := []string{"key/with+odd\"letters", "hook-in-the-path", "callback-token", "body-secret", "query-secret", "pass-word", "of-this-request", "tenant-of-acme"}
	echo := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "body-secret")
		w.WriteHeader(422)
		fmt.Fprintf(w, "%s %v %s %q", r.URL, r.Header, r.URL.Query(), secrets)
	}
	s := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(s.Close)
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, base := range []string{s.URL, gone.URL, "http://" + "host.invalid"} {
		c := client(t, remote.Config{
			Base: strings.Replace(base, "//", "//ann:pass-word@", 1) + "/hook-in-the-path?q=query-secret", Tries: remote.Tries{Most: 1},
			Auth: remote.Header("X-Api-Key", secrets[0]), Header: http.Header{"X-Callback-Token": {"callback-token"}, "X-Tenant": {"tenant-of-acme"}, "Accept": {"text/plain"}},
			Secrets: []string{"hook-in-the-path", "body-secret"},
		})
		_, err := c.Do(t.Context(), &remote.Request{Operation: "push", Method: "POST", Path: "a?token=of-this-request", Secrets: []string{"of-this-request"}, Body: []byte("{}")})
		if e := failure(t, err); e.Status != 0 && !strings.Contains(e.Body, "text/plain") {
			t.Errorf("too much is hidden: %v", e)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			for _, secret := range secrets {
				if text := fmt.Sprintf("%v %+v", e, e); strings.Contains(text, secret) || strings.Contains(text, "YW5uOnBhc3Mtd29yZA") {
					t.Errorf("%s is in %s", secret, text)
				}
			}
		}
	}
	for _, bad := range []string{"http://ann:pass-word@:x", "://ann:pass-word@host", "ftp://ann:pass-word@host", "https://"} {
		if _, err := remote.New(remote.Config{Base: bad}); err == nil || strings.Contains(err.Error(), "pass-word") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestRedaction(t *testing.T) {
	t.Parallel()
	r := remote.NewRedactor([]string{"s3cret", "s3cret-and-more", "with space"}, []string{"pin"})
	for text, want := range map[string]string{
		"nothing":                                     "nothing",
		"a s3cret-and-more b s3cret c":                "a *** b *** c",
		"with%20space and with+space":                 "*** and ***",
		"czNjcmV0":                                    "***", // in base64
		`{"pin": "12\"34", "name": "a"}`:              `{"pin": "***", "name": "a"}`,
		`{"pin":1234,"user_Token":"x","apiKey":null}`: `{"pin":"***","user_Token":"***","apiKey":"***"}`,
		`{"password":"cut off in the mid`:             `{"password":"***"`,
		"https://host/path?a=1&access_token=abc&b=2":  "https://host/path?a=1&access_token=***&b=2",
	} {
		if got := r.Text(text); got != want {
			t.Errorf("%s became %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{"nothing": "nothing", "a s3cret": "a ***", "a s3cret and s3cr": "a *** and ***", "a s3cret-and-": "a ***", "at its": "at its", "wit": "wit", "a with spaces3cr": "a ******"} {
		if got := r.Start(text); got != want {
			t.Errorf("the start %s became %s, want %s", text, got, want)
		}
	}
	if got := remote.NewRedactor([]string{"abcdwxyz", "wxyz1234"}, nil).Start("1 abcdwxyz"); got != "1 ***" {
		t.Errorf("of two secrets that overlap remains %s", got)
	}
	// If a secret could be anywhere, nothing is shown.
	if got := remote.NewRedactor([]string{"a"}, nil).Text("has an a"); got != "***" {
		t.Errorf("got %s", got)
	}
}
