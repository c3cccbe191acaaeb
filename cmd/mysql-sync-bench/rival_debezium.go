package main

import (
	"fmt"
	"maps"
	"os/exec"
	"strconv"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// newDebezium makes a pair whose target is written by Debezium's JDBC sink, from what its connector for MariaDB reads.
// All settings are their defaults but those that name the servers and the table, and what tuned adds.
func newDebezium(tuned bool) func(b *bench) *pair {
	return func(b *bench) *pair {
		p := newPlain(b, true)
		classes, err := testkit.Debezium()
		b.must("find Debezium", err)
		file := testkit.ConfigFile(b, debezium(p.source.server, p.target.server, nextServer(), tuned))
		p.ways = rival{pair: p, ready: "^polling", command: func() *exec.Cmd {
			// The heap is that of Kafka Connect's own script.
			return exec.Command("java", "-Xms256M", "-Xmx2G", "-Duser.timezone=UTC", "-cp", classes, "Rival", file)
		}}
		return p
	}
}

// debezium is the configuration of the program in tools/bench/debezium.
func debezium(from, to *testkit.Database, id int, tuned bool) map[string]any {
	source := map[string]string{
		"name": "bench", "topic.prefix": "bench", "connector.class": "io.debezium.connector.mariadb.MariaDbConnector",
		"database.hostname": from.Host, "database.port": strconv.Itoa(from.Port), "database.user": from.User, "database.password": from.Password,
		"database.ssl.mode": "disable", "database.server.id": strconv.Itoa(id),
		"database.include.list": "bench", "table.include.list": "bench.orders",
		"offset.storage": "org.apache.kafka.connect.storage.FileOffsetBackingStore", "schema.history.internal": "io.debezium.storage.file.history.FileSchemaHistory",
	}
	url := fmt.Sprintf("jdbc:mariadb://%s:%d/bench", to.Host, to.Port)
	sink := map[string]string{
		"name": "bench-sink", "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
		"connection.username": to.User, "connection.password": to.Password,
		"collection.name.format": "orders", "primary.key.mode": "record_key", "insert.mode": "upsert", "delete.enabled": "true",
	}
	poll := 500 // Kafka's max.poll.records
	if tuned {
		poll = 2048
		url += "?useBulkStmts=true"
		maps.Copy(source, map[string]string{"poll.interval.ms": "1"})
		maps.Copy(sink, map[string]string{"batch.size": "2048", "use.reduction.buffer": "true"})
	}
	sink["connection.url"] = url
	return map[string]any{"source": source, "sink": sink, "poll": poll}
}
