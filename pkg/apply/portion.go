package apply

import "iter"

// Bounds of what one transaction writes, however much arrives at once: they bound how long it holds its locks and undo
// log. A larger row gets a transaction of its own. Promises 7 and 10.
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

// portions returns the tasks in order, split into one part per transaction.
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
