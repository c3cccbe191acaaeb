package remote

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// Auth is how a client authenticates. It is nil for a service that does not ask.
type Auth interface {
	// prepare gets what apply needs, before the request is made; client is for its own requests.
	prepare(ctx context.Context, client *http.Client) error
	apply(request *http.Request)
	// refused notes that the service rejected the credentials, and reports whether a retry may help.
	refused() bool
	secrets() []string
}

// static is an Auth that never changes.
type static struct {
	set  func(*http.Request)
	hide []string
}

func (s static) prepare(context.Context, *http.Client) error { return nil }
func (s static) apply(request *http.Request)                 { s.set(request) }
func (s static) refused() bool                               { return false }
func (s static) secrets() []string                           { return s.hide }

// Header is a key in a header, such as X-Api-Key.
func Header(name, key string) Auth {
	return static{func(r *http.Request) { r.Header.Set(name, key) }, []string{key}}
}

// Bearer is a bearer token.
func Bearer(token string) Auth {
	return static{func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }, []string{token}}
}

// Basic is a user and a password.
func Basic(user, password string) Auth {
	return static{func(r *http.Request) { r.SetBasicAuth(user, password) }, []string{password, user + ":" + password}}
}

// Query is a key in the query of the address, for services that accept nothing better.
func Query(name, key string) Auth {
	return static{func(r *http.Request) {
		q := r.URL.Query()
		q.Set(name, key)
		r.URL.RawQuery = q.Encode()
	}, []string{key}}
}

// ClientCredentials is OAuth 2's grant of that name: a token is requested, used until it expires, and requested again
// if the service refuses it.
func ClientCredentials(tokenURL, id, secret string, scopes ...string) Auth {
	return &granted{config: clientcredentials.Config{TokenURL: tokenURL, ClientID: id, ClientSecret: secret, Scopes: scopes}}
}

type granted struct {
	config clientcredentials.Config
	mu     sync.Mutex
	token  *oauth2.Token
}

func (g *granted) prepare(ctx context.Context, client *http.Client) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.token.Valid() {
		return nil
	}
	token, err := g.config.Token(context.WithValue(ctx, oauth2.HTTPClient, client))
	if err != nil {
		return err
	}
	g.token = token
	return nil
}

func (g *granted) apply(request *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.token != nil {
		g.token.SetAuthHeader(request)
	}
}

// refused forgets the token: it may have been revoked early.
func (g *granted) refused() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	had := g.token != nil
	g.token = nil
	return had
}

func (g *granted) secrets() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := []string{g.config.ClientSecret}
	if g.token != nil {
		list = append(list, g.token.AccessToken)
	}
	return list
}

// tokenNext is what to do if no token could be obtained.
func tokenNext(err error) Next {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) || answer.Response == nil {
		return Next{Do: Retry}
	}
	next := Judge(answer.Response.StatusCode, answer.Response.Header, nil, false).ofRead()
	if next.Do == Done { // an answer without a token
		next.Do = Stop
	}
	return next
}

// origin is what a credential is valid for: scheme, host and port.
func origin(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}
