package backup

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/minio/minio-go/v7"
	"go.uber.org/zap"
)

// ErrLeaseLost means that the lease could not be renewed in time, or that another machine has it now.
var ErrLeaseLost = errors.New("the lease is lost: another machine may be working by now")

// lease is the content of the lease object.
type lease struct {
	Holder string        `json:"holder"` // random, for each process; "": no one has it
	Host   string        `json:"host"`   // for people
	Number int64         `json:"number"` // grows with each write, so that no two have the same ETag
	For    time.Duration `json:"for"`    // how long it is valid after it was written, in nanoseconds
	Life   string        `json:"life"`   // of the state that was used last
}

// seen is the lease as last seen: a machine's own clock measures how long it has been unchanged, so differing clocks do
// not matter.
type seen struct {
	etag  string
	lease lease
	since time.Time
}

// free reports whether the lease may be taken: it was released, or its holder has been silent for as long as it is
// valid.
func (s seen) free(now time.Time) bool {
	return s.lease.Holder == "" || now.Sub(s.since) >= s.lease.For
}

// The holder renews the lease each quarter of its time. If that fails, it retries until two thirds have passed, and has the
// last third to stop working.
const (
	renewals = 4
	giveUp   = 2.0 / 3
)

// holder acquires and renews the lease for this process.
type holder struct {
	*Backups
	log     *zap.Logger
	name    string
	host    string
	works   bool      // the state is in use, and the lease names it
	mine    seen      // as it was written last
	renewed time.Time // when the write of mine began
	tried   time.Time // when the first write with an unknown outcome began; zero: none
}

// Hold waits for the lease, calls ready and then work, and releases the lease. Their context ends when the lease is
// lost; the error is then ErrLeaseLost. ready learns whether this machine's state is stale: another one has worked
// since it did. Without a lease both are called at once.
func (b *Backups) Hold(ctx context.Context, log *zap.Logger, ready func(ctx context.Context, stale bool) error, work func(ctx context.Context) error) error {
	if b.lease == 0 {
		if err := ready(ctx, false); err != nil {
			return err
		}
		return work(ctx)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "a machine without a name"
	}
	h := &holder{Backups: b, log: log, name: rand.Text(), host: host}
	before, err := h.acquire(ctx)
	if err != nil {
		return err
	}
	life, parent := b.lineage()
	stale := before.Life != "" && life != "" && before.Life != life && before.Life != parent
	err = h.during(ctx, func(ctx context.Context) error { return ready(ctx, stale) })
	if err == nil {
		h.works = true
		// The lease names the state before the state is used: otherwise, if this machine were killed now, the previous
		// one would believe that no one has worked since.
		if err = h.extend(ctx); err == nil {
			err = h.during(ctx, work)
		}
	}
	if !errors.Is(err, ErrLeaseLost) {
		h.release(context.WithoutCancel(ctx))
	}
	return err
}

// during renews the lease while f runs.
func (h *holder) during(ctx context.Context, f func(ctx context.Context) error) error {
	ctx, end := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for h.sleep(ctx, time.Until(h.renewed.Add(h.lease/renewals))) {
			if err := h.extend(ctx); err != nil {
				end(err)
			}
		}
	}()
	err := f(ctx)
	end(nil)
	<-done
	if cause := context.Cause(ctx); errors.Is(cause, ErrLeaseLost) {
		return errors.Join(cause, err)
	}
	return err
}

// sleep sleeps for d, and returns false if ctx ends first.
func (*holder) sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// acquire waits until this process has the lease, and returns the lease before that.
func (h *holder) acquire(ctx context.Context) (before lease, err error) {
	var last seen
	told := ""
	for {
		now, err := h.read(ctx)
		switch {
		case errors.Is(err, errMissing):
			err = h.write(ctx, seen{})
		case err == nil && now.lease.Holder == h.name: // the answer to its write was lost
			h.landed(now)
			return before, nil
		case err == nil:
			h.tried = time.Time{} // none of its writes succeeded
			if before = now.lease; now.etag != last.etag {
				last = now
			}
			if last.free(time.Now()) {
				err = h.write(ctx, last)
			} else {
				err = errChanged
				if told != last.lease.Holder {
					h.log.Warn("waiting for the lease", zap.String("held by", last.lease.Host))
					told = last.lease.Holder
				}
			}
		}
		switch {
		case err == nil:
			// If a service's conditions are not quite atomic, two may write: the lease that is read back counts.
			if now, err := h.read(ctx); err == nil && now.lease.Holder == h.name {
				h.log.Info("lease taken", zap.Duration("for", h.lease))
				return before, nil
			}
		case !errors.Is(err, errChanged) && ctx.Err() == nil:
			h.log.Warn("lease not read", zap.Error(err))
		}
		if !h.sleep(ctx, h.lease/renewals) {
			return before, ctx.Err()
		}
	}
}

