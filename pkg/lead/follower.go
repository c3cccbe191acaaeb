package lead

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/profile"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// When the hub is asked.
const (
	askEvery = 10 * time.Minute // give or take a fifth
	askSoon  = time.Second      // after the hub announced itself, at most: many sites hear it at once
	lookFor  = 2 * time.Second  // between two looks whether the hub is there
	askAgain = 30 * time.Second // after a question that was not answered, at most; and how long an answer is waited for, at most
	askFirst = 2 * time.Second  // the same after the first such question; it doubles
	askLeast = time.Second      // between two questions, whatever comes
	tryAgain = time.Minute      // until a version is tried again that could not be, as while the disk is full
	sayAgain = time.Hour        // until the same refusal is logged again
)

// FollowerConfig configures a Follower.
type FollowerConfig struct {
	Log   *zap.Logger
	Node  *config.Config
	Now   func() time.Time
	Ready func() bool // whether the hub can be asked
	// Try has the process use a document: it replaces this node by one with it, and ctx ends; or it returns why not.
	Try func(ctx context.Context, signed []byte) error
}

// Ask tells a hub what this node has, and returns the signed document that it lacks; nothing if it lacks none.
type Ask func(ctx context.Context, hub string, has wire.Led) ([]byte, error)

// Follower takes a part of a node's configuration from its hub. Run is called once; the rest is safe for concurrent use.
type Follower struct {
	FollowerConfig
	wake chan struct{}

	silent int    // how many questions in a row were not answered; of Run alone
	logged string // the refusal that was logged last, and when; likewise
	at     time.Time

	mu   sync.Mutex
	said Standing
}

// Standing is how a site stands with its hub.
type Standing struct {
	From    string          `json:"from"`
	Profile string          `json:"profile"`
	Version profile.Version `json:"version"`           // in use; 0: none yet
	Before  string          `json:"before,omitempty"`  // what is in use until the first version: what came from another hub, profile or key
	Keys    []string        `json:"keys,omitempty"`    // that come from the hub
	Local   []string        `json:"local,omitempty"`   // that would, if the site did not determine them itself
	Asked   time.Time       `json:"asked,omitzero"`    // when the hub last answered
	Tried   profile.Version `json:"tried,omitempty"`   // that is refused; 0: none, or it cannot be trusted
	Refused string          `json:"refused,omitempty"` // why
	Why     string          `json:"why,omitempty"`     // why the hub did not answer, or has nothing
	Denied  bool            `json:"denied,omitempty"`  // it answered that
}

// NewFollower returns a Follower.
func NewFollower(c FollowerConfig) *Follower {
	f := &Follower{FollowerConfig: c, wake: make(chan struct{}, 1)}
	from := &c.Node.From
	f.said = Standing{From: from.Client, Profile: from.Profile, Version: from.Version, Before: from.Before, Keys: from.Keys, Local: from.Ours}
	return f
}

// Wake has the hub asked soon: it has announced itself.
func (f *Follower) Wake() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Look returns how this site stands with its hub; nil if it has none.
func (f *Follower) Look() *Standing {
	if f.Node.From.Client == "" {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.said
	return &s
}

func (f *Follower) note(change func(s *Standing)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.said)
}

// Run asks the hub, and tries what it has, until ctx ends.
func (f *Follower) Run(ctx context.Context, ask Ask) error {
	if f.Node.From.Client == "" {
		return nil
	}
	m, err := f.Node.From.File.Read()
	if err == nil && m.Refused != nil && m.Refused.Version != f.Node.From.Version { // of the one in use, it is about to be written that it works
		f.note(func(s *Standing) { s.Tried, s.Refused = m.Refused.Version, reason(m.Refused.Why) })
	}
	pause := rand.N(askSoon)
	for {
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-f.wake:
			t.Stop()
			f.silent = 0
			if !f.sleep(ctx, askLeast+rand.N(askSoon)) {
				return nil
			}
		case <-ctx.Done():
			t.Stop()
			return nil
		}
		if pause = lookFor; f.Ready() {
			pause = f.once(ctx, ask)
		}
	}
}

