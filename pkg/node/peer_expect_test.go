package node_test

import (
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// answerNow runs f in the peer's answering goroutine.
func (p *peer) answerNow(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// expect waits for f, which may access the peer.
func (p *peer) expect(what string, f func() error) {
	p.t.Helper()
	testkit.Eventually(p.t, p.name+": "+what, func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		return f()
	})
}

// expectRow waits until the peer has a row or, with "null", does not.
func (p *peer) expectRow(table, id, want string) {
	p.t.Helper()
	p.expect(table+" "+id, func() error {
		if got := encoded(p.t, p.rows[v1Row{table, id}]); got != want {
			return fmt.Errorf("it has %s, want %s", got, want)
		}
		return nil
	})
}

// expectAnswer waits for the node's answer to a change and returns it.
func (p *peer) expectAnswer(id string, date int64) v1Answer {
	p.t.Helper()
	var found v1Answer
	p.expect("the answer about "+id, func() error {
		for _, a := range p.answers {
			if a.Args.ID == id && a.Args.Date == date {
				found = a
				return nil
			}
		}
		return fmt.Errorf("there are %v", p.answers)
	})
	return found
}

// expectChange waits for the nth change of a row, from 1, and returns it.
func (p *peer) expectChange(table, id string, nth int) v1Change {
	p.t.Helper()
	var found v1Change
	p.expect(fmt.Sprintf("change %d of %s %s", nth, table, id), func() error {
		n := 0
		for _, c := range p.changes {
			if c.row() == (v1Row{table, id}) {
				if n++; n == nth {
					found = c
					return nil
				}
			}
		}
		return fmt.Errorf("there are %d", n)
	})
	return found
}
