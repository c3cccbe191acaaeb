package daemon

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
)

// flight is what was sent and not answered.
type flight struct {
	sent     []outbox.Sent
	bytes    int      // of a batch, packed
	stretch  *stretch // of the stream, from which all of it was read; nil: marked rows
	date     int64    // version 1
	deadline time.Time
	refused  bool // version 1: an error came; an existing peer may send data_received after it
}

// single names a change of version 1 as its answer does.
type single struct{ table, id string }

// drop forgets what is on its way; it is still due and will be read anew.
func (s *sender) drop() {
	clear(s.inFlight)
	clear(s.batches)
	clear(s.singles)
	s.refused = 0
	s.flying.Store(0)
	s.road.back()
	s.marks.found()
	s.tables = tables{apart: s.tables.apart, told: s.tables.told}
}

// expire gives up what was not answered in time. It is marked, to be sent again:
// a remote that never answers for some rows does not hold up the others.
func (s *sender) expire(ctx context.Context) error {
	now := s.n.now()
	var gone []*flight
	for _, seq := range slices.Sorted(maps.Keys(s.batches)) { // they are sent again in the order in which they were
		if f := s.batches[seq]; now.After(f.deadline) {
			gone = append(gone, f)
			delete(s.batches, seq)
			s.land(f)
		}
	}
	batches := len(gone)
	for k, f := range s.singles {
		if f.refused && (now.After(f.deadline) || s.refused > 2*singleWindow) {
			s.landSingle(k, f)
		} else if now.After(f.deadline) {
			gone = append(gone, f)
			s.landSingle(k, f)
		}
	}
	slices.SortStableFunc(gone[batches:], func(a, b *flight) int { return cmp.Compare(a.sent[0].Position, b.sent[0].Position) })
	if len(gone) == 0 {
		return nil
	}
	s.n.Traffic.Unanswered(s.remote, len(gone))
	s.log.Warn("no answer came; sending again", zap.Int("messages", len(gone)), zap.Duration("after", s.patience))
	s.patience = min(2*s.patience, longestAnswer)
	s.silent += batches
	if s.silent >= doubtAfter && s.n.mesh.Doubt(s.remote) {
		s.log.Warn("the remote does not answer batches; speaking version 1 to it until it announces itself")
		s.silent, s.patience = 0, answerTime
	} else if s.silent >= doubtAfter && s.n.mesh.IsNode(s.remote) && s.mute.CompareAndSwap(0, now.UnixMicro()) {
		s.log.Warn("the remote answers no batch, though it was met as a node; version 1 is not spoken to it unless version1Clients has it")
	}
	for _, f := range gone {
		if err := s.later(ctx, f.sent, f.stretch); err != nil {
			return err
		}
	}
	return nil
}

// later marks rows that are to be sent once more, so that their stretch is free of
// them.
func (s *sender) later(ctx context.Context, sent []outbox.Sent, from *stretch) error {
	if from != nil {
		if err := s.n.outbox.Later(ctx, s.remote, sent); err != nil {
			return err
		}
		from.close(len(sent))
	}
	s.marks.found()
	return nil
}

// land takes a flight's rows out of the air.
func (s *sender) land(f *flight) {
	s.flying.Add(-int64(len(f.sent)))
	for _, x := range f.sent {
		if n := s.inFlight[x.Identity()]; n > 1 {
			s.inFlight[x.Identity()] = n - 1
		} else {
			delete(s.inFlight, x.Identity())
		}
	}
}

func (s *sender) landSingle(k single, f *flight) {
	delete(s.singles, k)
	if f.refused {
		s.refused-- // its rows landed when it was refused
		return
	}
	s.land(f)
}

// room returns how many rows may be sent now. It waits for some room before it
// offers any: rows are read in batches.
func (s *sender) room() int {
	if s.n.mesh.SpeaksBatches(s.remote) {
		bytes := 0
		for _, f := range s.batches {
			bytes += f.bytes
		}
		if len(s.batches) < batchWindow && bytes < batchBytes {
			return batchRows
		}
		return 0
	}
	if free := singleWindow - len(s.singles) + s.refused; free >= singleWindow/4 {
		return min(free, batchRows)
	}
	return 0
}
