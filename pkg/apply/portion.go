package apply

import "iter"

// Bounds of what one transaction writes, however much comes at once: its locks, and its undo log, are held no longer
// than that takes. A larger row has a transaction of its own. Promises 7 and 10.
const (
	MostRows  = 1000
	MostBytes = 4 << 20 // of values
)

// Size returns approximately how many bytes of memory the change's values take.
func (in *Incoming) Size() int {
	size := 0
	for _, v := range in.Values {
		size += len(v)
	}
	return size
}

// portions returns the tasks in order, in parts that are a transaction each.
func portions(tasks []*task) iter.Seq[[]*task] {
	return func(yield func([]*task) bool) {
		from, size := 0, 0
		for i, t := range tasks {
			next := t.in.Size()
			if i > from && (i-from == MostRows || size+next > MostBytes) {
				if !yield(tasks[from:i:i]) {
					return
				}
				from, size = i, 0
			}
			size += next
		}
		if from < len(tasks) {
			yield(tasks[from:])
		}
	}
}
