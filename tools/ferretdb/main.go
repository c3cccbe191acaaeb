// ferretdb speaks the protocol of MongoDB for tests, with its databases in a folder: FerretDB, embedded. It says its
// address, and ends when it is killed.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: ferretdb FOLDER")
	}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener: ferretdb.ListenerConfig{TCP: "127.0.0.1:0"}, Handler: "sqlite", SQLiteURL: "file:" + os.Args[1] + "/",
	})
	if err != nil {
		log.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- server.Run(context.Background()) }()
	fmt.Println("address", server.MongoDBURI()) // once it listens
	log.Fatal(<-ended)
}
