package seal

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// Kind is what a message is; one kind does not open as another.
type Kind byte

// The kinds of messages.
const (
	Batch  Kind = 1 // a batch, or a piece of one
	Ack    Kind = 2
	Verify Kind = 3 // a question of verify, or its answer
)

const kinds = 4 // of which 0 is none

// magic begins each sealed message, and is followed by its form. No batch and no JSON begins like this.
var magic = []byte("mss")

// Form is a version of the layout of sealed messages.
type Form byte

// The forms. A node that reads the second is sent nothing in the first.
const (
	first  Form = 1 // the nonce of the cipher is a number; nothing says when it was sealed, nor for which mesh
	second Form = 2 // the nonce has 15 random bytes, the time is authenticated, and the key is that of one mesh
)

// saltSize is how many random bytes a message's nonce has. Two copies of a machine resumed from one snapshot go on counting
// from the same number, under the same key.
const saltSize = 15

// stampSize is how many bytes say when a message was sealed, in ms since 1970.
const stampSize = 8

// NonceSize is how many bytes name a run of a process.
const NonceSize = 16

// Nonce names one run of a process: its random number.
type Nonce [NonceSize]byte

// hintSize is how many bytes of the receiver's nonce a message shows, to tell one
// for an earlier run from one that was tampered with.
const hintSize = 4

// Overhead is the most bytes that sealing adds to a message.
const Overhead = 4 + 1 + LongestID + NonceSize + hintSize + 8 + stampSize + saltSize + chacha20poly1305.Overhead

// header precedes a sealed message, in the clear.
type header struct {
	form   Form
	key    string // its ID
	sender Nonce
	hint   [hintSize]byte // the first bytes of the receiver's nonce
	number uint64         // of the messages of this kind in this run of the sender, from 1
	// Of the second form:
	sealed int64 // when, in ms since 1970
	salt   [saltSize]byte
}

func (h *header) append(p []byte) []byte {
	p = append(append(p, magic...), byte(h.form))
	p = append(p, byte(len(h.key)))
	p = append(p, h.key...)
	p = append(p, h.sender[:]...)
	p = append(p, h.hint[:]...)
	p = binary.BigEndian.AppendUint64(p, h.number)
	if h.form == first {
		return p
	}
	return append(binary.BigEndian.AppendUint64(p, uint64(h.sealed)), h.salt[:]...)
}

// IsSealed reports whether a message begins as a sealed one does.
func IsSealed(message []byte) bool {
	rest, ok := bytes.CutPrefix(message, magic)
	return ok && len(rest) > 0 && (Form(rest[0]) == first || Form(rest[0]) == second)
}

// KeyOf returns the ID of the key that a message says it is sealed with; "": it is not sealed. It is true once the message
// has opened.
func KeyOf(message []byte) string {
	h, _, _, err := parse(message)
	if err != nil {
		return ""
	}
	return h.key
}

// parse takes a message apart. clear is the header's bytes, body what is sealed.
func parse(message []byte) (h header, clear, body []byte, err error) {
	if !IsSealed(message) {
		return h, nil, nil, ErrForm
	}
	rest := message[len(magic):]
	if h.form, rest = Form(rest[0]), rest[1:]; len(rest) == 0 {
		return h, nil, nil, ErrForm
	}
	n, more := int(rest[0]), 0
	if h.form == second {
		more = stampSize + saltSize
	}
	if rest = rest[1:]; len(rest) < n+NonceSize+hintSize+8+more+chacha20poly1305.Overhead || !ValidID(string(rest[:n])) {
		return h, nil, nil, ErrForm
	}
	h.key, rest = string(rest[:n]), rest[n:]
	rest = rest[copy(h.sender[:], rest):]
	rest = rest[copy(h.hint[:], rest):]
	h.number, rest = binary.BigEndian.Uint64(rest), rest[8:]
	if h.form == second {
		h.sealed, rest = int64(binary.BigEndian.Uint64(rest)), rest[stampSize:]
		rest = rest[copy(h.salt[:], rest):]
	}
	return h, message[:len(message)-len(rest)], rest, nil
}

// associated is what is authenticated along with the message: its sender, receiver,
// kind and place.
func associated(clear []byte, k Kind, from, to string) []byte {
	p := append(bytes.Clone(clear), byte(k), byte(len(from)))
	p = append(p, from...)
	p = append(p, byte(len(to)))
	return append(p, to...)
}

// nonceOf returns the nonce of the cipher: no two messages under one key have the same.
func nonceOf(k Kind, h *header) []byte {
	p := make([]byte, chacha20poly1305.NonceSizeX)
	p[0] = byte(k)
	copy(p[1:], h.salt[:])
	binary.BigEndian.PutUint64(p[len(p)-8:], h.number)
	return p
}

// cipherOf derives the cipher of the messages from one run of a client to one run of
// another, in a mesh. Names hold no byte 0.
func cipherOf(s *Secret, f Form, from, to, mesh string, sender, receiver Nonce) (cipher.AEAD, error) {
	return derive(s, append(sender[:], receiver[:]...), f.info("message", from, to, mesh))
}

// info says what a key is derived for.
func (f Form) info(what, of, to, mesh string) string {
	parts := []string{"mysql-sync " + what + " " + strconv.Itoa(int(f)), of}
	if to != "" {
		parts = append(parts, to)
	}
	if f == second {
		parts = append(parts, mesh)
	}
	return strings.Join(parts, "\x00")
}

func derive(s *Secret, salt []byte, info string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, s[:], salt, info, chacha20poly1305.KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	return chacha20poly1305.NewX(key)
}
