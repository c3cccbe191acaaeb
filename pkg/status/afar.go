package status

import (
	"context"
	"errors"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/sites"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Afar is what a site answers when another node has it do something; see wire.Act. It is the answer of POST /api/at/{site}.
type Afar struct {
	Now      time.Time    `json:"now"`                // by its clock
	Rows     int64        `json:"rows,omitempty"`     // retry: that are sent again
	Errors   []RowError   `json:"errors,omitempty"`   // look: refused rows, the latest first
	Remotes  []AfarRemote `json:"remotes,omitempty"`  // look: those of the site; resync: those that the table is sent to
	Tables   []string     `json:"tables,omitempty"`   // look: those that it sends, as far as the asker may read them
	Pauses   []Pause      `json:"pauses,omitempty"`   // look, pause and resume: in force afterwards
	Ended    []Pause      `json:"ended,omitempty"`    // resume
	Compared []Comparison `json:"compared,omitempty"` // verify
	More     bool         `json:"more,omitempty"`     // there is more than fits
}

// AfarRemote is a remote of a site.
type AfarRemote struct {
	Name    string `json:"name"`
	Online  bool   `json:"online"`
	Pending Count  `json:"pending"`
	Errors  int64  `json:"errors"` // refused rows
}

// At has a site do something.
func (r *Running) At(ctx context.Context, site string, a wire.Act) (*Afar, error) {
	o, err := r.opened(ctx)
	if err != nil {
		return nil, err
	}
	return o.Act(ctx, site, a)
}

// Admit is a person's word about a site that asks to join.
type Admit struct {
	sites.Waiting
	Accept bool `json:"accept"` // false: dismiss it
}

// Admit lets in a site that asks, or dismisses it.
func (r *Running) Admit(ctx context.Context, a Admit) error {
	defer r.Renew()
	return r.do(ctx, func(ctx context.Context, o *opened) error {
		err := sites.Settle(ctx, o.Work.DB, a.Waiting, a.Accept)
		switch {
		case errors.Is(err, sites.ErrNoSite):
			err = Kind(ErrNotFound, err)
		case errors.Is(err, sites.ErrNotAsking), errors.Is(err, sites.ErrWords):
			err = Kind(ErrChanged, err)
		}
		return err
	})
}
