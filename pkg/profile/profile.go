package profile

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// MostBytes is the maximum size of a signed document: brokers limited to 128 KiB let it pass in any form.
const MostBytes = 48 << 10

// Profile is one version of what a hub says about a kind of site.
type Profile struct {
	Hub     string  `json:"hub"`
	Name    string  `json:"profile"`
	Version Version `json:"version"`
	Content
}

// Content is what a profile consists of.
type Content struct {
	Keys    map[string]json.RawMessage `json:"keys"`              // of the configuration, each with its value
	Scripts map[string]string          `json:"scripts,omitempty"` // by slash-separated path
}

// Size returns how many bytes a document has at most once it is signed, whatever its version.
func Size(p Profile) int {
	p.Version = mostVersion
	text, err := json.Marshal(p)
	if err != nil {
		return MostBytes + 1 // a value that is no JSON
	}
	return ed25519.SignatureSize + len(text)
}

// ValidScript reports whether a script may have this name: the path of a .js or .json file below a directory, without
// hidden parts, in composed characters that can be seen.
func ValidScript(name string) bool {
	unseen := func(r rune) bool { return r == '\\' || r != ' ' && !unicode.IsGraphic(r) }
	return len(name) <= 200 && fs.ValidPath(name) && !strings.ContainsFunc(name, unseen) && !strings.Contains("/"+name, "/.") && norm.NFC.IsNormalString(name) &&
		slices.Contains([]string{".js", ".json"}, path.Ext(name))
}

// Version orders the versions of a profile: the time at which one was made, in seconds since 1970, or the previous
// version plus 1. 0 is none.
type Version int64

// mostVersion is what JSON carries exactly.
const mostVersion = 1 << 53

// Valid reports whether a version from outside is one, or 0.
func (v Version) Valid() bool { return v >= 0 && v < mostVersion }

// String shows the version as a time, which says more to people than a number.
func (v Version) String() string {
	if v == 0 {
		return "none"
	}
	return time.Unix(int64(v), 0).UTC().Format("2006-01-02 15:04:05")
}

// PublicKey verifies a hub's documents. The zero value verifies none.
type PublicKey [ed25519.PublicKeySize]byte

// String returns what ParsePublicKey reads.
func (k PublicKey) String() string { return base64.RawURLEncoding.EncodeToString(k[:]) }

// ParsePublicKey reads a key.
func ParsePublicKey(text string) (k PublicKey, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != len(k) {
		return k, errors.New("it is not a hub's public key: mysql-sync lead prints it at the hub")
	}
	copy(k[:], b)
	return k, nil
}

// PrivateKey signs a hub's documents. It is printed as ***.
type PrivateKey struct{ key ed25519.PrivateKey }

// NewPrivateKey returns a random key.
func NewPrivateKey() (PrivateKey, error) {
	_, k, err := ed25519.GenerateKey(rand.Reader)
	return PrivateKey{k}, err
}

// ParsePrivateKey reads what Reveal returned.
func ParsePrivateKey(text string) (PrivateKey, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != ed25519.SeedSize {
		return PrivateKey{}, errors.New("it is not a key")
	}
	return PrivateKey{ed25519.NewKeyFromSeed(b)}, nil
}

// Reveal returns what ParsePrivateKey reads.
func (k PrivateKey) Reveal() string { return base64.RawURLEncoding.EncodeToString(k.key.Seed()) }

// Public returns the public part.
func (k PrivateKey) Public() PublicKey { return PublicKey(k.key.Public().(ed25519.PublicKey)) }

// Format prints *** for any verb.
func (PrivateKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "***") }

// purpose keeps signatures of documents apart from all others.
const purpose = "mysql-sync lead 1\x00"

// Sign returns a document: its signature, then its text.
func (k PrivateKey) Sign(p Profile) ([]byte, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	signed := append(ed25519.Sign(k.key, append([]byte(purpose), text...)), text...)
	if len(signed) > MostBytes {
		return nil, fmt.Errorf("profile %s has %d bytes, more than %d", p.Name, len(signed), MostBytes)
	}
	return signed, nil
}

// Why a document is refused.
var (
	ErrLarge  = fmt.Errorf("the document has more than %d bytes", MostBytes)
	ErrForged = errors.New("the document is not signed by the key in configurationFrom.key: it was forged or changed, or the hub's database was made anew; mysql-sync lead prints the hub's key there")
	ErrOther  = errors.New("the document is of another hub or profile")
	ErrBroken = errors.New("the document is signed, but not valid: the hub may run a newer version of mysql-sync")
)

// Open returns the content of a document that the hub has signed with the private part of key.
func Open(signed []byte, key PublicKey, hub, name string) (p Profile, err error) {
	switch {
	case len(signed) > MostBytes:
		return p, ErrLarge
	case len(signed) < ed25519.SignatureSize || key == PublicKey{}:
		return p, ErrForged
	}
	signature, text := signed[:ed25519.SignatureSize], signed[ed25519.SignatureSize:]
	if !ed25519.Verify(key[:], append([]byte(purpose), text...), signature) {
		return p, ErrForged
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil || d.InputOffset() != int64(len(text)) || !p.Version.Valid() || p.Version == 0 || p.Keys == nil {
		return Profile{}, ErrBroken
	}
	if p.Hub != hub || p.Name != name {
		return Profile{}, ErrOther
	}
	return p, nil
}

// Digest identifies a document's content.
type Digest [sha256.Size]byte

// DigestOf returns the digest of a signed document.
func DigestOf(signed []byte) Digest { return sha256.Sum256(signed) }
