package join

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/mysql-sync/mysql-sync/pkg/seal"
)

// PrivateKey is an X25519 key: of an invitation, at the hub, or of a site that joins. It is printed as ***.
type PrivateKey struct{ key *ecdh.PrivateKey }

// NewPrivateKey returns a random key.
func NewPrivateKey() (PrivateKey, error) {
	k, err := ecdh.X25519().GenerateKey(rand.Reader)
	return PrivateKey{k}, err
}

// ParsePrivateKey reads the 32 bytes of a key.
func ParsePrivateKey(b []byte) (PrivateKey, error) {
	k, err := ecdh.X25519().NewPrivateKey(b)
	if err != nil {
		return PrivateKey{}, errors.New("it is not a key")
	}
	return PrivateKey{k}, nil
}

// Reveal returns what ParsePrivateKey reads.
func (k PrivateKey) Reveal() []byte { return k.key.Bytes() }

// Public returns the public part.
func (k PrivateKey) Public() PublicKey { return PublicKey(k.key.PublicKey().Bytes()) }

// Format prints *** for any verb.
func (PrivateKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "***") }

// Shared is the secret that only a site and the hub can derive, from the site's key and the invitation's. Its zero value
// seals and opens nothing.
type Shared struct {
	secret []byte
	about  string // what the derived keys are bound to
}

// With derives the secret that the holders of two keys share; site is the site's public key, and id the invitation's
// ID.
func (k PrivateKey) With(other, site PublicKey, id string) (Shared, error) {
	p, err := ecdh.X25519().NewPublicKey(other[:])
	if err != nil {
		return Shared{}, errKey
	}
	secret, err := k.key.ECDH(p)
	if err != nil { // the other key is one of the few with which every secret is the same
		return Shared{}, errKey
	}
	return Shared{secret, id + " " + string(site[:])}, nil
}

var errNoSecret = errors.New("there is no secret yet")

var errKey = errors.New("the other's key is not valid")

// derive returns 32 bytes for a purpose.
func (s Shared) derive(purpose string) []byte {
	b, err := hkdf.Key(sha256.New, s.secret, []byte("mysql-sync join 1"), purpose+" "+s.about, seal.Size)
	if err != nil { // only for lengths that HKDF cannot produce
		panic(err)
	}
	return b
}

// Key is the key with which the hub and the site seal their messages once the site has joined.
func (s Shared) Key() seal.Secret { return seal.Secret(s.derive("pair")) }

// Password is the site's password at the hub's embedded broker.
func (s Shared) Password() Password {
	return Password(base64.RawURLEncoding.EncodeToString(s.derive("login")))
}

// Words are eight characters for a person to compare at the hub and at the site: if someone is in between, they differ.
func (s Shared) Words() string {
	w := base32.StdEncoding.EncodeToString(s.derive("words"))
	return w[:4] + "-" + w[4:8]
}

// Purposes of a sealed message.
const (
	purposeRequest = "request"
	purposeAnswer  = "answer"
)

// seal encrypts a message for one purpose; about is authenticated with it.
func (s Shared) seal(purpose, about string, plain []byte) ([]byte, error) {
	a, err := s.cipher(purpose)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, a.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return a.Seal(nonce, nonce, plain, []byte(about)), nil
}

func (s Shared) open(purpose, about string, sealed []byte) ([]byte, error) {
	a, err := s.cipher(purpose)
	if err != nil || len(sealed) < a.NonceSize() {
		return nil, ErrForged
	}
	plain, err := a.Open(nil, sealed[:a.NonceSize()], sealed[a.NonceSize():], []byte(about))
	if err != nil {
		return nil, ErrForged
	}
	return plain, nil
}

// ErrForged says that a message is not from the holder of the key.
var ErrForged = errors.New("the message cannot be decrypted: it was changed, or is not from the other side")

func (s Shared) cipher(purpose string) (cipher.AEAD, error) {
	if len(s.secret) == 0 {
		return nil, errNoSecret
	}
	b, err := aes.NewCipher(s.derive(purpose))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(b)
}
