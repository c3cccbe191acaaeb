package seal

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

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

// magic begins each sealed message; its last byte is the version of this form. No
// batch and no JSON begins so.
var magic = []byte("mss\x01")

// NonceSize is how many bytes name a run of a process.
const NonceSize = 16

// Nonce names one run of a process: its random number.
type Nonce [NonceSize]byte

// hintSize is how much of the receiver's nonce a message shows, so that one for an
// earlier run is told from one that was tampered with.
const hintSize = 4

// Overhead is how many bytes a sealed message has more than what is sealed, at most.
const Overhead = 4 + 1 + LongestID + NonceSize + hintSize + 8 + chacha20poly1305.Overhead

// header is what stands in the clear before a sealed message.
type header struct {
	key    string // its ID
	sender Nonce
	hint   [hintSize]byte // the first bytes of the receiver's nonce
	number uint64         // of the messages of this kind in this run of the sender, from 1
}

func (h *header) append(p []byte) []byte {
	p = append(p, magic...)
	p = append(p, byte(len(h.key)))
	p = append(p, h.key...)
	p = append(p, h.sender[:]...)
	p = append(p, h.hint[:]...)
	return binary.BigEndian.AppendUint64(p, h.number)
}

// IsSealed reports whether a message begins as a sealed one does.
func IsSealed(message []byte) bool { return bytes.HasPrefix(message, magic) }

// parse takes a message apart. clear is the header's bytes, body what is sealed.
func parse(message []byte) (h header, clear, body []byte, err error) {
	rest, ok := bytes.CutPrefix(message, magic)
	if !ok || len(rest) == 0 {
		return h, nil, nil, ErrForm
	}
	n := int(rest[0])
	if rest = rest[1:]; len(rest) < n+NonceSize+hintSize+8+chacha20poly1305.Overhead || !ValidID(string(rest[:n])) {
		return h, nil, nil, ErrForm
	}
	h.key, rest = string(rest[:n]), rest[n:]
	rest = rest[copy(h.sender[:], rest):]
	rest = rest[copy(h.hint[:], rest):]
	h.number, body = binary.BigEndian.Uint64(rest), rest[8:]
	return h, message[:len(message)-len(body)], body, nil
}

// associated is what is authenticated beside the message: all that says from whom to
// whom it goes, as what, and in which place.
func associated(clear []byte, k Kind, from, to string) []byte {
	p := append(bytes.Clone(clear), byte(k), byte(len(from)))
	p = append(p, from...)
	p = append(p, byte(len(to)))
	return append(p, to...)
}

// number returns the nonce of the cipher: no two messages under one key have the same.
func number(k Kind, n uint64) []byte {
	p := make([]byte, chacha20poly1305.NonceSizeX)
	p[0] = byte(k)
	binary.BigEndian.PutUint64(p[len(p)-8:], n)
	return p
}

// cipherOf derives the cipher of the messages from one run of a client to one run of
// another. Names hold no byte 0.
func cipherOf(s *Secret, from, to string, sender, receiver Nonce) (cipher.AEAD, error) {
	return derive(s, append(sender[:], receiver[:]...), "mysql-sync message 1\x00"+from+"\x00"+to)
}

func derive(s *Secret, salt []byte, info string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, s[:], salt, info, chacha20poly1305.KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	return chacha20poly1305.NewX(key)
}
