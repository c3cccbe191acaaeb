package seal

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Size is how many bytes a key has.
const Size = 32

// Secret is the key itself. It is printed as ***, whatever the verb.
type Secret [Size]byte

// ErrSecret says what a key must look like. It does not repeat the text.
var ErrSecret = errors.New("is not 32 bytes in base64; generate one with: mysql-sync key")

// NewSecret returns a random key.
func NewSecret(random io.Reader) (s Secret, err error) {
	if _, err := io.ReadFull(random, s[:]); err != nil {
		return s, fmt.Errorf("make a key: %w", err)
	}
	return s, nil
}

// ParseSecret reads a key in standard base64 (RFC 4648, section 4); surrounding
// spaces and line ends are ignored. A key whose bytes are all the same is
// refused as a placeholder. The error is ErrSecret.
func ParseSecret(text string) (s Secret, err error) {
	b, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != Size || strings.Count(string(b), string(b[:1])) == Size {
		return s, ErrSecret
	}
	return Secret(b), nil
}

// Reveal returns the key as ParseSecret reads it.
func (s Secret) Reveal() string { return base64.StdEncoding.EncodeToString(s[:]) }

// Format prints *** for any verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "***") }

// MarshalText encodes the key as ***, for loggers that print by JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Key is a key that this node shares with other clients.
type Key struct {
	ID      string // 1 to 32 characters; it travels in the clear
	Secret  Secret
	Clients []string // that have it; empty: all
}

// LongestID is how many bytes the name of a key has at most.
const LongestID = 32

// ValidID reports whether id matches ^[a-zA-Z0-9._-]{1,32}$.
func ValidID(id string) bool {
	if id == "" || len(id) > LongestID {
		return false
	}
	return !strings.ContainsFunc(id, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-'
	})
}

// Ring holds a node's keys. It is immutable, so any number of goroutines may
// read it; nil has no keys.
type Ring struct {
	keys     []Key
	required []string
}

// NewRing returns a ring of keys, in order of preference, whose IDs differ. Messages
// from a client in required must be sealed; "*" is everyone.
func NewRing(keys []Key, required []string) *Ring { return &Ring{keys, required} }

// Required reports whether messages to and from the client must be sealed.
func (r *Ring) Required(client string) bool {
	return r != nil && (slices.Contains(r.required, "*") || slices.Contains(r.required, client))
}

// RequiredOfAll reports whether everyone must seal.
func (r *Ring) RequiredOfAll() bool { return r != nil && slices.Contains(r.required, "*") }

// of returns the keys for a client: those that name it or, if there is none, those
// that name nobody.
func (r *Ring) of(client string) []*Key {
	if r == nil {
		return nil
	}
	var own, shared []*Key
	for i := range r.keys {
		switch k := &r.keys[i]; {
		case len(k.Clients) == 0:
			shared = append(shared, k)
		case slices.Contains(k.Clients, client):
			own = append(own, k)
		}
	}
	if len(own) > 0 {
		return own
	}
	return shared
}
