package remote_test

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

func TestD09ExactlyOneKindOfCredentials(t *testing.T) {
	t.Parallel()
	grant := &remote.Grant{TokenURL: "https://example.org", ID: "id", Secret: "secret"}
	for name, c := range map[string]struct {
		given remote.Credentials
		want  string // of the error
		none  bool
	}{
		"none":             {given: remote.Credentials{}, none: true},
		"a key":            {given: remote.Credentials{APIKey: "k"}},
		"a key in a query": {given: remote.Credentials{APIKey: "k", Query: "key"}},
		"a user":           {given: remote.Credentials{User: "ann", Password: "p"}},
		"a token":          {given: remote.Credentials{Bearer: "t"}},
		"a client":         {given: remote.Credentials{OAuth2: grant}},
		"two":              {given: remote.Credentials{APIKey: "k", OAuth2: grant}, want: "auth: has several"},
		"a header alone":   {given: remote.Credentials{Header: "X-Key"}, want: "auth.apiKey: is missing"},
		"a key twice":      {given: remote.Credentials{APIKey: "k", Header: "X-Key", Query: "key"}, want: "auth.query: conflicts with header"},
	} {
		auth, err := c.given.Auth()
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) || err == nil && (auth == nil) != c.none {
			t.Errorf("%s: %v, %v", name, auth, err)
		}
	}
	keys.MustParse(remote.CredentialsSchema)
}
