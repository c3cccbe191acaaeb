package log

import "slices"

// marks are what the database can have as P's mark, as far as this run knows. A copy of its files that is put back has an earlier one, and the
// log in that copy proves it; the numbers of what is written then repeat those that were read before. Rule 6.
type marks struct {
	last  string   // that the log had last; empty: none yet
	later []string // written since, by transactions that may have failed
}

// mostLater is how many of those are kept. If more fail one after another, the tables may be sent once too often.
const mostLater = 100

// write notes a mark that is about to be written.
func (m *marks) write(mark string) {
	if len(m.later) >= mostLater {
		m.later = slices.Delete(m.later, 0, 1)
	}
	m.later = append(m.later, mark)
}

// read notes one that is in the log.
func (m *marks) read(mark string) {
	m.last = mark
	m.later = slices.DeleteFunc(m.later, func(s string) bool { return s == mark })
}

// allow reports whether it may be the database's; empty: it has none.
func (m *marks) allow(mark string) bool {
	return m.last == "" || m.last == mark || slices.Contains(m.later, mark)
}
