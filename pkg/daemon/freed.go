package daemon

import (
	"context"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// freedMessage is how many rows are told of in one message that need not wait any more.
const freedMessage = 1000

// tellFreed tells their senders.
func (n *Node) tellFreed(ctx context.Context) {
	for client, rows := range n.freed.Take() {
		for len(rows) > 0 {
			part := rows[:wire.Within(len(rows), freedMessage, func(i int) int { return len(rows[i].Table) + len(rows[i].Key) + 30 })]
			rows = rows[len(part):]
			payload, err := n.mesh.Seal(seal.Ack, client, wire.Ack{Freed: byKeys(part)}.Encode())
			if err == nil {
				_, err = n.transport.PublishAsync(ctx, transport.Message{Topic: n.topics.AckOf(client, n.cfg.ClientName), Payload: payload, QoS: 1})
			}
			if err != nil {
				n.log.Debug("it could not be told that rows need not wait any more", zap.String("remote", client), zap.Error(err))
				break
			}
		}
	}
}

// byKeys sorts rows by table.
func byKeys(rows []change.Row) (list []wire.Freed) {
	at := map[string]int{}
	for _, r := range rows {
		i, ok := at[r.Table]
		if !ok {
			i = len(list)
			at[r.Table] = i
			list = append(list, wire.Freed{Table: r.Table})
		}
		list[i].Keys = append(list[i].Keys, []byte(r.Key))
	}
	return list
}