// extend rewrites the lease. It retries until it succeeds, or until it is no longer certain to hold the lease
// (ErrLeaseLost). The end of ctx is no error.
func (h *holder) extend(ctx context.Context) error {
	last := h.renewed.Add(time.Duration(float64(h.lease) * giveUp))
	for {
		limited, cancel := context.WithDeadline(ctx, last)
		err := h.write(limited, h.mine)
		if errors.Is(err, errChanged) {
			var now seen
			if now, err = h.read(limited); err == nil && now.lease.Holder == h.name {
				h.landed(now) // its answer was lost
			} else if err == nil {
				err = errChanged
			}
		}
		cancel()
		switch {
		case err == nil || ctx.Err() != nil:
			return nil
		case errors.Is(err, errChanged) || !time.Now().Before(last):
			h.log.Error("lease lost; the jobs end", zap.Error(err))
			return ErrLeaseLost
		}
		h.log.Warn("lease not renewed", zap.Error(err))
		h.sleep(ctx, h.lease/(8*renewals))
	}
}

// release releases the lease, so that the next holder does not have to wait.
func (h *holder) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, h.lease/renewals)
	defer cancel()
	name := h.name
	h.name = ""
	if err := h.write(ctx, h.mine); err != nil {
		h.log.Warn("lease not given back", zap.Error(err))
	}
	h.name = name
}

// write replaces the lease last seen, or creates it if there was none. If another machine was faster, the error is
// errChanged.
func (h *holder) write(ctx context.Context, over seen) error {
	began := time.Now()
	if h.tried.IsZero() {
		h.tried = began
	}
	l := lease{Holder: h.name, Host: h.host, Number: over.lease.Number + 1, For: h.lease, Life: over.lease.Life}
	if life, _ := h.lineage(); h.works && life != "" {
		l.Life = life
	}
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	o := minio.PutObjectOptions{ContentType: "application/json", DisableMultipart: true}
	if over.etag == "" {
		o.SetMatchETagExcept("*")
	} else {
		o.SetMatchETag(over.etag)
	}
	info, err := h.bucket.put(ctx, leaseKey(h.key), bytes.NewReader(text), int64(len(text)), o)
	if err != nil {
		return fmt.Errorf("write the lease %s: %w", leaseKey(h.key), err)
	}
	h.mine, h.renewed, h.tried = seen{etag: info.ETag, lease: l}, began, time.Time{}
	return nil
}

// landed records that a write with an unknown outcome succeeded: it must assume the first one.
func (h *holder) landed(now seen) {
	h.mine, h.renewed, h.tried = now, h.tried, time.Time{}
}

// longestLease is how many bytes of a lease are read, whatever its size.
const longestLease = 4 << 10

// read reads the lease.
func (h *holder) read(ctx context.Context) (seen, error) {
	s := seen{since: time.Now()}
	info, err := h.bucket.head(ctx, leaseKey(h.key))
	if err != nil {
		return s, fmt.Errorf("read the lease %s: %w", leaseKey(h.key), err)
	}
	info.Key, s.etag = leaseKey(h.key), info.ETag
	r, err := h.bucket.get(ctx, info)
	if err != nil {
		return s, err
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, longestLease))
	if err != nil {
		return s, fmt.Errorf("read the lease %s: %w", leaseKey(h.key), h.bucket.told(err))
	}
	if err := json.Unmarshal(text, &s.lease); err != nil || s.lease.For <= 0 {
		return s, fmt.Errorf("%s is not a lease: remove it", leaseKey(h.key))
	}
	return s, nil
}
