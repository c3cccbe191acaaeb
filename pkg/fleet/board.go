package fleet

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/lead"
	"github.com/mysql-sync/mysql-sync/pkg/profile"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// The states of a site, worst first. "No problems" requires a recent answer.
const (
	Offline      = "offline"
	DatabaseAway = "database away"
	Problems     = "problems"
	Behind       = "behind"    // rows have been waiting for long, at the site or here
	ClockOff     = "clock off" // compared with this node's
	Untold       = "not told"  // it is online but has not answered lately
	Paused       = "paused"    // a person has paused something that it sends, or that this node sends to it
	NoProblems   = "no problems"
)

// standings lists the states above, in the same order.
var standings = []string{Offline, DatabaseAway, Problems, Behind, ClockOff, Untold, Paused, NoProblems}

// Standings returns the states of a site, worst first.
func Standings() []string { return slices.Clone(standings) }

// Thresholds.
const (
	lagMost   = 5 * time.Minute
	clockMost = time.Minute
	told      = 4 * time.Minute // how long an answer counts: three questions may get lost
)

// Fleet is the answer of GET /api/fleet.
type Fleet struct {
	Client string    `json:"client"` // who shows it
	Now    time.Time `json:"now"`
	Sites  []*Site   `json:"sites"` // worst first
}

// Site is a partner, or the node itself, as this node sees it.
type Site struct {
	Name     string     `json:"name"`
	Own      bool       `json:"own,omitempty"` // it is this node
	Standing string     `json:"standing"`      // one of the states above
	Online   bool       `json:"online"`
	Heard    *time.Time `json:"heard,omitempty"` // last sign of life; null: none since this node's start
	Why      string     `json:"why,omitempty"`   // why there is no recent answer
	Here     Here       `json:"here"`
	Refused  int64      `json:"refused"`          // rows, there and here
	Lag      float64    `json:"lag"`              // age of the oldest waiting row in seconds, there or here
	Pauses   []Pause    `json:"pauses,omitempty"` // in force, as far as this node knows
	Told     *Told      `json:"told,omitempty"`
	Led      *Led       `json:"led,omitempty"` // null: this node does not lead it
}

// Pause is a pause that concerns a site.
type Pause struct {
	Here bool `json:"here,omitempty"` // of what this node sends to it; else of what the site sends
	wire.SummaryPause
}

// pauses returns the pauses that concern a site. Those that the site told may have ended since.
func (x *Site) pauses(s *status.State) (list []Pause) {
	if x.Told != nil {
		its := x.Told.Summary.Now.Add(s.Now.Sub(x.Told.At))
		for _, p := range x.Told.Summary.Pauses {
			if p.Until.IsZero() || p.Until.After(its) {
				list = append(list, Pause{SummaryPause: p})
			}
		}
	}
	for _, p := range s.Pauses {
		if !x.Own && (p.Remote == "" || p.Remote == x.Name) {
			list = append(list, Pause{true, pauseOf(p)})
		}
	}
	return list
}

// Led is how a site stands with the profile by which this node leads it.
type Led struct {
	Profile string          `json:"profile"`
	Latest  profile.Version `json:"latest"`
	lead.Report
}

// ledOf returns how a site stands with its profile.
func ledOf(s *status.State, site string) *Led {
	for i := range s.Leads {
		p := &s.Leads[i]
		for _, r := range p.Sites {
			if r.Site == site && (!r.At.IsZero() || len(s.Leads) == 1) {
				return &Led{p.Name, p.Version, r}
			}
		}
	}
	return nil
}

// Here is what this node knows about rows for a site.
type Here struct {
	Pending   status.Count `json:"pending"`   // rows that it still needs
	Refused   int64        `json:"refused"`   // rows that it refused
	NeverSent int          `json:"neverSent"` // tables that it was never sent
}

// Told is a site's latest answer.
type Told struct {
	At      time.Time    `json:"at"`    // by this node's clock
	Took    float64      `json:"took"`  // seconds from the question to the answer
	Clock   float64      `json:"clock"` // seconds by which the site's clock is ahead; below 0: behind
	Summary wire.Summary `json:"summary"`
}

// Board keeps the latest answer of each site. It is safe for concurrent use.
type Board struct {
	mu    sync.Mutex
	sites map[string]*entry // fixed: all sites in the configuration
}

