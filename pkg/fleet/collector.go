package fleet

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// When sites are asked.
const (
	every      = time.Minute     // give or take a fifth, to spread the answers
	afterError = 5 * time.Minute // likewise: most errors persist
	atOnce     = 16
	glance     = time.Second // between two looks at who is online
)

// whyVersion1 is why a site is not asked.
const whyVersion1 = "it has not announced itself as a node of mysql-sync: an existing peer of version 1 tells nothing"

// Presence knows who is online; see mesh.Mesh.
type Presence interface {
	Online(client string) bool
	SpeaksBatches(client string) bool
}

// Config configures a Collector.
type Config struct {
	Sites    []string // to ask; empty: none
	Presence Presence
	Now      func() time.Time
}

// Ask asks a site for its summary, which has been validated. An error is a reason to show to people.
type Ask func(ctx context.Context, site string) (*wire.Summary, error)

// Collector asks the sites, and keeps their answers on its Board.
type Collector struct {
	*Board
	c Config
}

// New returns a Collector.
func New(c Config) *Collector { return &Collector{NewBoard(c.Sites), c} }

// asked is when to ask a site. All but done belongs to Run's goroutine.
type asked struct {
	site string
	due  time.Time // zero: as soon as it is online
	busy bool      // a question is on its way
	done chan bool // whether it was answered
}

// Run asks until ctx ends.
func (c *Collector) Run(ctx context.Context, ask Ask) error {
	list := make([]*asked, len(c.c.Sites))
	for i, name := range c.c.Sites {
		list[i] = &asked{site: name, done: make(chan bool, 1)}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce + 1)
	g.Go(func() error {
		tick := time.NewTicker(glance)
		defer tick.Stop()
		for len(list) > 0 {
			for _, a := range c.due(list) {
				a.busy = g.TryGo(func() error {
					a.done <- c.askOne(ctx, a.site, ask)
					return nil
				})
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return nil
			}
		}
		<-ctx.Done()
		return nil
	})
	return g.Wait()
}

// due returns the sites to ask now, the most overdue first. An offline site is asked as soon as it comes online.
func (c *Collector) due(list []*asked) (now []*asked) {
	at := c.c.Now()
	for _, a := range list {
		if a.busy {
			select {
			case answered := <-a.done:
				a.busy, a.due = false, at.Add(spread(every))
				if !answered {
					a.due = at.Add(spread(afterError))
				}
			default:
				continue
			}
		}
		switch p := c.c.Presence; {
		case !p.Online(a.site):
			a.due = time.Time{}
		case !p.SpeaksBatches(a.site):
			c.Fail(a.site, whyVersion1)
		case !at.Before(a.due):
			now = append(now, a)
		}
	}
	slices.SortFunc(now, func(x, y *asked) int { return cmp.Or(x.due.Compare(y.due), cmp.Compare(x.site, y.site)) })
	return now
}

// askOne asks a site, and reports whether it answered.
func (c *Collector) askOne(ctx context.Context, site string, ask Ask) bool {
	begun := c.c.Now()
	s, err := ask(ctx, site)
	switch {
	case err == nil:
		c.Hear(site, begun, c.c.Now(), *s)
	case ctx.Err() == nil:
		c.Fail(site, err.Error())
	}
	return err == nil
}

// spread varies a duration by at most a fifth.
func spread(d time.Duration) time.Duration { return d*4/5 + rand.N(d*2/5) }
