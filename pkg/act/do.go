package act

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Bounds of a result.
const (
	mostErrors  = 1000
	mostMessage = 1000 // characters
	mostDiffer  = 20   // rows of a comparison
)

// readable returns the tables that a client may see rows of, and whether these are all.
func (d *Desk) readable(client string) (tables []string, all bool) {
	given := d.Node.Tables()
	tables = slices.DeleteFunc(slices.Clone(given), func(t string) bool { return !Readable(d.Node, client, t) })
	return tables, len(tables) == len(given)
}

// each calls f for the rows that a client names, as far as it may see them: table by table, if not all.
func (d *Desk) each(client string, of status.Rows, f func(status.Rows) error) error {
	tables, all := d.readable(client)
	if of.Table != "" || all {
		return f(of)
	}
	for _, of.Table = range tables {
		if err := f(of); err != nil {
			return err
		}
	}
	return nil
}

// look lists refused rows, remotes and pauses.
func (d *Desk) look(ctx context.Context, client string, a *wire.Act) (*status.Afar, error) {
	s, err := d.Does.State(ctx)
	if err != nil {
		return nil, err
	}
	x := &status.Afar{Pauses: d.pauses(client, s.Pauses)}
	for i := range s.Remotes {
		r := &s.Remotes[i]
		if slices.Contains(d.Node.RemoteClients, r.Name) {
			x.Remotes = append(x.Remotes, status.AfarRemote{Name: r.Name, Online: r.Online, Pending: r.Pending, Errors: r.Errors})
		}
	}
	tables, _ := d.readable(client)
	x.Tables = slices.DeleteFunc(tables, func(t string) bool { return !d.Node.Syncs(t) })
	err = d.each(client, status.Rows{Remote: a.Remote, Table: a.Table, ID: a.Row}, func(of status.Rows) error {
		list, err := d.Does.Errors(ctx, of, mostErrors)
		x.Errors = append(x.Errors, list...)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(x.Errors, func(a, b status.RowError) int { return b.At.Compare(a.At) })
	x.Errors = x.Errors[min(a.Skip, len(x.Errors)):min(len(x.Errors), mostErrors)]
	for i := range x.Errors {
		x.Errors[i].Message = wire.Shorten(x.Errors[i].Message, mostMessage)
	}
	return x, nil
}

// pauses are those that a client may know.
func (d *Desk) pauses(client string, all []status.Pause) []status.Pause {
	list := []status.Pause{}
	for _, p := range all {
		if p.Table != "" && !Readable(d.Node, client, p.Table) {
			continue
		}
		p.Along = slices.DeleteFunc(slices.Clone(p.Along), func(t string) bool { return !Readable(d.Node, client, t) })
		list = append(list, p)
	}
	return list
}

func (d *Desk) retry(ctx context.Context, client string, a *wire.Act) (*status.Afar, error) {
	x := &status.Afar{}
	err := d.each(client, status.Rows{Remote: a.Remote, Table: a.Table, ID: a.Row}, func(of status.Rows) error {
		n, err := d.Does.Retry(ctx, of)
		x.Rows += n
		return err
	})
	return x, err
}

// who asks for something, as people here see it.
func who(client string, a *wire.Act) string {
	if a.By == "" {
		return client
	}
	return fmt.Sprintf("%s (%s)", client, a.By)
}

func (d *Desk) pause(ctx context.Context, client string, a *wire.Act) (*status.Afar, error) {
	if err := d.Does.Pause(ctx, status.PauseAsk{Remote: a.Remote, Table: a.Table, Seconds: a.Seconds, Reason: a.Reason, By: who(client, a)}); err != nil {
		return nil, err
	}
	s, err := d.Does.State(ctx)
	if err != nil {
		return nil, err
	}
	return &status.Afar{Pauses: d.pauses(client, s.Pauses)}, nil
}

func (d *Desk) resume(ctx context.Context, client string, a *wire.Act) (*status.Afar, error) {
	ended, err := d.Does.Resume(ctx, status.ResumeAsk{Remote: a.Remote, Table: a.Table, Exactly: a.Exactly})
	if err != nil {
		return nil, err
	}
	s, err := d.Does.State(ctx)
	if err != nil {
		return nil, err
	}
	return &status.Afar{Ended: d.pauses(client, ended), Pauses: d.pauses(client, s.Pauses)}, nil
}

func (d *Desk) resync(ctx context.Context, a *wire.Act) (*status.Afar, error) {
	if !d.Node.Syncs(a.Table) {
		return nil, fmt.Errorf("table %.64q is not in syncTables there", a.Table)
	}
	if err := d.Does.Resync(ctx, status.Resync{Table: a.Table, Remote: a.Remote, Mode: a.Mode}); err != nil {
		return nil, err
	}
	x := &status.Afar{}
	for _, name := range d.Node.RemoteClients {
		if a.Remote == "" || a.Remote == name {
			x.Remotes = append(x.Remotes, status.AfarRemote{Name: name})
		}
	}
	return x, nil
}

var errNothing = errors.New("there is no table that can be compared")

func (d *Desk) verify(ctx context.Context, client string, a *wire.Act) (*status.Afar, error) {
	v := status.Verify{Tables: a.Tables, Repair: a.Repair}
	if a.Remote != "" {
		v.Remotes = []string{a.Remote}
	}
	if len(v.Tables) == 0 {
		v.Tables = slices.DeleteFunc(d.Node.Tables(), func(t string) bool { return !mayCompare(d.Node, client, t) })
		if len(v.Tables) == 0 {
			return nil, errNothing
		}
	}
	x := &status.Afar{Compared: []status.Comparison{}}
	err := d.Does.Verify(ctx, v, func(c status.Comparison) error {
		if c.Differ = c.Differ[:min(len(c.Differ), mostDiffer)]; !Readable(d.Node, client, c.Table) {
			c.Differ = nil
		}
		c.Error = wire.Plain(c.Error, mostMessage)
		x.Compared = append(x.Compared, c)
		return nil
	})
	return x, err
}

// fit encodes a result, without what is too much for a message: at least one refused row stays. Promise 10.
func fit(x *status.Afar) ([]byte, error) {
	for {
		text, err := json.Marshal(x)
		switch {
		case err != nil || len(text) <= wire.MostActed:
			return text, err
		case len(x.Errors) > 1:
			x.Errors, x.More = x.Errors[:len(x.Errors)/2], true
		case slices.ContainsFunc(x.Compared, func(c status.Comparison) bool { return len(c.Differ) > 0 }):
			for i := range x.Compared {
				x.Compared[i].Differ = nil
			}
			x.More = true
		case len(x.Compared) > 1:
			x.Compared, x.More = x.Compared[:len(x.Compared)/2], true
		case len(x.Remotes)+len(x.Tables)+len(x.Pauses)+len(x.Ended) > 0:
			x.Remotes, x.Tables, x.Pauses, x.Ended, x.More = x.Remotes[:len(x.Remotes)/2], x.Tables[:len(x.Tables)/2], x.Pauses[:len(x.Pauses)/2], x.Ended[:len(x.Ended)/2], true
		default:
			return nil, errLarge
		}
	}
}

var errLarge = errors.New("the result is too large for a message: see it there")
