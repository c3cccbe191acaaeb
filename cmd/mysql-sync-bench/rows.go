package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// createOrders creates the replicated table. Staging is a copy of it from which the server itself
// fills the first, in the way that a measure needs.
const createOrders = `CREATE TABLE %s (
  id BIGINT NOT NULL PRIMARY KEY,
  customer VARCHAR(60) NOT NULL,
  status VARCHAR(20) NOT NULL,
  amount DECIMAL(10,2) NOT NULL,
  revision INT NOT NULL,
  created DATETIME NOT NULL,
  changed DATETIME(6) NOT NULL,
  comment VARCHAR(255) NOT NULL
) DEFAULT CHARACTER SET utf8mb4`

// columnNames are the columns of orders, the key first.
var columnNames = []string{"id", "customer", "status", "amount", "revision", "created", "changed", "comment"}

// columns is their number.
const columns = 8

// rowBytes is about how long a row is, as text.
const rowBytes = 200

// row returns the values of the row with an ID: a customer of three words, an amount, times close
// to those of its neighbours, and a comment of words in random order. So a row compresses like
// business data: neither like one line repeated, nor like noise. Each call returns the same row.
func row(id int64) []any {
	r := rand.New(rand.NewPCG(4711, uint64(id)))
	word := func() string { return words[r.IntN(len(words))] }
	values := []any{
		id,
		word() + " " + word() + " " + word(),
		[]string{"new", "paid", "packed", "shipped", "returned"}[r.IntN(5)],
		fmt.Sprintf("%d.%02d", r.IntN(5000), r.IntN(100)),
		0,
		fmt.Sprintf("2026-%02d-%02d %02d:%02d:%02d", 1+id/500_000%12, 1+id/20_000%28, id/900%24, id/15%60, r.IntN(60)),
		fmt.Sprintf("2026-%02d-%02d %02d:%02d:%02d.%06d", 1+id/500_000%12, 1+id/20_000%28, id/900%24, id/15%60, r.IntN(60), r.IntN(1_000_000)),
	}
	size := 0
	for _, v := range values {
		size += len(fmt.Sprint(v))
	}
	comment := word()
	for size+len(comment) < rowBytes-4 {
		comment += " " + word()
	}
	return append(values, comment)
}

var words = strings.Fields(`about above account address after again agreed amount another answer arrive article asked
	autumn available balance before begin behind below between black blue board bottle bridge bring broken brown building
	called carefully carry change check city clear client close cold colour come confirm copper corner cotton count
	country credit customer daily damage delay deliver desk detail door double early east empty enough entrance evening
	exchange express factory family father fast field figure first floor follow fragile friday friend front full garden
	gate glass gold goods green ground handle harbour heavy high hold home hour house hundred iron island item january
	keep key kitchen large later leather leave left letter light list little long lower machine market material meadow
	metal middle missing monday month morning mother mountain narrow near neighbour never night north note number office
	often only open orange order other outside package paint paper part partial payment phone piece place plain please
	point porch price quality quarter quick quiet ready receipt red refund repair reply request return right river road
	room round safe saturday school second send seven shelf ship shop short side silver simple single small smooth soft
	south special spring square station stone store street strong summer supply table tall telephone thick thin third
	thousand three thursday today tomorrow tower town tuesday under until upper urgent usual valley village voucher wait
	wall warehouse warm water wednesday week weight west white whole wide window winter wood wool work wrong year yellow`)
