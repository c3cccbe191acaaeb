package seal

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// Why a message is refused, or not sealed.
var (
	ErrForm    = errors.New("it is not a complete encrypted message")
	ErrKey     = errors.New("it is encrypted with a key that this node does not have for its sender")
	ErrEarlier = errors.New("it is encrypted for an earlier run of this node")
	ErrForged  = errors.New("it cannot be decrypted: it was changed in transit, is encrypted with another key of this name, or is not from its sender, for this node or of this kind")
	ErrReplay  = errors.New("it is a duplicate")
	ErrOld     = errors.New("it was encrypted too long ago, or in the future, by this node's clock: it was held back, or one of the clocks is wrong")
	ErrFull    = errors.New("its sender has begun too many runs since this node started; restart this node")
	ErrUnmet   = errors.New("the remote has not announced itself with a key that this node has")
)

// Only a holder of a key can begin a run, and runs are remembered until this process ends. So each client has its own
// allowance, and beyond it draws on one that all share: it cannot use up another's. Promise 10.
const (
	liveRuns    = 4      // of a client, whose messages are all taken
	ownRuns     = 1000   // of each client
	sharedRuns  = 20_000 // of all clients together, beyond their own
	mostClients = 1000   // unnamed ones; later ones are refused
)

// Session is one run of a node's process. The keys of its messages derive from its
// random nonce and the other node's, so nothing sealed for an earlier run of either
// opens. Its methods may be called from any goroutine.
type Session struct {
	// Mesh tells apart meshes that share nothing but a key; it is the topicPrefix. Messages sealed more than MaxAge from Now,
	// before or after, are refused; 0 is no limit. All are set before the Session is used.
	Mesh   string
	Now    func() time.Time
	MaxAge time.Duration
	// Named are clients with a place of their own: invented names cannot keep them out. Set before use as well.
	Named []string

	self   string
	ring   *Ring
	random io.Reader
	nonce  Nonce

	mu           sync.Mutex
	out          map[string]*target
	in           map[string]*source
	outer, inner int // how many of out and of in are not named
	shared       int // runs in all of in beyond ownRuns
}

// target is a client for which messages are sealed.
type target struct {
	hello Hello
	aead  cipher.AEAD
	last  [kinds]uint64 // number of the last message; it never goes back in this run
}

// source is a client whose messages were opened.
type source struct {
	live []*run // the latest last
	old  map[Nonce]bool
	runs int // in live and old
}

// run is one of a client's process.
type run struct {
	nonce   Nonce
	windows [kinds]window
	aeads   map[cipherName]cipher.AEAD
}

// cipherName names one of the ciphers of a run.
type cipherName struct {
	form Form
	key  string
}

func (h *header) cipher() cipherName { return cipherName{h.form, h.key} }

// NewSession begins a run of the node self, a client's name.
func NewSession(self string, ring *Ring, random io.Reader) (*Session, error) {
	s := &Session{Now: time.Now, self: self, ring: ring, random: random, out: map[string]*target{}, in: map[string]*source{}}
	if _, err := io.ReadFull(random, s.nonce[:]); err != nil {
		return nil, fmt.Errorf("make a nonce: %w", err)
	}
	return s, nil
}

// Nonce names this run.
func (s *Session) Nonce() Nonce { return s.nonce }

// admit takes a place for a new client and reports whether there was one; others counts the unnamed clients.
func (s *Session) admit(client string, others *int) bool {
	switch {
	case slices.Contains(s.Named, client):
		return true
	case *others >= mostClients:
		return false
	}
	*others++
	return true
}

// Meet seals further messages to a client for the run that it announced. The error is ErrFull: a place is never reassigned,
// since its numbers go on.
func (s *Session) Meet(client string, h Hello) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.out[client]
	if t == nil {
		if !s.admit(client, &s.outer) {
			return ErrFull
		}
		t = &target{}
		s.out[client] = t
	}
	if t.hello == h && t.aead != nil {
		return nil
	}
	aead, err := cipherOf(&h.key.Secret, h.form, s.self, client, s.Mesh, s.nonce, h.nonce)
	if err == nil {
		t.hello, t.aead = h, aead
	}
	return err
}

// Part forgets what a client announced: nothing is sealed for it until Meet.
func (s *Session) Part(client string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.out[client]; t != nil {
		t.hello, t.aead = Hello{}, nil
	}
}