func (f *Follower) sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// once asks the hub once, tries what it says, and returns when to ask again.
func (f *Follower) once(ctx context.Context, ask Ask) time.Duration {
	from := &f.Node.From
	said := f.Look()
	signed, err := f.ask(ctx, ask, wire.Led{Profile: from.Profile, Version: int64(said.Version), Digest: from.Digest, Tried: int64(said.Tried), Refused: said.Refused, Local: said.Local})
	if ctx.Err() != nil {
		return askAgain
	}
	if errors.Is(err, errAnnounced) {
		f.Wake()
		return askAgain
	}
	if err != nil {
		_, denied := errors.AsType[denial](err)
		f.note(func(s *Standing) { s.Why, s.Denied = reason(err.Error()), denied })
		pause := f.patience()
		f.silent++
		return spread(pause)
	}
	f.silent = 0
	f.note(func(s *Standing) { s.Asked, s.Why, s.Denied = f.Now().UTC(), "", false })
	if len(signed) == 0 { // the version in use is the latest
		f.note(func(s *Standing) { s.Tried, s.Refused = 0, "" })
		if said.Refused != "" {
			return askLeast // then the hub is told
		}
		return spread(askEvery)
	}
	tried, again, err := f.take(ctx, signed)
	if ctx.Err() != nil {
		return again
	}
	why := ""
	if err != nil {
		why = reason(err.Error())
		if now := f.Now(); f.logged != why || now.Sub(f.at) > sayAgain {
			f.logged, f.at = why, now
			f.Log.Warn("the hub's configuration is refused; the one in use stays", zap.String("hub", from.Client), zap.String("profile", from.Profile), zap.Stringer("version", tried), zap.Error(err))
		}
	}
	f.note(func(s *Standing) { s.Tried, s.Refused = tried, why })
	if why != said.Refused || tried != said.Tried {
		return askLeast // then the hub is told
	}
	return max(again, askLeast)
}

// reason returns an error as one line: that of a configuration has a line for each key.
func reason(why string) string {
	return wire.Plain(strings.ReplaceAll(strings.TrimSpace(why), "\n", "; "), wire.MostRefusal)
}

// denial is the error of a question to which the hub answered that it has nothing for this node.
type denial interface {
	error
	Denies() bool
}

var errAnnounced = errors.New("the hub has announced itself since it was asked")

// ask asks the hub as long as there is patience: one that has just let this site in may not know it yet. A hub that announces
// itself runs anew, or has another connection, and a question from before may be lost: the error is then errAnnounced.
func (f *Follower) ask(ctx context.Context, ask Ask, has wire.Led) (signed []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*f.patience())
	defer cancel()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		signed, err = ask(ctx, f.Node.From.Client, has)
	}()
	least, announced := time.After(askFirst), (<-chan struct{})(nil)
	for {
		select {
		case <-answered:
			return signed, err
		case <-least: // until then, the answer may be on its way
			announced = f.wake
		case <-announced:
			cancel()
			if <-answered; err != nil {
				err = errAnnounced
			} else {
				f.Wake()
			}
			return signed, err
		}
	}
}

// patience grows with each question that is not answered: one may just have been lost, but a hub with many sites may be busy.
func (f *Follower) patience() time.Duration { return min(askAgain, askFirst<<min(f.silent, 5)) }

// Why a document is not tried.
var (
	errOlder   = errors.New("the hub offers an older version than it gave before, as after a restore from a backup; this one stays until the hub has a newer one: change the profile there, or see mysql-sync lead --renew")
	errAnother = errors.New("the hub offers another content under a version that it gave before, as after a restore from a backup; change the profile there, or see mysql-sync lead --renew")
)

// take judges a document, and tries it. It returns the version that is refused, and when to ask again; if the document
// is used, this node ends meanwhile.
func (f *Follower) take(ctx context.Context, signed []byte) (tried profile.Version, again time.Duration, err error) {
	from := &f.Node.From
	p, err := from.Open(signed)
	if err != nil {
		return 0, spread(askEvery), err // nothing in it counts, not even its version
	}
	m, err := from.File.Read()
	if err != nil {
		return 0, spread(askEvery), err
	}
	switch m.Judge(from.Version, p.Version, profile.DigestOf(signed), f.Now()) {
	case profile.Same:
		return 0, spread(askEvery), nil
	case profile.Older:
		return p.Version, spread(askEvery), errOlder
	case profile.Another:
		return p.Version, spread(askEvery), errAnother
	case profile.Wait:
		return p.Version, f.due(m), errors.New(m.Refused.Why)
	}
	f.Log.Info("trying the hub's configuration", zap.String("hub", from.Client), zap.String("profile", from.Profile), zap.Stringer("version", p.Version))
	if err = f.Try(ctx, signed); ctx.Err() != nil {
		return p.Version, askAgain, nil
	}
	again = spread(tryAgain)
	if m, read := from.File.Read(); read == nil && m.Refused != nil && m.Refused.Version == p.Version {
		again = f.due(m)
	}
	if err == nil {
		err = fmt.Errorf("it was accepted, but this node was not replaced")
	}
	return p.Version, max(again, time.Second), err
}

// due returns how long to wait before the refused version is tried again.
func (f *Follower) due(m profile.Memory) time.Duration {
	if m.Refused == nil {
		return spread(askEvery)
	}
	return min(spread(askEvery), m.Refused.Rest(f.Now()))
}

// spread varies a duration by at most a fifth.
func spread(d time.Duration) time.Duration { return d*4/5 + rand.N(d*2/5) }
