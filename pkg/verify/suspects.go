package verify

import (
	"context"
	"errors"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Limits on the rows that are missing here, and on the bytes of their keys, that a comparison accepts from a remote.
// Promise 10.
const (
	surplusRows  = 100_000
	surplusBytes = 16 << 20
	mostKey      = 16 << 10 // far more than an index holds
)

var (
	errSurplus = errors.New("the remote has more than 100000 rows that are missing here; run resync there to send them")
	errOrder   = errors.New("the remote sent checksums twice, or for invalid keys")
)

// surplus counts the rows of a comparison that only the remote has.
type surplus struct{ rows, bytes int }

func (s *surplus) add(key []byte) error {
	s.rows, s.bytes = s.rows+1, s.bytes+len(key)
	if s.rows > surplusRows || s.bytes > surplusBytes {
		return errSurplus
	}
	return nil
}

// suspects compares the checksums of all chunks, and returns the keys of the differing rows in those that differ, and
// how many rows were seen to be the same.
func (vf *Verifier) suspects(ctx context.Context, remote string, t *schema.Table) (keys [][]byte, alike int64, err error) {
	r, err := vf.partOf(ctx, remote, t)
	if err != nil {
		return nil, 0, err
	}
	var more surplus
	for {
		end, further, err := snapshot.NextKey(ctx, vf.DB, t, r, wire.VerifyRows)
		if err != nil {
			return nil, 0, err
		}
		r.UpTo = nil
		if further {
			r.UpTo = end
		}
		count, sum, err := snapshot.Sum(ctx, vf.DB, t, t.Names(), r, wire.FormLarge)
		if err != nil {
			return nil, 0, err
		}
		q := wire.Question{Ask: wire.AskSum, Table: t.Name, Columns: t.Names(), After: r.After, UpTo: r.UpTo, Form: wire.FormLarge}
		if vf.sends(remote, t.Name) && !vf.Rows.Transforms(t.Name) {
			q.Count, q.Sum = count, sum
		}
		a, err := vf.ask(ctx, remote, q)
		if err == nil && a.Form < wire.FormLarge {
			count, sum, err = snapshot.Sum(ctx, vf.DB, t, t.Names(), r, a.Form)
		}
		if err != nil {
			return nil, 0, err
		}
		if sum == "" || a.Count != count || a.Sum != sum || vf.transformsFor(remote, t.Name) {
			found, same, err := vf.drill(ctx, remote, t, r, &more)
			if err != nil {
				return nil, 0, err
			}
			keys, count = append(keys, found...), same
		}
		alike += count
		if !further {
			return keys, alike, nil
		}
		r.After = end
	}
}

// drill returns the keys of a range whose rows differ, have no checksum, or are changed on their way by a transformer,
// and how many others there are.
func (vf *Verifier) drill(ctx context.Context, remote string, t *schema.Table, r snapshot.Range, more *surplus) (keys [][]byte, rest int64, err error) {
	var ours map[string]string
	var same [][]byte
	given := map[string]bool{} // by the remote
	for part := r; ; {
		a, err := vf.ask(ctx, remote, wire.Question{Ask: wire.AskHashes, Table: t.Name, Columns: t.Names(), After: part.After, UpTo: part.UpTo, Form: wire.FormLarge})
		if err != nil {
			return nil, 0, err
		}
		if ours == nil {
			if ours, err = vf.ourHashes(ctx, t, r, a.Form); err != nil {
				return nil, 0, err
			}
		}
		for _, h := range a.Hashes {
			key := string(h.Key)
			if _, err := t.KeyValues(key); err != nil || given[key] || len(key) > mostKey {
				return nil, 0, errOrder
			}
			given[key] = true
			sum, here := ours[key]
			switch {
			case !here:
				if err := more.add(h.Key); err != nil {
					return nil, 0, err
				}
				keys = append(keys, h.Key)
			case sum == "" || sum != h.Sum:
				keys = append(keys, h.Key)
			default:
				same = append(same, h.Key)
			}
		}
		if len(a.Hashes) == 0 || !a.Part && len(a.Hashes) < wire.VerifyRows {
			break
		}
		part.After = a.Hashes[len(a.Hashes)-1].Key
	}
	for k := range ours {
		if !given[k] {
			keys = append(keys, []byte(k))
		}
	}
	ways, err := vf.rehearse(ctx, remote, t, same, false)
	if err != nil {
		return nil, 0, err
	}
	for _, k := range same {
		if ways[string(k)].Way != "" {
			keys = append(keys, k)
		} else {
			rest++
		}
	}
	return keys, rest, nil
}

// ourHashes returns the checksums of a range by key.
func (vf *Verifier) ourHashes(ctx context.Context, t *schema.Table, r snapshot.Range, form int) (map[string]string, error) {
	ours := map[string]string{}
	for {
		list, err := snapshot.Hashes(ctx, vf.DB, t, t.Names(), r, wire.VerifyRows, form)
		if err != nil {
			return nil, err
		}
		for _, h := range list {
			ours[string(h.Key)] = h.Sum
		}
		if len(list) < wire.VerifyRows {
			return ours, nil
		}
		r.After = list[len(list)-1].Key
	}
}
