package mesh

import (
	_ "embed"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// Schema is the JSON Schema of the block of a mesh: keys of a node's configuration.
var Schema = config.ReceiverSchema("source/mesh", "mesh", "A mesh",
	"Tables that mysql-sync nodes, or existing peers, send over an MQTT broker. The connector is one more client of the mesh: "+
		"each node that is to send it tables names its `clientName` in `remoteClients`. Changes arrive at once; a job without a schedule runs when they do.")

// From is the JSON Schema of what a job says about a mesh.
//
//go:embed from.json
var From []byte

// Rows is what a job reads from a mesh.
type Rows struct {
	Table string `koanf:"table"`
}
