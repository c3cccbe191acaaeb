package remote

import (
	_ "embed"
	"errors"
)

// CredentialsSchema is the JSON Schema of the block auth of services that leave the kind to the user. It has its own
// definitions, so that it can be one of another schema's.
//
//go:embed credentials.json
var CredentialsSchema []byte

// Credentials is that block: one of an API key, a user and a password, a token, or a client
// of OAuth 2. The zero value is none.
type Credentials struct {
	APIKey   string `koanf:"apiKey"`
	Header   string `koanf:"header"` // of the API key: X-Api-Key
	Query    string `koanf:"query"`  // parameter of the address that holds the API key, instead of a header
	User     string `koanf:"user"`
	Password string `koanf:"password"`
	Bearer   string `koanf:"bearer"`
	OAuth2   *Grant `koanf:"oauth2"`
}

// Grant is a client of OAuth 2's client credentials.
type Grant struct {
	TokenURL string   `koanf:"tokenURL"`
	ID       string   `koanf:"id"`
	Secret   string   `koanf:"secret"`
	Scopes   []string `koanf:"scopes"`
}

// Auth returns the credentials to send; nil for none. The error begins with the key that is wrong.
func (c Credentials) Auth() (Auth, error) {
	var list []Auth
	if c.APIKey != "" {
		if c.Query != "" {
			list = append(list, Query(c.Query, c.APIKey))
		} else {
			list = append(list, Header(or(c.Header, "X-Api-Key"), c.APIKey))
		}
	}
	if c.User != "" || c.Password != "" {
		list = append(list, Basic(c.User, c.Password))
	}
	if c.Bearer != "" {
		list = append(list, Bearer(c.Bearer))
	}
	if g := c.OAuth2; g != nil {
		list = append(list, ClientCredentials(g.TokenURL, g.ID, g.Secret, g.Scopes...))
	}
	switch {
	case len(list) > 1:
		return nil, errors.New("auth: has several credentials; keep one of apiKey, user and password, bearer, oauth2")
	case c.APIKey == "" && (c.Header != "" || c.Query != ""):
		return nil, errors.New("auth.apiKey: is missing")
	case c.Header != "" && c.Query != "":
		return nil, errors.New("auth.query: conflicts with header; keep one of them")
	case len(list) == 0:
		return nil, nil
	}
	return list[0], nil
}
