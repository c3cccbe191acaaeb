package sites

import (
	"crypto/sha256"
	"crypto/subtle"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/join"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
)

// Invitation is an invitation that was made.
type Invitation struct {
	ID         string
	Site       string // the name, or a pattern
	SecretHash config.Hash
	LoginHash  config.Hash // zero: none
	HubKey     []byte      // private; nil a day after it is over
	Asks       bool        // a person must let each site in
	Uses, Used int
	Made       time.Time
	Until      time.Time
	Withdrawn  bool
}

// The states of a site.
const (
	Asking    = "asking" // waits for a person
	In        = "in"
	Dismissed = "dismissed"
)

// Site is a site that has asked to join.
type Site struct {
	Client     string
	State      string
	Invitation string         // with which it came
	Key        join.PublicKey // its own; zero once it is dismissed
	Words      string         // for a person to compare
	Asked      time.Time
	Joined     time.Time // zero: not yet
	Dismissed  time.Time // zero: it is not
}

// Verdict is what to do about a request.
type Verdict struct {
	Refused join.Refusal // "": it is not
	New     bool         // record the site in State, and count a use of the invitation
	State   string       // Asking or In
}

// secretHash returns what is stored of a token's secret.
func secretHash(s seal.Secret) config.Hash { return sha256.Sum256(s[:]) }

// Decide says what to do about a request with an invitation from a site with this key; i is nil if the invitation is
// unknown, and s if no site has this name. The request gets its name only if the invitation and cfg allow it. Promise
// 8.
func Decide(cfg *config.Config, r join.Request, key join.PublicKey, i *Invitation, s *Site, now time.Time) Verdict {
	refused := func(why join.Refusal) Verdict { return Verdict{Refused: why} }
	if i == nil {
		return refused(join.Unknown)
	}
	if hash := secretHash(r.Secret); subtle.ConstantTimeCompare(hash[:], i.SecretHash[:]) != 1 {
		return refused(join.Unknown)
	}
	again := s != nil && s.State != Dismissed && s.Key == key && s.Invitation == i.ID // as after a kill: the answer is the same
	if again && s.State == In {
		return Verdict{State: In}
	}
	if i.Withdrawn {
		return refused(join.Withdrawn)
	}
	if again {
		return Verdict{State: Asking}
	}
	if s != nil && s.State == Dismissed && s.Invitation == i.ID {
		return refused(join.Dismissed)
	}
	switch {
	case now.After(i.Until):
		return refused(join.Expired)
	case i.Used >= i.Uses:
		return refused(join.UsedUp)
	case !config.Matches(i.Site, r.Site):
		return refused(join.Name)
	case cfg.Names(r.Site):
		return refused(join.Taken)
	case !cfg.MayJoin(r.Site):
		return refused(join.Pattern)
	case s != nil && s.State != Dismissed:
		return refused(join.Taken)
	case s != nil && (i.Site != s.Client || i.Made.Before(s.Dismissed)):
		return refused(join.Dismissed)
	case i.Asks:
		return Verdict{New: true, State: Asking}
	}
	return Verdict{New: true, State: In}
}
