package value_test

import (
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// A DECIMAL has more digits than a JavaScript number, so its entity form is a string.
func ExampleColumn_Decode() {
	kind, err := value.KindOf("decimal")
	if err != nil {
		panic(err)
	}
	price := &value.Column{Name: "price", DataType: "decimal", Kind: kind, Type: "decimal(10,2)", Precision: 10, Scale: 2}
	fmt.Printf("%#v\n", price.Decode([]byte("19.90"), time.UTC))
	fmt.Printf("%#v\n", price.Decode(nil, time.UTC))
	// Output:
	// "19.90"
	// <nil>
}

func ExampleColumn_Equal() {
	price := &value.Column{Name: "price", DataType: "decimal", Kind: value.Decimal, Type: "decimal(10,2)", Precision: 10, Scale: 2}
	fmt.Println(price.Equal([]byte("1.50"), []byte("1.5")))
	// Output: true
}

// If its column is smaller than the sender's, a receiver must store the value exactly or refuse it.
func ExampleColumn_Fits() {
	price := &value.Column{Name: "price", DataType: "decimal", Kind: value.Decimal, Type: "decimal(4,1)", Precision: 4, Scale: 1}
	fmt.Println(price.Fits([]byte("1.5")))
	fmt.Println(price.Fits([]byte("1.55")))
	// Output:
	// <nil>
	// column price: 1.55 does not fit DECIMAL(4,1): it would be rounded
}

func ExampleJoinKey() {
	key := value.JoinKey([][]byte{[]byte("eu"), []byte("7,a")})
	fmt.Printf("%s\n", key)
	parts, err := value.SplitKey(key, 2)
	fmt.Printf("%s %v\n", parts, err)
	// Output:
	// eu,7\,a
	// [eu 7,a] <nil>
}

func ExampleDecodeEntity() {
	e, err := value.DecodeEntity([]byte(`{"id": 7, "photo": {"type": "Buffer", "data": [255, 216]}}`))
	if err != nil {
		panic(err)
	}
	for _, f := range e {
		fmt.Printf("%s %T %v\n", f.Name, f.Value, f.Value)
	}
	// Output:
	// id int64 7
	// photo []uint8 [255 216]
}