// Met reports whether Seal works for a client, and by which key.
func (s *Session) Met(client string) (key string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.out[client]
	if t == nil || t.aead == nil {
		return "", false
	}
	return t.hello.key.ID, true
}

// Seal seals a message for a client. The error is ErrUnmet.
func (s *Session) Seal(k Kind, to string, message []byte) ([]byte, error) {
	s.mu.Lock()
	t := s.out[to]
	if t == nil || t.aead == nil {
		s.mu.Unlock()
		return nil, ErrUnmet
	}
	t.last[k]++
	h := header{form: t.hello.form, key: t.hello.key.ID, sender: s.nonce, hint: [hintSize]byte(t.hello.nonce[:]), number: t.last[k]}
	aead := t.aead
	s.mu.Unlock()
	if h.form == second {
		h.sealed = s.Now().UnixMilli()
		if _, err := io.ReadFull(s.random, h.salt[:]); err != nil {
			return nil, fmt.Errorf("seal a message: %w", err)
		}
	}
	p := h.append(make([]byte, 0, len(message)+Overhead))
	return aead.Seal(p, nonceOf(k, &h), message, associated(p, k, s.self, to)), nil
}

// Open opens a message in the name of a client. The error is one of those above; a
// message that does not open changes nothing.
func (s *Session) Open(k Kind, from string, message []byte) ([]byte, error) {
	h, clear, body, err := parse(message)
	if err != nil {
		return nil, err
	}
	keys := s.ring.of(from)
	at := slices.IndexFunc(keys, func(k *Key) bool { return k.ID == h.key })
	switch {
	case at < 0:
		return nil, ErrKey
	case h.hint != [hintSize]byte(s.nonce[:]):
		return nil, ErrEarlier
	}
	aead, err := s.look(k, from, &h)
	if err == nil && aead == nil {
		aead, err = cipherOf(&keys[at].Secret, h.form, from, s.self, s.Mesh, h.sender, s.nonce)
	}
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nonceOf(k, &h), body, associated(clear, k, from, s.self))
	if err != nil {
		return nil, ErrForged
	}
	if h.form == second && s.MaxAge > 0 && s.Now().Sub(time.UnixMilli(h.sealed)).Abs() > s.MaxAge {
		return nil, ErrOld
	}
	if err := s.take(k, from, &h, aead); err != nil {
		return nil, err
	}
	return plain, nil
}

// look returns the cipher of a known run, or ErrReplay for a number that has come
// before.
func (s *Session) look(k Kind, from string, h *header) (cipher.AEAD, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.in[from]
	switch r := c.run(h.sender); {
	case c == nil:
		return nil, nil
	case c.old[h.sender] || r != nil && r.windows[k].seen(h.number):
		return nil, ErrReplay
	case r != nil:
		return r.aeads[h.cipher()], nil
	}
	return nil, nil
}

// take notes a message that opened. A client's latest runs are remembered with the
// numbers that came; earlier ones only so that nothing more of them is taken.
func (s *Session) take(k Kind, from string, h *header, aead cipher.AEAD) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.in[from]
	r := c.run(h.sender)
	if r == nil {
		if c != nil && c.old[h.sender] {
			return ErrReplay
		}
		if c == nil && !s.admit(from, &s.inner) || c != nil && c.runs >= ownRuns && s.shared >= sharedRuns {
			return ErrFull
		}
		if c == nil {
			c = &source{old: map[Nonce]bool{}}
			s.in[from] = c
		}
		if len(c.live) == liveRuns {
			c.old[c.live[0].nonce] = true
			c.live = slices.Delete(c.live, 0, 1)
		}
		r = &run{nonce: h.sender, aeads: map[cipherName]cipher.AEAD{}}
		c.live = append(c.live, r)
		if c.runs++; c.runs > ownRuns {
			s.shared++
		}
	}
	if !r.windows[k].take(h.number) {
		return ErrReplay
	}
	r.aeads[h.cipher()] = aead
	return nil
}

// run returns the run with a nonce if it is live.
func (c *source) run(n Nonce) *run {
	if c == nil {
		return nil
	}
	for _, r := range c.live {
		if r.nonce == n {
			return r
		}
	}
	return nil
}
