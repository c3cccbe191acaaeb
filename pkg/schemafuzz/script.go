package schemafuzz

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Script is everything decided before a run.
type Script struct {
	Seed   uint64
	Kinds  Kinds
	Sites  int
	Schema *Schema
	Routes *Routing // nil: each site has all rows
	Order  []int    // of the tables in syncTables
	Before []Transaction
	Rounds []Round
}

// Round is what happens at the same time.
type Round struct {
	Fault Fault
	Remap string          // what happens to the hub's lookup table; "": nothing
	Work  [][]Transaction // of each site, one after the other
}

// Transaction is what one user does.
type Transaction struct {
	Name       string
	Statements []string
	Tables     []*Table      // tables whose rows it may change
	Strict     bool          // roll back at the first error; else go on, as many programs do
	Rollback   bool          // rolled back at the end
	Hold       time.Duration // its wait before it ends
}

// NewScript generates a script: a pure function of its arguments.
func NewScript(seed uint64, k Kinds, sites, rounds int) *Script {
	r := rand.New(rand.NewPCG(seed, 0))
	s := &Script{Seed: seed, Kinds: k, Sites: sites, Schema: newSchema(r, k)}
	s.Order = r.Perm(len(s.Schema.Tables))
	if k.Has(Routed) && !k.Has(Apart) {
		s.Routes = newRouting(r, s.Schema)
	}
	w := &writer{r: r, kinds: k, schema: s.Schema, routes: s.Routes}
	s.Before = w.fill(0)
	if r.IntN(4) == 0 { // the first rows come while the nodes run
		s.Rounds = append(s.Rounds, Round{Work: [][]Transaction{s.Before}})
		s.Before = nil
	}
	for len(s.Rounds) < rounds {
		s.Rounds = append(s.Rounds, s.round(r, w))
	}
	return s
}

func (s *Script) round(r *rand.Rand, w *writer) Round {
	x := Round{Work: make([][]Transaction, s.Sites)}
	if s.Kinds.Has(Faults) && r.IntN(2) == 0 {
		x.Fault = newFault(r, s.Sites)
	}
	if s.Routes != nil && r.IntN(2) == 0 {
		x.Remap = s.Routes.remap(r)
	}
	alone := -1
	if !s.Kinds.Has(Apart) {
		alone = r.IntN(s.Sites)
	}
	for site := range s.Sites {
		if alone >= 0 && site != alone {
			continue
		}
		for range 4 + r.IntN(10) {
			x.Work[site] = append(x.Work[site], w.transaction(site))
		}
	}
	return x
}

// tables returns syncTables.
func (s *Script) tables() []string {
	var list []string
	for _, at := range s.Order {
		list = append(list, s.Schema.Tables[at].Name)
	}
	return list
}

// ddl returns the statements that make the tables of a site.
func (s *Script) ddl(site int) []string {
	if s.Routes != nil && site == 0 {
		return append(s.Schema.DDL(), s.Routes.ddl()...)
	}
	return s.Schema.DDL()
}

// remotes returns the sites with which a site exchanges rows.
func (s *Script) remotes(site int) []string {
	var list []string
	for other := range s.Sites {
		if other != site && (s.Routes == nil || site == 0 || other == 0) {
			list = append(list, siteName(other))
		}
	}
	return list
}

// Header is the script without what users do.
func (s *Script) Header() string {
	routes := ""
	if s.Routes != nil {
		routes = fmt.Sprintf("; routes of the first site: %v", s.Routes.configure(s.Schema))
	}
	return fmt.Sprintf("-- seed %d, kinds %s, %d sites, %d rounds; syncTables in the order %v%s\n%s;",
		s.Seed, s.Kinds, s.Sites, len(s.Rounds), s.Order, routes, strings.Join(s.ddl(0), ";\n"))
}

// String is the script for people: everything needed to see it fail by hand.
func (s *Script) String() string {
	var b strings.Builder
	b.WriteString(s.Header() + "\n-- before the nodes start\n")
	write := func(list []Transaction) {
		for _, t := range list {
			b.WriteString(t.String())
		}
	}
	write(s.Before)
	for i, x := range s.Rounds {
		fmt.Fprintf(&b, "-- round %d: %s\n", i+1, x.Fault)
		if x.Remap != "" {
			fmt.Fprintf(&b, "-- at the first site\n%s;\n", x.Remap)
		}
		for _, list := range x.Work {
			write(list)
		}
	}
	return b.String()
}

func (x Transaction) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "-- transaction %s\nBEGIN;\n%s;\n", x.Name, strings.Join(x.Statements, ";\n"))
	if x.Hold > 0 {
		fmt.Fprintf(&b, "-- holds its locks for %v\n", x.Hold)
	}
	if x.Strict {
		b.WriteString("-- ROLLBACK at the first error\n")
	}
	if x.Rollback {
		return b.String() + "ROLLBACK;\n"
	}
	return b.String() + "COMMIT;\n"
}
