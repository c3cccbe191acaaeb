package seal_test

import (
	"crypto/rand"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/seal"
)

// Two nodes that share a key open each other's messages, once each.
func Example() {
	secret, err := seal.NewSecret(rand.Reader)
	if err != nil {
		panic(err)
	}
	ring := seal.NewRing([]seal.Key{{ID: "2026", Secret: secret}}, []string{"*"})
	berlin, hamburg := run("berlin", ring), run("hamburg", ring)
	meet(berlin, "hamburg", hamburg)
	meet(hamburg, "berlin", berlin)

	sealed, err := berlin.Seal(seal.Batch, "hamburg", []byte("a row"))
	if err != nil {
		panic(err)
	}
	fmt.Println(seal.IsSealed(sealed), secret)
	opened, err := hamburg.Open(seal.Batch, "berlin", sealed)
	fmt.Println(string(opened), err)
	_, err = hamburg.Open(seal.Batch, "berlin", sealed)
	fmt.Println(err)
	// Output:
	// true ***
	// a row <nil>
	// it is a duplicate
}

// run begins a run of a node's process.
func run(name string, ring *seal.Ring) *seal.Session {
	s, err := seal.NewSession(name, ring, rand.Reader)
	if err != nil {
		panic(err)
	}
	return s
}

// meet gives a node another's announcement.
func meet(node *seal.Session, name string, other *seal.Session) {
	boxes, err := other.Boxes([]byte("announcement"))
	if err != nil {
		panic(err)
	}
	nonce := other.Nonce()
	_, hello, err := node.Hear(name, nonce[:], boxes)
	if err != nil {
		panic(err)
	}
	if err := node.Meet(name, hello); err != nil {
		panic(err)
	}
}
