package remote

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A Limit is how many requests a service allows in any window of time, for whatever it counts by: a base, a token, a
// customer. Clients that name the same limit share it.
type Limit struct {
	Name     string // "airtable base appX": no secret
	Requests int
	Window   time.Duration
}

// A Store remembers limits across restarts. The state file of a connector is one; Memory is one that forgets.
type Store interface {
	Budget
	Holds
}

// Budget remembers how much of each limit was used. Slots are parts of a window, numbered by time.
type Budget interface {
	// Take adds a request to a limit's slot now if fewer than most were added to the slots from first to last, and
	// reports whether it did. Slots before first are not needed again.
	Take(ctx context.Context, limit string, now, first, last int64, most int) (bool, error)
	// Used returns how many requests were added to the slots from first to last.
	Used(ctx context.Context, limit string, first, last int64) (int, error)
}

// Holds remembers until when a service must not be called.
type Holds interface {
	// Hold stores the time, unless a later one is stored.
	Hold(ctx context.Context, limit string, until time.Time) error
	// Held returns the time; it is past, or zero, if there is nothing to wait for.
	Held(ctx context.Context, limit string) (time.Time, error)
}

const (
	// slots is how many slots a window has. A request counts for a window and a slot, so at most 50/51 of a limit is
	// used.
	slots = 50

	// Requests under a limit with a short window are sent at equal intervals, slightly longer than necessary, but for a
	// burst at first. Each counts until a window after its answer: when it arrived is not known, but it was before that.
	// So however long some are on their way, the service never sees too many in a window.
	paced  = time.Minute
	margin = 1.04
)

// Budgets are the budgets of a process, shared by its jobs.
type Budgets struct {
	store Store
	start time.Time // for a clock that no one can move
	mu    sync.Mutex
	paces map[string]*pace
}

type pace struct {
	limiter *rate.Limiter // nil: the limit's window is long, or there is no limit
	open    chan struct{} // has an element for each request that counts; nil likewise
	known   bool          // held is at least what the store had at the start
	held    time.Time
}

// NewBudgets returns budgets kept in a store.
func NewBudgets(store Store) *Budgets {
	return &Budgets{store: store, start: time.Now(), paces: map[string]*pace{}}
}

// Used returns how many requests of a limit's window have been made.
func (b *Budgets) Used(ctx context.Context, l Limit) (int, error) {
	_, first, last := b.window(l)
	return b.store.Used(ctx, l.Name, first, last)
}

// Hold blocks requests under a limit for some time, as the service has asked.
func (b *Budgets) Hold(ctx context.Context, limit string, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	b.mu.Lock()
	p := b.pace(Limit{Name: limit})
	if until := time.Now().Add(d); until.After(p.held) {
		p.held = until
	}
	b.mu.Unlock()
	return b.store.Hold(ctx, limit, time.Now().Add(d))
}

// take waits until a request may be sent under a limit, up to a maximum: otherwise it returns how much longer the wait
// would be.
func (b *Budgets) take(ctx context.Context, l Limit, patience time.Duration) (wait time.Duration, err error) {
	deadline := time.Now().Add(patience)
	for {
		if wait, err = b.heldFor(ctx, l); err != nil {
			return 0, err
		}
		if wait == 0 {
			if l.Requests <= 0 {
				return 0, nil
			}
			if wait, err = b.stepped(ctx, l, deadline); err != nil || wait > 0 {
				return wait, err
			}
			now, first, last := b.window(l)
			if ok, err := b.store.Take(ctx, l.Name, now, first, last, l.Requests); ok || err != nil {
				return 0, err
			}
			wait = time.Duration(now+1)*slot(l) - b.now()
		}
		if time.Now().Add(wait).After(deadline) {
			return wait, nil
		}
		if err := sleep(ctx, wait); err != nil {
			return 0, err
		}
	}
}

// heldFor returns how long a limit is held. The store is read once, for holds from before a restart: later holds are
// this process's own. If the clock has been set back since then by so much that Take no longer counts what the service
// does, nothing is sent for a window, if that is short. Promise 5.
func (b *Budgets) heldFor(ctx context.Context, l Limit) (time.Duration, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.pace(l)
	if !p.known {
		until, err := b.store.Held(ctx, l.Name)
		if err != nil {
			return 0, err
		}
		// It is a wall time, by a clock that may have been wrong then.
		if until = time.Now().Add(min(time.Until(until), longest)); until.After(p.held) {
			p.held = until
		}
		_, _, last := b.window(l)
		if p.limiter != nil {
			forgotten, err := b.store.Used(ctx, l.Name, last+1, math.MaxInt64)
			if err != nil {
				return 0, err
			}
			if until := time.Now().Add(l.Window + slot(l)); forgotten > 0 && until.After(p.held) {
				p.held = until
			}
		}
		p.known = true
	}
	return max(time.Until(p.held), 0), nil
}

