package contract_test

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/destination/contract"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// memory is a destination that keeps the contract, except where it is told to break it.
type memory struct {
	breaks string

	mu   sync.Mutex
	rows map[string]string
	n    int
	dry  func(remote.Sent)
}

func (*memory) Limits() job.Limits { return job.Limits{Rows: 10, Bytes: 1 << 20} }

func (m *memory) Send(ctx context.Context, b *job.Batch) ([]job.Answer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dry != nil {
		for _, o := range b.Operations {
			m.dry(remote.Sent{Body: o.Data})
		}
		if m.breaks != "dry run" {
			return nil, remote.ErrDry
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	answers := make([]job.Answer, len(b.Operations))
	for i, o := range b.Operations {
		key := o.Key
		if m.breaks == "adds" {
			m.n++
			key = strconv.Itoa(m.n)
		}
		switch {
		case strings.Contains(string(o.Data), "BAD"):
			answers[i].Refused = "v is no number"
			if m.breaks == "refuses" {
				return nil, &remote.Error{Operation: "send", Next: remote.Next{Do: remote.Stop}}
			}
		case o.Kind == job.Delete:
			if m.breaks != "deletes" {
				delete(m.rows, key)
			}
		default:
			m.rows[key] = string(o.Data)
		}
	}
	return answers, nil
}

// world is memory's world.
func world(breaks string) func(testkit.TB) *contract.World {
	return func(testkit.TB) *contract.World {
		m := &memory{breaks: breaks, rows: map[string]string{}}
		return &contract.World{
			Open: func(_ testkit.TB, r remote.Config) job.Destination { m.dry = r.Dry; return m },
			Has:  func(testkit.TB) []string { return slices.Collect(maps.Values(m.rows)) },
		}
	}
}

func TestADestinationThatKeepsTheContractPasses(t *testing.T) {
	t.Parallel()
	contract.Run(t, world(""))
}

func TestADestinationThatBreaksTheContractFails(t *testing.T) {
	t.Parallel()
	for breaks, points := range map[string][]string{
		"dry run": {"dry run"},
		"deletes": {"order", "resume after kill -9 before a batch is sent", "resume after kill -9 before its answers are booked"},
		"refuses": {"refusal of one row in a batch"},
		"adds": {
			"order", "resume after kill -9 before a batch is sent", "resume after kill -9 before its answers are booked", "doubt about what has arrived",
		},
	} {
		for _, p := range contract.Points {
			if !slices.Contains(points, p.Name) {
				continue
			}
			w := world(breaks)
			if testkit.Run(t.Logf, func(tb testkit.TB) { p.Check(tb, w(tb)) }) == nil {
				t.Errorf("%s: %q does not notice", breaks, p.Name)
			}
		}
	}
}
