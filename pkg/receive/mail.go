package receive

import (
	"context"
	"slices"
	"sync"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Bounds of unread letters, in bytes. Promise 10.
const (
	mailEach  = 2 << 20   // of one client, or one letter
	mailAll   = 4 << 20   // of all clients; beyond it,
	mailLeast = 256 << 10 // each client has this much. An announcement of a named client may always wait
)

// Letter is a message without rows: an announcement, an ack, a question or an answer.
type Letter struct {
	Topic   wire.Topic
	Sender  string
	Payload []byte
	Kept    bool // retained by the broker from before the node subscribed
}

func (l *Letter) size() int { return len(l.Payload) + frame }

// Mail holds letters until they are read. Reading a letter may take long, and all clients' messages arrive in one
// place: so letters are read elsewhere, one at a time. Clients take turns, and each has its own budget. It is safe for
// concurrent use.
type Mail struct {
	named []string // clients with their own budget; all others share one

	mu    sync.Mutex
	turns []string // clients with waiting letters, next turn first
	of    map[string]*letters
	bytes int // of all
	kick  chan struct{}
}

// letters are one client's letters.
type letters struct {
	waiting []Letter
	bytes   int
}

// NewMail returns Mail for the named clients and any others.
func NewMail(named []string) *Mail {
	return &Mail{named: named, of: map[string]*letters{}, kick: make(chan struct{}, 1)}
}

// Put queues a letter, and reports whether it did: too much may wait already. Of a named client's announcements only
// the last counts: it replaces a waiting one.
func (m *Mail) Put(l Letter) bool {
	name := l.Sender
	if !slices.Contains(m.named, name) {
		name = config.Anyone
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.of[name]
	if c == nil {
		c = &letters{}
	}
	announces := l.Topic.Kind == wire.Announce && name != config.Anyone
	if announces {
		if at := slices.IndexFunc(c.waiting, func(o Letter) bool { return o.Topic == l.Topic }); at >= 0 {
			if o := &c.waiting[at]; o.Kept || !l.Kept {
				m.count(c, l.size()-o.size())
				*o = l
			}
			return true
		}
	}
	if most := m.most(); !announces && c.bytes+l.size() > most && (len(c.waiting) > 0 || most < mailEach) {
		return false
	}
	if len(c.waiting) == 0 {
		m.of[name] = c
		m.turns = append(m.turns, name)
	}
	c.waiting = append(c.waiting, l)
	m.count(c, l.size())
	m.wake()
	return true
}

// most returns how much of one client may wait now.
func (m *Mail) most() int {
	if m.bytes > mailAll {
		return mailLeast
	}
	return mailEach
}

func (m *Mail) count(c *letters, bytes int) { c.bytes, m.bytes = c.bytes+bytes, m.bytes+bytes }

func (m *Mail) wake() {
	select {
	case m.kick <- struct{}{}:
	default:
	}
}

// take returns the next letter in turn; ok is false if there is none.
func (m *Mail) take() (l Letter, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.turns) == 0 {
		return l, false
	}
	name := m.turns[0]
	m.turns = m.turns[1:]
	c := m.of[name]
	l, c.waiting[0] = c.waiting[0], Letter{}
	c.waiting = c.waiting[1:]
	m.count(c, -l.size())
	if len(c.waiting) > 0 {
		m.turns = append(m.turns, name)
	} else {
		delete(m.of, name)
	}
	return l, true
}

// Run has letters read, one after another, until ctx ends.
func (m *Mail) Run(ctx context.Context, read func(Letter)) error {
	for ctx.Err() == nil {
		l, ok := m.take()
		if ok {
			read(l)
			continue
		}
		select {
		case <-ctx.Done():
		case <-m.kick:
		}
	}
	return nil
}
