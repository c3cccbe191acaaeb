package doubt

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// Settle ends the doubts that a comparison of a table has resolved.
func (d *Doubts) Settle(ctx context.Context, s Store, table string) error {
	for x, at := range d.all() {
		if x.Table != table || !d.cfg.equalSince(table, at) {
			continue
		}
		if err := d.end(ctx, s, x, at); err != nil {
			return err
		}
		d.cfg.Changed()
		d.cfg.Log.Info("a table is equal to those of the remotes again", zap.String("table", table))
	}
	if d.SetBack() == nil || !d.cfg.equalEverywhere() {
		return nil
	}
	if err := s.ForgetSetBack(ctx); err != nil {
		return err
	}
	d.mu.Lock()
	d.setBack = time.Time{}
	d.mu.Unlock()
	d.cfg.Changed()
	d.cfg.Log.Info("all tables were compared and are equal: nothing is missing after the restore")
	return nil
}

// equalSince reports whether a table has been found equal, after a time, at every remote with which it can be compared.
func (c *Config) equalSince(table string, at time.Time) bool {
	compared := false
	for _, remote := range c.Remotes {
		x, was := c.Compared(remote, table)
		switch {
		case was && x.At.After(at) && x.Error == "" && x.Equal:
			compared = true
		case c.Comparable(remote, table) || was && x.Differs > 0:
			return false
		}
	}
	return compared
}

// equalEverywhere reports whether this run has compared everything that can be compared,
// and nothing differs. Rows that a transformer changes cannot be compared.
func (c *Config) equalEverywhere() bool {
	compared := false
	for _, table := range c.Tables {
		for _, remote := range c.Remotes {
			x, was := c.Compared(remote, table)
			compared = compared || was
			if was && x.Differs > 0 || !was && c.Comparable(remote, table) {
				return false
			}
		}
	}
	return compared
}