// stepped waits for this request's turn if the limit is paced. It returns how long that would take if it is too long.
func (b *Budgets) stepped(ctx context.Context, l Limit, deadline time.Time) (wait time.Duration, err error) {
	b.mu.Lock()
	limiter := b.pace(l).limiter
	b.mu.Unlock()
	if limiter == nil {
		return 0, nil
	}
	turn := limiter.Reserve()
	if wait = turn.Delay(); time.Now().Add(wait).After(deadline) {
		turn.Cancel()
		return wait, nil
	}
	return 0, sleep(ctx, wait)
}

// enter waits until the service cannot see too many requests with one more, up to a maximum: otherwise it returns how much
// longer the wait would be. leave is called with the answer, or without if the request was not sent.
func (b *Budgets) enter(ctx context.Context, l Limit, patience time.Duration) (leave func(sent bool), wait time.Duration, err error) {
	b.mu.Lock()
	open := b.pace(l).open
	b.mu.Unlock()
	if open == nil {
		return func(bool) {}, 0, nil
	}
	select {
	case open <- struct{}{}:
	default:
		t := time.NewTimer(patience)
		defer t.Stop()
		select {
		case open <- struct{}{}:
		case <-t.C:
			return nil, l.Window, nil
		case <-ctx.Done():
			return nil, 0, context.Cause(ctx)
		}
	}
	return func(sent bool) {
		if !sent {
			<-open
			return
		}
		time.AfterFunc(l.Window+slot(l), func() { <-open })
	}, 0, nil
}

// pace returns a limit's pace. The caller has the lock.
func (b *Budgets) pace(l Limit) *pace {
	p := b.paces[l.Name]
	if p == nil {
		p = &pace{}
		b.paces[l.Name] = p
	}
	if p.limiter == nil && l.Requests > 0 && l.Window <= paced {
		p.limiter = rate.NewLimiter(rate.Limit(float64(l.Requests)/l.Window.Seconds()/margin), l.burst())
		p.open = make(chan struct{}, l.Requests)
	}
	return p
}

// burst is how many requests need not wait for each other: half of those of a window, so that others may follow, if the
// window is longer than clocks and answers are late. Budget keeps the limit.
func (l Limit) burst() int {
	if l.Window <= time.Second {
		return 1
	}
	return max(1, l.Requests/2)
}

// window returns the slot of now, and the range of slots that count: one window back, and as far ahead, in case the
// computer's clock was ahead before a restart. Slots further ahead do not count, but cause a pause: see heldFor.
func (b *Budgets) window(l Limit) (now, first, last int64) {
	now = int64(b.now() / slot(l))
	return now, now - slots, now + slots
}

// now is the time since 1970 by a clock that is read once, at the start, and then only advances.
func (b *Budgets) now() time.Duration {
	return time.Duration(b.start.UnixNano()) + time.Since(b.start)
}

func slot(l Limit) time.Duration { return max(l.Window/slots, 1) }

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Memory returns a store that is lost with the process.
func Memory() Store { return &memory{used: map[string]map[int64]int{}, held: map[string]time.Time{}} }

type memory struct {
	mu   sync.Mutex
	used map[string]map[int64]int
	held map[string]time.Time
}

func (m *memory) Hold(_ context.Context, limit string, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if until.After(m.held[limit]) {
		m.held[limit] = until
	}
	return nil
}

func (m *memory) Held(_ context.Context, limit string) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.held[limit], nil
}

func (m *memory) Take(_ context.Context, limit string, now, first, last int64, most int) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.used[limit] == nil {
		m.used[limit] = map[int64]int{}
	}
	for slot := range m.used[limit] {
		if slot < first {
			delete(m.used[limit], slot)
		}
	}
	if m.sum(limit, first, last) >= most {
		return false, nil
	}
	m.used[limit][now]++
	return true, nil
}

func (m *memory) Used(_ context.Context, limit string, first, last int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sum(limit, first, last), nil
}

func (m *memory) sum(limit string, first, last int64) (n int) {
	for slot, used := range m.used[limit] {
		if slot >= first && slot <= last {
			n += used
		}
	}
	return n
}
