package schemafuzz

import (
	"fmt"
	"slices"
	"strings"
)

// Ledger is what users have committed, as they saw it themselves: before each transaction ends, its
// user reads all rows that it may have changed, which it locked before its first statement.
//
// Each write gives its row a unique token. In the end each committed token must be in a row, or in
// a row that sync_conflicts keeps, or must have been overwritten or deleted by somebody who had
// seen it. That makes the ledger independent of clocks and of who wins.
//
// Each row that remains must be as some user left it, in all columns, because a cascade changes
// rows without giving them tokens. The exception is a child whose parent's key was changed at
// another site: it follows, and the old row must be kept. A row that a user removed may be there
// only if the removal is kept as the loser, or the removal of what was written in its place.
type Ledger struct {
	written map[token]string          // and by which transaction
	images  map[token]map[string]bool // all committed ones
	taken   map[token][]taking
}

// token is a value of tok in a table.
type token struct{ table, text string }

// taking is a transaction after which a token was gone.
type taking struct {
	site string
	name string
	key  string  // of the row: one whose key was changed elsewhere meanwhile is another row
	new  []token // what the transaction wrote in that table
}

// image is a table at one moment: rows by their tokens.
type image map[string]row

// row has a row's stored columns, without generated ones: all as one text, the key's alone, and u.
type row struct{ all, key, u string }

// kept is what is in sync_conflicts of all sites.
type kept struct {
	rows    map[token]bool
	moved   map[token]bool // rows that a node moved along with their parent's new key
	deletes map[keptDelete]bool
}

func newKept() kept {
	return kept{rows: map[token]bool{}, moved: map[token]bool{}, deletes: map[keptDelete]bool{}}
}

// keptDelete is a deletion that lost.
type keptDelete struct{ table, site string }

func newLedger() *Ledger {
	return &Ledger{written: map[token]string{}, images: map[token]map[string]bool{}, taken: map[token][]taking{}}
}

// commit records a committed transaction.
func (l *Ledger) commit(site, name string, before, after map[string]image) {
	for table, rows := range after {
		var fresh []token
		for text, r := range rows {
			t := token{table, text}
			old, was := before[table][text]
			if !was {
				fresh = append(fresh, t)
				l.written[t] = name
			}
			if !was || old.all != r.all {
				if l.images[t] == nil {
					l.images[t] = map[string]bool{}
				}
				l.images[t][r.all] = true
			}
		}
		for text, old := range before[table] {
			if _, is := rows[text]; !is {
				t := token{table, text}
				l.taken[t] = append(l.taken[t], taking{site, name, old.key, fresh})
			}
		}
	}
}

// check returns a sentence for each broken promise, in order. All sites hold the rows of final.
func (l *Ledger) check(final map[string]image, k kept) []string {
	var wrong []string
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for t, name := range l.written {
		if _, there := final[t.table][t.text]; !there && !k.rows[t] && len(l.taken[t]) == 0 {
			complain("lost: %s of %s, written by transaction %s, is in no row and not in sync_conflicts, and no one deleted it", t.text, t.table, name)
		}
	}
	for table, rows := range final {
		for text, r := range rows {
			t := token{table, text}
			switch images := l.images[t]; {
			case images == nil:
				complain("made up: no one wrote %s of %s: %s", text, table, r.all)
			case !images[r.all] && !k.moved[t]:
				complain("changed by no one: %s of %s is %s; users left %s", text, table, r.all, list(images))
			}
			for _, x := range l.taken[t] {
				if x.key == r.key && !l.keeps(k, table, x, map[token]bool{}) {
					complain("undone: %s of %s is there, though transaction %s removed it and no sync_conflicts keeps the removal", text, table, x.name)
				}
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}

// keeps says whether sync_conflicts keeps a removal, or a later one of the same row by somebody who
// had seen what this one left there: that one stands for both. seen has the tokens already followed.
func (l *Ledger) keeps(k kept, table string, x taking, seen map[token]bool) bool {
	if k.deletes[keptDelete{table, x.site}] {
		return true
	}
	return slices.ContainsFunc(x.new, func(n token) bool {
		if k.rows[n] {
			return true
		}
		if seen[n] {
			return false
		}
		seen[n] = true
		return slices.ContainsFunc(l.taken[n], func(y taking) bool { return y.key == x.key && l.keeps(k, table, y, seen) })
	})
}

// list returns the members of a set.
func list(set map[string]bool) string {
	var all []string
	for s := range set {
		all = append(all, s)
	}
	slices.Sort(all)
	return strings.Join(all, " or ")
}
