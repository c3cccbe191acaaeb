package config

import (
	"regexp"
	"strings"
)

// tokenLeast is how long a token is at least: with 16 random letters nobody guesses
// it.
const tokenLeast = 16

// placeholder matches what stands in configurations for a secret that is to be chosen, as in those that are shipped. The node
// takes none for a secret by which it lets others in.
var placeholder = regexp.MustCompile(`(?i)^(choose|change|replace|insert|enter|put|your|my)[-_ ]?(one|me|this|it|here|own|a|the|random|secret|token|password)\b|^placeholder`)

// http checks the block http. Whoever reaches the server may do what the commands
// do, so one that other machines reach asks for a token. Promise 8.
func (c *checker) http(f fileHTTP) HTTP {
	h := HTTP{Listen: f.Listen, Cert: c.path(f.Cert), Key: c.path(f.Key)}
	if f.Token != nil {
		h.Token = *f.Token
	}
	local, ok := c.address("http.listen", h.Listen)
	far := ok && !local && h.Listen != ""
	switch {
	case c.wrong("http.token"):
	case far && f.Token == nil:
		c.mistake("http.listen", "%s is reachable from other machines; set http.token, or listen on 127.0.0.1", show(h.Listen, h.Listen))
	case placeholder.MatchString(h.Token):
		c.mistake("http.token", "is a well-known placeholder; use random characters, for example from openssl rand -hex 24")
	case f.Token != nil && len(h.Token) < tokenLeast:
		c.mistake("http.token", "is shorter than %d characters; use random ones, for example from openssl rand -hex 24", tokenLeast)
	case strings.ContainsFunc(h.Token, func(r rune) bool { return r <= ' ' || r > '~' }):
		c.mistake("http.token", "has characters not allowed in an HTTP header; use letters and digits")
	case far && h.Cert == "":
		c.warn("http.token", "is sent in the clear because http.cert is not set; use TLS, or a proxy that does")
	}
	c.serverPair("http", h.Cert, h.Key)
	return h
}
