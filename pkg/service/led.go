package service

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/profile"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// errOvertaken answers a reload that another one took the place of.
var errOvertaken = errors.New("another reload was requested before the node worked")

// notReloaded says why a node was not replaced.
type notReloaded struct{ err error }

func (e notReloaded) Error() string {
	return "not reloaded, the node carries on as before: " + e.err.Error()
}
func (e notReloaded) Unwrap() error { return e.err }

// Try replaces the node by one with a document from its hub; see node.Host. It is recorded before anything else, so that
// a document that ends the process is not tried again at once; and as accepted only once the node works. Promise 9.
func (a *attempt) Try(ctx context.Context, signed []byte) error {
	done := make(chan error, 1)
	go func() { done <- a.service.try(context.WithoutCancel(ctx), a, signed) }() // the node that asks is stopped meanwhile
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Service) try(ctx context.Context, a *attempt, signed []byte) error {
	from := &a.cfg.From
	p, err := from.Open(signed)
	if err != nil {
		return err
	}
	err = s.reload(ctx, func() (*attempt, error) {
		if s.replaced(a) {
			return nil, status.Kind(status.ErrUnavailable, errReplaced)
		}
		s.led.Lock()
		err := from.File.Tries(p.Version, profile.DigestOf(signed), time.Now())
		s.led.Unlock()
		if err != nil {
			return nil, err
		}
		return s.read(signed)
	})
	if err == nil || errors.Is(err, status.ErrUnavailable) || errors.Is(err, errOvertaken) {
		return err // it works, or still may
	}
	if why, ok := errors.AsType[notReloaded](err); ok {
		err = why.err
	}
	s.led.Lock()
	defer s.led.Unlock()
	if write := from.File.Refuse(p.Version, err.Error()); write != nil {
		s.log.Error("could not write down that a configuration was refused", zap.Error(write))
	}
	return err
}

// acceptAgain is how long after it could not be written that a document is in use this is written again.
const acceptAgain = 30 * time.Second

// accept records that a document from the hub is in use, once the node works with it. If that fails, such as because the
// disk is full, it returns when to call it again; otherwise nil.
func (s *Service) accept(a *attempt) (again <-chan time.Time) {
	if a.signed == nil {
		return nil
	}
	s.led.Lock()
	err := a.cfg.From.File.Accept(a.cfg.From.Version, a.signed)
	s.led.Unlock()
	if err != nil {
		if !a.unwritten {
			s.log.Error("could not write down the hub's configuration; it is in use, and written as soon as possible", zap.Error(err))
		}
		a.unwritten = true
		return time.After(acceptAgain)
	}
	s.log.Info("the hub's configuration is in use", zap.String("hub", a.cfg.From.Client), zap.Stringer("version", a.cfg.From.Version))
	return nil
}

// again has a version that was refused tried at once: a person may have removed the reason.
func (s *Service) again(cfg *config.Config) error {
	if cfg.From.Client == "" {
		return nil
	}
	s.led.Lock()
	defer s.led.Unlock()
	return cfg.From.File.Again()
}
