package config

import (
	"regexp"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// tokenLeast is the shortest a token may be: 16 random letters cannot be guessed.
const tokenLeast = 16

// placeholder matches placeholders for secrets in configurations, such as the shipped ones. The node does not accept one as a
// secret that lets others in.
var placeholder = regexp.MustCompile(`(?i)^(choose|change|replace|insert|enter|put|your|my)[-_ ]?(one|me|this|it|here|own|a|the|random|secret|token|password)\b|^placeholder`)

// http checks the block http. Anyone who reaches the server can do what the
// commands do, so if other machines can reach it, it asks for a token. Promise 8.
func (c *checker) http(f fileHTTP) HTTP {
	h := HTTP{Listen: f.Listen, Cert: c.Path(f.Cert), Key: c.Path(f.Key)}
	if f.Token != nil {
		h.Token = *f.Token
	}
	local, ok := c.address("http.listen", h.Listen)
	far := ok && !local && h.Listen != ""
	switch {
	case c.Wrong("http.token"):
	case far && f.Token == nil:
		c.Mistakef("http.listen", "%s is reachable from other machines; set http.token, or listen on 127.0.0.1", keys.Show(h.Listen))
	case placeholder.MatchString(h.Token):
		c.Mistakef("http.token", "is a well-known placeholder; use random characters, for example from openssl rand -hex 24")
	case f.Token != nil && len(h.Token) < tokenLeast:
		c.Mistakef("http.token", "is shorter than %d characters; use random ones, for example from openssl rand -hex 24", tokenLeast)
	case strings.ContainsFunc(h.Token, func(r rune) bool { return r <= ' ' || r > '~' }):
		c.Mistakef("http.token", "has characters not allowed in an HTTP header; use letters and digits")
	case far && h.Cert == "":
		c.Warnf("http.token", "is sent in the clear because http.cert is not set; use TLS, or a proxy that does")
	}
	c.serverPair("http", h.Cert, h.Key)
	return h
}
