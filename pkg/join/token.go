package join

import (
	"crypto/ecdh"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// TokenBytes is the maximum length of a token's text.
const TokenBytes = 16 << 10

const (
	head       = "msync1_"
	headOfAny  = "msync"
	checkBytes = 8
	mostHosts  = 16
)

// Token is an invitation, as it is handed to a site.
type Token struct {
	ID       string      `json:"id"`                 // of the invitation
	Hub      string      `json:"hub"`                // clientName
	Site     string      `json:"site"`               // the name that the site gets, or a pattern for it
	Servers  []string    `json:"servers"`            // URLs of the broker: tcp, ssl, ws or wss
	CA       string      `json:"ca,omitempty"`       // PEM; "" is the system's authorities
	Prefix   string      `json:"prefix,omitempty"`   // topicPrefix
	Username string      `json:"username,omitempty"` // at the broker, while joining
	Password Password    `json:"password,omitempty"` // likewise
	Login    string      `json:"login"`              // which login the site has afterwards: Made, Given
	Secret   seal.Secret `json:"-"`                  // proves that the site has the token
	HubKey   PublicKey   `json:"hubKey"`
	Until    time.Time   `json:"until"` // by the hub's clock
	Uses     int         `json:"uses"`  // sites that may join with it
}

// Which login a site has at the broker once it has joined.
const (
	Made  = "made"  // one of its own, which the hub's embedded broker makes
	Given = "given" // that of the token
)

// Password is a password, printed as ***.
type Password string

// Format prints *** for any verb.
func (Password) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "***") }

// PublicKey is an X25519 key.
type PublicKey [32]byte

// MarshalText and UnmarshalText use base64.
func (k PublicKey) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, k[:]), nil
}

// UnmarshalText reads what MarshalText wrote.
func (k *PublicKey) UnmarshalText(text []byte) error {
	b, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	if err != nil || len(b) != len(k) {
		return errors.New("it is not a key")
	}
	copy(k[:], b)
	return nil
}

// tokenText is a token with its secret.
type tokenText struct {
	Token
	Key string `json:"key"`
}

// Why a text is not a token.
var (
	ErrNoToken  = errors.New("this is not a token: one begins with " + head + ", as mysql-sync invite prints it at the hub")
	ErrMistyped = errors.New("the token is incomplete or mistyped: its checksum does not match; copy it again, as a whole")
	ErrNewer    = errors.New("the token was made by a newer version of mysql-sync: update this one")
	ErrContent  = errors.New("the token's content is not valid: have the hub make another")
)

// Text returns the token as it is handed over. It is a secret.
func (t Token) Text() (string, error) {
	if err := t.valid(); err != nil {
		return "", err
	}
	body, err := json.Marshal(tokenText{t, t.Secret.Reveal()})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(body)
	text := head + base64.RawURLEncoding.EncodeToString(append(body, sum[:checkBytes]...))
	if len(text) > TokenBytes {
		return "", fmt.Errorf("the token has %d bytes, more than %d: give fewer servers or certificates", len(text), TokenBytes)
	}
	return text, nil
}

// ParseToken reads a token. Spaces and line breaks, as mail programs insert them, are ignored. The error is one of
// ErrNoToken, ErrMistyped, ErrNewer and ErrContent, and quotes nothing of the text.
func ParseToken(text string) (t Token, err error) {
	if len(text) > 2*TokenBytes {
		return t, ErrNoToken
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
	coded, ok := strings.CutPrefix(text, head)
	switch version, _, _ := strings.Cut(text, "_"); {
	case ok && len(text) <= TokenBytes:
	case !ok && isNewer(version):
		return t, ErrNewer
	default:
		return t, ErrNoToken
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(coded)
	if err != nil || len(b) < checkBytes {
		return t, ErrMistyped
	}
	body, check := b[:len(b)-checkBytes], b[len(b)-checkBytes:]
	if sum := sha256.Sum256(body); subtle.ConstantTimeCompare(sum[:checkBytes], check) != 1 {
		return t, ErrMistyped
	}
	var x tokenText
	if !strict(body, &x) {
		return t, ErrContent
	}
	if x.Secret, err = seal.ParseSecret(x.Key); err != nil || x.valid() != nil {
		return t, ErrContent
	}
	return x.Token, nil
}

func isNewer(version string) bool {
	digits, ok := strings.CutPrefix(version, headOfAny)
	return ok && digits != "" && digits != "1" && len(digits) < 4 && strings.Trim(digits, "0123456789") == ""
}

// valid returns what is wrong with a token's parts. It does not quote them.
func (t Token) valid() error {
	switch {
	case !wire.ValidID(t.ID):
		return errors.New("the invitation's id is not valid")
	case !wire.ValidClient(t.Hub):
		return errors.New("the hub's name is not valid")
	case !config.IsPattern(t.Site) && !wire.ValidClient(t.Site):
		return errors.New("the site's name is not valid")
	case len(t.Servers) == 0 || len(t.Servers) > mostHosts:
		return fmt.Errorf("there are %d servers, not 1 to %d", len(t.Servers), mostHosts)
	case len(t.Prefix) > 256 || strings.ContainsAny(t.Prefix, "+#\x00"):
		return errors.New("the topic prefix is not valid")
	case len(t.Username) > 256 || len(t.Password) > 1024:
		return errors.New("a name or a password is too long")
	case t.Login != Made && t.Login != Given:
		return errors.New("it is not clear whose login this is")
	case t.Until.IsZero() || t.Uses < 1 || t.Uses > MostUses:
		return errors.New("it is not clear how long and how often this may be used")
	}
	for _, s := range t.Servers {
		if !validServer(s) {
			return errors.New("a server's URL is not valid")
		}
	}
	if t.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(t.CA)) {
		return errors.New("the certificate is not valid")
	}
	if _, err := ecdh.X25519().NewPublicKey(t.HubKey[:]); err != nil || t.HubKey == (PublicKey{}) {
		return errors.New("the hub's key is not valid")
	}
	return nil
}

// validServer reports whether text is a URL of a broker, without a login.
func validServer(text string) bool {
	u, err := url.Parse(text)
	if err != nil || len(text) > 512 || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	switch u.Scheme {
	case "tcp", "ssl", "ws", "wss":
		return true
	}
	return false
}

// MostUses is the maximum number of sites that one invitation may let in.
const MostUses = 10_000
