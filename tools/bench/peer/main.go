// version1-peer receives rows by version 1 of the protocol (docs/protocol.md) in the way that existing peers do: QoS 0,
// one change after the other, each an UPDATE, or an INSERT if the row does not exist yet, in a transaction of its own
// that is answered once it is committed. It sends no rows. It is a stand-in for the comparison in "make bench".
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/go-sql-driver/mysql"
)

// configuration is the file that is the program's argument.
type configuration struct {
	Name, Node string // the peer's own name, and that of the node that sends
	Broker     struct {
		Host string
		Port int
	}
	Target struct {
		Host                     string
		Port                     int
		User, Password, Database string
	}
	Table, Key string
	Columns    []string // of the table, without the key
}

// change is what a node sends.
type change struct {
	Table  string         `json:"table"`
	ID     string         `json:"id"`
	Date   int64          `json:"date"`
	Entity map[string]any `json:"entity"`
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: version1-peer CONFIGURATION")
	}
	if err := run(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(file string) error {
	var c configuration
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return fmt.Errorf("decode %s: %w", file, err)
	}
	p, err := newPeer(c)
	if err != nil {
		return err
	}
	defer func() { _ = p.target.Close() }()
	changes := make(chan []byte, 100_000)
	options := mqtt.NewClientOptions().AddBroker(fmt.Sprintf("tcp://%s:%d", c.Broker.Host, c.Broker.Port)).SetClientID(c.Name).
		SetKeepAlive(time.Minute).SetMaxReconnectInterval(time.Second).
		SetBinaryWill("/info", said(c.Name, "connection_lost", map[string]any{}), 1, false).
		SetOnConnectHandler(func(client mqtt.Client) {
			client.Subscribe("/change/"+c.Name, 0, func(_ mqtt.Client, m mqtt.Message) { changes <- m.Payload() })
			online(client, c.Name)
		})
	client := mqtt.NewClient(options)
	if token := client.Connect(); token.Wait() && token.Error() != nil {
		return token.Error()
	}
	defer client.Disconnect(0)
	fmt.Println("connected")

	ended, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	beat := time.NewTicker(3 * time.Second)
	defer beat.Stop()
	for {
		select {
		case <-ended.Done():
			return nil
		case <-beat.C:
			online(client, c.Name)
		case payload := <-changes:
			client.Publish("/info/"+c.Node, 0, false, p.take(payload))
		}
	}
}

// online tells everyone that the peer is there.
func online(client mqtt.Client, name string) {
	client.Publish("/info", 0, false, said(name, "connected", map[string]any{"until": time.Now().Add(8 * time.Second).UnixMilli()}))
}

// said is a message for /info.
func said(name, message string, args map[string]any) []byte {
	text, _ := json.Marshal(map[string]any{"sender": name, "message": message, "args": args}) // names, texts and numbers have a JSON form
	return text
}

// peer writes rows.
type peer struct {
	configuration
	target         *sql.DB
	update, insert *sql.Stmt
}

func newPeer(c configuration) (p *peer, err error) {
	p = &peer{configuration: c}
	to := mysql.NewConfig()
	to.Net, to.Addr, to.User, to.Passwd, to.DBName = "tcp", fmt.Sprintf("%s:%d", c.Target.Host, c.Target.Port), c.Target.User, c.Target.Password, c.Target.Database
	to.ClientFoundRows = true // a row that is equal was there too
	if p.target, err = sql.Open("mysql", to.FormatDSN()); err != nil {
		return nil, err
	}
	p.target.SetMaxOpenConns(1)
	columns := strings.Join(c.Columns, "` = ?, `")
	if p.update, err = p.target.Prepare("UPDATE `" + c.Table + "` SET `" + columns + "` = ? WHERE `" + c.Key + "` = ?"); err != nil {
		return nil, err
	}
	p.insert, err = p.target.Prepare("INSERT INTO `" + c.Table + "` SET `" + columns + "` = ?, `" + c.Key + "` = ?")
	return p, err
}

// take writes a change and returns the answer.
func (p *peer) take(payload []byte) []byte {
	var c change
	err := json.Unmarshal(payload, &c)
	if err == nil {
		err = p.write(c)
	}
	args := map[string]any{"table": c.Table, "id": c.ID, "date": c.Date}
	if err != nil {
		args["message"] = fmt.Sprintf("%.255s", err)
		return said(p.Name, "error", args)
	}
	return said(p.Name, "data_received", args)
}

func (p *peer) write(c change) error {
	if c.Table != p.Table {
		return fmt.Errorf("the table is not %s", p.Table)
	}
	if c.Entity == nil {
		_, err := p.target.Exec("DELETE FROM `"+p.Table+"` WHERE `"+p.Key+"` = ?", c.ID)
		return err
	}
	var values []any
	for _, name := range p.Columns {
		values = append(values, c.Entity[name])
	}
	values = append(values, c.ID)
	done, err := p.update.Exec(values...)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n > 0 {
		return err
	}
	_, err = p.insert.Exec(values...)
	return err
}
