package simulation

import (
	"math/rand/v2"
	"slices"
)

// topologies are the shapes of a network: each returns the remotes of each of n nodes. A table that is bidirectional everywhere
// reaches all nodes in all of them.
var topologies = []struct {
	name    string
	remotes func(r *rand.Rand, n int) [][]int
}{
	{"mesh", func(_ *rand.Rand, n int) [][]int {
		return both(n, func(link func(a, b int)) {
			for a := range n {
				for b := range a {
					link(a, b)
				}
			}
		})
	}},
	{"ring", func(_ *rand.Rand, n int) [][]int {
		return both(n, func(link func(a, b int)) {
			for a := range n {
				link(a, (a+1)%n)
			}
		})
	}},
	{"one-way ring", func(_ *rand.Rand, n int) [][]int {
		remotes := make([][]int, n)
		for a := range n {
			remotes[a] = []int{(a + 1) % n}
		}
		return remotes
	}},
	{"star", func(_ *rand.Rand, n int) [][]int {
		return both(n, func(link func(a, b int)) {
			for a := 1; a < n; a++ {
				link(0, a)
			}
		})
	}},
	{"chain", func(_ *rand.Rand, n int) [][]int {
		return both(n, func(link func(a, b int)) {
			for a := 1; a < n; a++ {
				link(a-1, a)
			}
		})
	}},
	{"random", func(r *rand.Rand, n int) [][]int {
		return both(n, func(link func(a, b int)) {
			for a := 1; a < n; a++ {
				link(a, r.IntN(a))
			}
			for range r.IntN(n) {
				link(r.IntN(n), r.IntN(n))
			}
		})
	}},
}

// star is the shape of a hub and its stores.
var star = topologies[3]

// tree is the shape of a hub, relays and their stores: each node but the hub is linked to the one above it first.
func tree(r *rand.Rand, n int) [][]int {
	return both(n, func(link func(a, b int)) {
		for a := 1; a < n; a++ {
			above := r.IntN(a)
			if a == 2 {
				above = 1
			}
			link(above, a)
		}
	})
}

// both makes links in both directions.
func both(n int, draw func(link func(a, b int))) [][]int {
	remotes := make([][]int, n)
	draw(func(a, b int) {
		if a != b && !slices.Contains(remotes[a], b) {
			remotes[a] = append(remotes[a], b)
			remotes[b] = append(remotes[b], a)
		}
	})
	return remotes
}
