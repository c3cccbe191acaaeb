package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Limits of a foreign batch; see there.
const (
	mostCounters = 64      // of a row
	mostTallies  = 1 << 18 // of all rows: each takes some 60 bytes
	mostDigits   = 100     // of an amount
)

// appendCounts appends what is known of a row's counters: for each its name, its epoch, and its base and tallies. A base is empty
// for NULL. A counter of which nothing is known has an epoch of time 0, and nothing else;
// one of the Baseline has no origin.
func appendCounts(p []byte, c *change.Change, index map[string]uint64) []byte {
	p = binary.AppendUvarint(p, uint64(len(c.Counts)))
	for _, k := range c.Counts {
		p = appendBytes(p, k.Name)
		p = binary.AppendUvarint(p, uint64(k.Epoch.Time))
		if k.Epoch.Time == 0 {
			continue
		}
		if k.Epoch.Time != change.Baseline { // which has no origin
			p = binary.AppendUvarint(p, index[k.Epoch.Origin])
		}
		p = appendBytes(p, k.Base)
		p = binary.AppendUvarint(p, uint64(len(k.Tallies)))
		for _, t := range k.Tallies {
			p = binary.AppendUvarint(p, index[t.Origin])
			p = binary.AppendUvarint(p, uint64(t.N))
			p = appendBytes(p, t.Sum)
			p = binary.AppendVarint(p, c.Version.Time-t.At)
		}
	}
	return p
}

// counts reads what appendCounts wrote. The counters and the tallies of one come in order, each once.
func (r *reader) counts(origins []string) change.Counts {
	counts := change.Counts{}
	for n := r.count(mostCounters, "counters"); n > 0 && r.err == nil; n-- {
		k := change.Counter{Name: r.text(maxName, "a counter's name")}
		if last := len(counts) - 1; k.Name == "" || k.Name != strings.ToLower(k.Name) || last >= 0 && counts[last].Name >= k.Name {
			r.fail(errors.New("the counters of a row are not in order, or not in lower case"))
		}
		if t := r.uvarint(); t > 0 {
			r.counter(&k, t, origins)
		}
		counts = append(counts, k)
	}
	if r.err != nil {
		return nil
	}
	return counts
}

// counter reads the rest of a counter whose epoch has this time.
func (r *reader) counter(k *change.Counter, t uint64, origins []string) {
	k.Epoch = change.Version{Time: change.Baseline}
	if t > 1<<62 {
		r.fail(errors.New("a counter's epoch is out of range"))
	} else if t != change.Baseline {
		k.Epoch = r.version(int64(t), origins)
	}
	k.Base = r.amount(true)
	n := r.count(maxOrigins, "clients that count")
	if r.tallied += n; r.tallied > mostTallies {
		r.fail(fmt.Errorf("the batch has more than %d tallies", mostTallies))
	}
	for ; n > 0 && r.err == nil; n-- {
		o, count := r.uvarint(), r.uvarint()
		y := change.Tally{N: int64(count), Sum: r.amount(false), At: r.last - r.varint()}
		if r.err == nil && (o >= uint64(len(origins)) || count == 0 || count > 1<<62 || y.At < 0 || y.At > 1<<62) {
			r.fail(errors.New("a tally is out of range"))
			return
		}
		if r.err != nil {
			return
		}
		y.Origin = origins[o]
		if last := len(k.Tallies) - 1; last >= 0 && k.Tallies[last].Origin >= y.Origin {
			r.fail(errors.New("the tallies of a counter are not in order"))
		}
		k.Tallies = append(k.Tallies, y)
	}
}

// amount reads an amount, or nothing where NULL is possible.
func (r *reader) amount(null bool) string {
	s := r.text(mostDigits, "an amount")
	if a, ok := value.Amount(s); r.err == nil && !(ok && a == s || null && s == "") {
		r.fail(fmt.Errorf("%.40q is no amount", s))
	}
	return s
}
