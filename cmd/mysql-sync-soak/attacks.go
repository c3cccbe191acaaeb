package main

import (
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/attack"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// What clients and strangers do to a node, and what it costs per byte sent.
const (
	attacksName    = "attack" // for -run, with the attack's own name after it
	attacksHeading = `| who, and what | sent | resident at the most | CPU | log | another site's row after |
|---|--:|--:|--:|--:|--:|`
)

// playAttacks plays the chosen attacks and returns the exit code.
func playAttacks(chosen func(name string) bool) int {
	code, heading := 0, attacksHeading+"\n"
	err := testkit.Run(note, func(tb testkit.TB) {
		attack.Play(tb, func(name string) bool { return chosen(attacksName + " " + name) }, func(c attack.Cost) {
			fmt.Printf("%s| %s | %s | %d MiB | %.2f s | %s | %.2f s |\n", heading, c.Name, amount(c.Sent), c.Memory>>20, c.CPU.Seconds(), amount(c.Log), c.Arrived.Seconds())
			heading = ""
			if c.Memory > attack.MostMemory {
				note("%s: more than %d MiB of memory", c.Name, attack.MostMemory>>20)
				code = 1
			}
			if c.Arrived > attack.MostWait {
				note("%s: another site's row took more than %v", c.Name, attack.MostWait)
				code = 1
			}
		})
	})
	if err != nil {
		note("%s: failed: %v", attacksName, err)
		code = 1
	}
	return code
}

// amount writes a number of bytes for people.
func amount(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
