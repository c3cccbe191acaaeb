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
	form  Form
}

// Old reports whether, judging by its box, the announcement is of a node that reads only the first form. Someone who
// withholds the other boxes can make a newer node look like that: the announcement itself has Reads.
func (h Hello) Old() bool { return h.form == first }

// Reads is the latest form that this package reads; announcements contain it.
const Reads = int(second)

// Boxes holds an announcement sealed with each of a client's keys, by the key's name.
type Boxes struct {
	First  map[string][]byte // for those who read only the first form
	Second map[string][]byte // for one mesh alone
}

// Boxes seals this node's announcement, once for each of its keys. The broker keeps
// it for nodes that come later, so it is bound to the run's nonce and to no
// receiver.
func (s *Session) Boxes(announcement []byte) (Boxes, error) {
	if s.ring == nil {
		return Boxes{}, nil
	}
	one, err := s.boxes(first, announcement)
	if err != nil {
		return Boxes{}, err
	}
	two, err := s.boxes(second, announcement)
	return Boxes{one, two}, err
}

func (s *Session) boxes(f Form, announcement []byte) (map[string][]byte, error) {
	boxes := make(map[string][]byte, len(s.ring.keys))
	for i := range s.ring.keys {
		k := &s.ring.keys[i]
		aead, err := s.boxCipher(k, f, s.self, s.nonce)
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

// Hear opens a client's announcement with the first of its keys that has a box. The
// error is ErrKey, if there is none, or ErrForged. Hear changes nothing: see Meet.
func (s *Session) Hear(client string, nonce []byte, boxes Boxes) (announcement []byte, h Hello, err error) {
	if len(nonce) != NonceSize {
		return nil, h, ErrForm
	}
	form, list := second, boxes.Second
	if len(list) == 0 {
		form, list = first, boxes.First
	}
	for _, k := range s.ring.of(client) {
		box, ok := list[k.ID]
		if !ok {
			continue
		}
		h = Hello{Nonce(nonce), k, form}
		aead, err := s.boxCipher(k, form, client, h.nonce)
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
func (s *Session) boxCipher(k *Key, f Form, client string, nonce Nonce) (cipher.AEAD, error) {
	return derive(&k.Secret, nonce[:], f.info("announcement", client, "", s.Mesh))
}
