package simulation

// none is the write that made a row that never was.
const none = -1

// write is a committed write of a user, as only the simulation knows it.
type write struct {
	node    int
	key     int
	deleted bool
	upon    []int // the writes that the user saw and replaced
	equal   bool  // a delete that was overtaken by what did the same, or by a row that was not there for it
	undone  bool  // not in the backup that the node was set back to
	begun   bool  // made before versions were kept: nobody's, so that any other replaces it
	early   bool  // went out under an older version than its own
}

// history is what the users did.
type history []write

// replaced says of each write whether a later one was made upon it.
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
