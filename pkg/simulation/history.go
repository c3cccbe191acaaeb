package simulation

// none stands for the write of a row that never existed.
const none = -1

// write is a committed write of a user, as only the simulation knows it.
type write struct {
	node    int
	key     int
	deleted bool
	upon    []int // the writes that the user saw and replaced
	equal   bool  // a delete overtaken by one that did the same, or whose row is gone anyway
	undone  bool  // not in the backup that the node was restored from
	begun   bool  // made before versions were kept: no one's, so any other replaces it
	early   bool  // went out under an older version than its own
}

// history is what the users did.
type history []write

// replaced reports for each write whether a later one was made upon it.
func (h history) replaced() []bool {
	list := make([]bool, len(h))
	for _, w := range h {
		for _, u := range w.upon {
			list[u] = true
		}
	}
	return list
}

// knew reports whether the write a was made knowing b.
func (h history) knew(a, b int) bool {
	seen := map[int]bool{}
	var look func(a int) bool
	look = func(a int) bool {
		if seen[a] {
			return false
		}
		seen[a] = true
		for _, u := range h[a].upon {
			if u == b || look(u) {
				return true
			}
		}
		return false
	}
	return look(a)
}