type entry struct {
	told *Told
	why  string
}

// NewBoard returns a Board of the given sites, without answers yet.
func NewBoard(sites []string) *Board {
	b := &Board{sites: make(map[string]*entry, len(sites))}
	for _, name := range sites {
		b.sites[name] = &entry{}
	}
	return b
}

// Hear records a site's answer. Answers of sites that are not on the Board are dropped. Promise 10.
func (b *Board) Hear(site string, asked, answered time.Time, s wire.Summary) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.sites[site]; e != nil {
		took := max(0, answered.Sub(asked))
		e.why, e.told = "", &Told{At: answered, Took: took.Seconds(), Clock: s.Now.Sub(asked.Add(took / 2)).Seconds(), Summary: s}
	}
}

// Fail records why a site did not answer. Its previous answer stays.
func (b *Board) Fail(site, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.sites[site]; e != nil {
		e.why = wire.Plain(why, wire.MostSummaryText)
	}
}

// Look returns all sites, worst first: the node's own, whose state and free disk are given, and those of the Board.
func (b *Board) Look(s *status.State, free int64) *Fleet {
	f := &Fleet{Client: s.Client, Now: s.Now, Sites: make([]*Site, 0, len(b.sites)+1)}
	own := &Site{Name: s.Client, Own: true, Online: true, Heard: &s.Now, Told: &Told{At: s.Now, Summary: Of(s, free)}}
	own.Pauses = own.pauses(s)
	own.judge(s.Now)
	f.Sites = append(f.Sites, own)
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range s.Remotes {
		r := &s.Remotes[i]
		e := b.sites[r.Name]
		if e == nil {
			continue
		}
		x := &Site{Name: r.Name, Online: r.Online, Heard: r.Heard, Why: e.why, Told: e.told, Here: Here{Pending: r.Pending, Refused: r.Errors, NeverSent: r.NeverSent}, Lag: r.Lag, Led: ledOf(s, r.Name)}
		switch {
		case !s.Broker.Online:
			x.Why = "this node does not reach the broker"
		case !r.Online:
			x.Why = ""
		}
		x.Pauses = x.pauses(s)
		x.judge(s.Now)
		f.Sites = append(f.Sites, x)
	}
	slices.SortFunc(f.Sites, worse)
	return f
}

// judge sets a site's state.
func (x *Site) judge(now time.Time) {
	x.Refused = x.Here.Refused
	var heard Told // what counts
	if x.Told != nil {
		x.Refused += x.Told.Summary.Rows.Refused
		x.Lag = max(x.Lag, lag(&x.Told.Summary, x.Told.At, now).Seconds())
		if now.Sub(x.Told.At) < told {
			heard = *x.Told
		}
	}
	s := &heard.Summary
	fresh := !heard.At.IsZero()
	switch {
	case !x.Online:
		x.Standing = Offline
	case fresh && !s.Database.Online:
		x.Standing = DatabaseAway
	case x.Led != nil && (x.Led.Refused != "" || x.Led.Newer), x.Here.Refused+s.Rows.Refused > 0 || len(s.Problems)+s.More > 0:
		x.Standing = Problems
	case x.Lag > lagMost.Seconds():
		x.Standing = Behind
	case off(heard) > clockMost.Seconds():
		x.Standing = ClockOff
	case !fresh:
		x.Standing = Untold
	case len(x.Pauses) > 0:
		x.Standing = Paused
	default:
		x.Standing = NoProblems
	}
}

// off returns by how many seconds a site's clock is off at the least: its answer may have taken a while to arrive.
func off(t Told) float64 { return max(t.Clock, -t.Clock) - t.Took/2 }

// worse orders sites. The node's own comes last among those in the same state: many of its problems are about the others.
func worse(a, b *Site) int {
	return cmp.Or(
		cmp.Compare(slices.Index(standings, a.Standing), slices.Index(standings, b.Standing)),
		cmp.Compare(toInt(a.Own), toInt(b.Own)),
		cmp.Compare(b.Refused, a.Refused),
		cmp.Compare(b.problems(), a.problems()),
		cmp.Compare(b.Lag, a.Lag),
		cmp.Compare(a.Name, b.Name),
	)
}

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (x *Site) problems() int {
	if x.Told == nil {
		return 0
	}
	return len(x.Told.Summary.Problems) + x.Told.Summary.More
}
