package hook

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// check reports whether a request has the right credentials, and whether it has any.
type check func(r *http.Request) (right, any bool)

// checkOf returns the check for credentials; nil if there are none. Errors begin with a key.
func checkOf(c remote.Credentials) (check, error) {
	if _, err := c.Auth(); err != nil {
		return nil, err
	}
	switch {
	case c.OAuth2 != nil:
		return nil, errors.New("auth.oauth2: is for outgoing requests; use apiKey, user and password, or bearer")
	case c.APIKey != "" && c.Query != "":
		return func(r *http.Request) (bool, bool) {
			key := r.URL.Query().Get(c.Query)
			return same(key, c.APIKey), key != ""
		}, nil
	case c.APIKey != "":
		header := c.Header
		if header == "" {
			header = "X-Api-Key"
		}
		return func(r *http.Request) (bool, bool) {
			key := r.Header.Get(header)
			return same(key, c.APIKey), key != ""
		}, nil
	case c.User != "" || c.Password != "":
		return func(r *http.Request) (bool, bool) {
			user, password, ok := r.BasicAuth()
			return same(user+"\x00"+password, c.User+"\x00"+c.Password), ok
		}, nil
	case c.Bearer != "":
		return func(r *http.Request) (bool, bool) {
			scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
			return strings.EqualFold(scheme, "Bearer") && same(strings.TrimSpace(token), c.Bearer), ok
		}, nil
	}
	return nil, nil
}

// same compares in constant time.
func same(given, right string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(right))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
