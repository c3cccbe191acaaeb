package seal

import (
	"crypto/cipher"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// Hello is what another node's announcement says of its run.
type Hello struct {
	nonce Nonce
	key   *Key
}

// Boxes seals this node's announcement, once for each of its keys. The broker keeps
// it, for nodes that come later: it is bound to the run's nonce, and to no receiver.
func (s *Session) Boxes(announcement []byte) (map[string][]byte, error) {
	if s.ring == nil {
		return nil, nil
	}
	boxes := make(map[string][]byte, len(s.ring.keys))
	for i := range s.ring.keys {
		k := &s.ring.keys[i]
		aead, err := boxCipher(k, s.self, s.nonce)
		if err != nil {
			return nil, err
		}
		nonce := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(announcement)+chacha20poly1305.Overhead)
		if _, err := io.ReadFull(s.random, nonce); err != nil {
			return nil, fmt.Errorf("seal the announcement: %w", err)
		}
		boxes[k.ID] = aead.Seal(nonce, nonce, announcement, []byte(k.ID))
	}
	return boxes, nil
}

// Hear opens the announcement of a client by the first of the keys for it with which
// there is a box. The error is ErrKey, if there is none, or ErrForged. Hear changes
// nothing: see Meet.
func (s *Session) Hear(client string, nonce []byte, boxes map[string][]byte) (announcement []byte, h Hello, err error) {
	if len(nonce) != NonceSize {
		return nil, h, ErrForm
	}
	for _, k := range s.ring.of(client) {
		box, ok := boxes[k.ID]
		if !ok {
			continue
		}
		h = Hello{Nonce(nonce), k}
		aead, err := boxCipher(k, client, h.nonce)
		if err != nil {
			return nil, h, err
		}
		if len(box) < chacha20poly1305.NonceSizeX {
			return nil, h, ErrForged
		}
		n := chacha20poly1305.NonceSizeX
		if announcement, err = aead.Open(nil, box[:n], box[n:], []byte(k.ID)); err != nil {
			return nil, h, ErrForged
		}
		return announcement, h, nil
	}
	return nil, h, ErrKey
}

// boxCipher derives the cipher of a client's announcements in one run.
func boxCipher(k *Key, client string, nonce Nonce) (cipher.AEAD, error) {
	return derive(&k.Secret, nonce[:], "mysql-sync announcement 1\x00"+client)
}
