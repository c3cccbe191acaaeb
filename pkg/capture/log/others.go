package log

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
)

// others are transactions that others have prepared, by their xids: nothing in them counts. One that has ended stays until P
// passes its end: a start reads that again, and not how it was prepared.
type others map[string]binlog.GTID

// othersMost is how many are known. Of one more it is believed later that nobody knows what it wrote. Promise 10.
const othersMost = 10_000

func (o others) begin(xid string) {
	if len(o) < othersMost {
		o[xid] = binlog.GTID{}
	}
}

func (o others) has(xid string) bool {
	_, known := o[xid]
	return known
}

// end notes how one ends, if it is known.
func (o others) end(t *binlog.Transaction) {
	if o.has(t.XA.ID) {
		o[t.XA.ID] = t.GTID
	}
}

// othersAt returns, for a start, those that had not ended at a position, and forgets those that had ended at P.
func (p *pending) othersAt(to binlog.Position) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.others, func(_ string, end binlog.GTID) bool { return end.Number > 0 && p.recorded.Has(end) })
	var list [][]byte // xids are bytes
	for _, xid := range slices.Sorted(maps.Keys(p.others)) {
		if end := p.others[xid]; end.Number == 0 || !to.Has(end) {
			list = append(list, []byte(xid))
		}
	}
	if list == nil {
		return nil
	}
	text, _ := json.Marshal(list) // bytes never fail
	return text
}

// readOthers reads what othersAt returned.
func readOthers(text []byte) others {
	var list [][]byte
	if len(text) == 0 || json.Unmarshal(text, &list) != nil {
		return others{}
	}
	o := others{}
	for _, xid := range list {
		o.begin(string(xid))
	}
	return o
}
