package mongodb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// Config configures a database.
type Config struct {
	URI      string `koanf:"uri"`
	Database string `koanf:"database"`
}

// Leg is the collection that receives rows.
type Leg struct {
	Collection string   `koanf:"collection"`
	ID         string   `koanf:"id"`    // key or own
	Merge      bool     `koanf:"merge"` // keep fields that the row does not have
	Dates      []string `koanf:"dates"` // columns that become dates
}

// Limits of a bulk, and how long the server may take to be found and to answer.
const (
	rowsInBatch  = 1000
	bytesInBatch = 8 << 20
	findTime     = 10 * time.Second
	answerTime   = time.Minute
)

// Database is a database to write to. It is safe for concurrent use.
type Database struct {
	name    string
	host    string
	hide    *remote.Redactor
	options *options.ClientOptions

	mu     sync.Mutex
	client *mongo.Client // nil: not needed yet
}

// Open returns a database; it does not connect yet. Errors begin with a key.
func Open(c Config) (*Database, error) {
	o := options.Client().ApplyURI(c.URI)
	if err := o.Validate(); err != nil {
		return nil, errors.New("uri: expected a connection string that begins with mongodb:// or mongodb+srv://") // it may contain a password
	}
	switch {
	case o.TLSConfig != nil && o.TLSConfig.InsecureSkipVerify:
		return nil, errors.New("uri: turns off certificate verification, which is always on; use tlsCAFile for your own authority")
	case o.WriteConcern != nil && !o.WriteConcern.Acknowledged():
		return nil, errors.New("uri: has w=0, with which nothing tells whether rows have arrived")
	}
	if o.ServerSelectionTimeout == nil {
		o.SetServerSelectionTimeout(findTime)
	}
	if o.Timeout == nil {
		o.SetTimeout(answerTime)
	}
	secrets := []string{c.URI}
	if o.Auth != nil {
		secrets = append(secrets, o.Auth.Password)
	}
	return &Database{name: c.Database, host: strings.Join(o.Hosts, ","), hide: remote.NewRedactor(secrets, nil), options: o}, nil
}

// connect returns the client, which then looks for the server.
func (d *Database) connect() (*mongo.Client, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.client != nil {
		return d.client, nil
	}
	var err error
	d.client, err = mongo.Connect(d.options)
	return d.client, err
}

// Close closes the connections.
func (d *Database) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.client == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), findTime)
	defer cancel()
	return d.client.Disconnect(ctx)
}

// Destination is a collection as a job uses it. It is safe for concurrent use.
type Destination struct {
	db  *Database
	leg Leg
	key []string
	// Dry is called with what a dry run would have sent; nil: send it.
	Dry func(remote.Sent)
}

// Collection returns a collection. key is the columns by which the job identifies its rows; none if it adds them all.
func (d *Database) Collection(leg Leg, key []string) (*Destination, error) {
	switch {
	case len(key) == 0 && leg.ID == "own":
		return nil, errors.New("id: documents that are only added have the id of their event, so that none is added twice")
	case len(key) == 0 && leg.Merge:
		return nil, errors.New("merge: documents that are only added have nothing to keep")
	}
	return &Destination{db: d, leg: leg, key: key}, nil
}

// Limits are a bulk's limits.
func (*Destination) Limits() job.Limits {
	return job.Limits{Rows: rowsInBatch, Bytes: bytesInBatch}
}

// Check connects to the server, which also checks the login.
func (d *Destination) Check(ctx context.Context) error {
	client, err := d.db.connect()
	if err == nil {
		err = client.Database(d.db.name).RunCommand(ctx, bson.D{{Key: "ping", Value: 1}}).Err()
	}
	return d.db.failed("connect", err)
}

// failed adds to an error what to do next; nil for none.
func (d *Database) failed(operation string, err error) error {
	if err == nil {
		return nil
	}
	return &remote.Error{Operation: operation, Host: d.host, Next: remote.Next{Do: verb(err)}, Err: errors.New(d.hide.Text(fmt.Sprint(err)))}
}
