package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// magic begins each piece of a batch; its last byte is the protocol's version.
var magic = []byte("msb\x02")

// Protocol is the version of the extension that this package speaks.
const Protocol = 2

// MessageBytes is the size limit of a message between two nodes, before it is sealed. Some brokers accept no more than 128 KiB,
// including the topic and MQTT's header; those that disconnect the sender of a larger message would do so forever.
const MessageBytes = 120 << 10

// BatchRoom is more than what our senders put into a batch besides its last row, in bytes.
const BatchRoom = 6 << 20

// MostBody is the highest limit of an unpacked batch that a Codec can have, in bytes.
const MostBody = 134 << 20

// maxPieces is the most pieces a batch may have: one row fits in far fewer.
const maxPieces = 4096

// MaxAck is the size limit of an ack in bytes: far more than one of our batches and its errors need.
const MaxAck = 512 << 10

// Codec packs and unpacks batches. It is safe for concurrent use.
type Codec struct {
	enc  *zstd.Encoder
	dec  *zstd.Decoder
	most int
}

// NewCodec returns a Codec that unpacks batches of at most so many bytes.
func NewCodec(most int) (*Codec, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(256<<10))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(most)), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return &Codec{enc: enc, dec: dec, most: most}, nil
}

// Most returns how many bytes an unpacked batch may have.
func (c *Codec) Most() int { return c.most }

// Pack returns the batch as messages of at most limit bytes: one message, or
// pieces if a row is larger than that.
func (c *Codec) Pack(b *Batch, limit int) [][]byte {
	return Messages(b.Session, b.Seq, c.Body(b), limit)
}

// Body returns the joint content of a batch's messages: the same for all
// targets, whatever its session and number.
func (c *Codec) Body(b *Batch) []byte { return c.enc.EncodeAll(b.appendBody(nil), nil) }

// Messages returns a body as the messages of one batch, as Pack does.
func Messages(session, seq uint64, body []byte, limit int) [][]byte {
	header := binary.BigEndian.AppendUint64(bytes.Clone(magic), session)
	header = binary.AppendUvarint(header, seq)
	room := max(limit-len(header)-2*binary.MaxVarintLen32, 1024)
	n := (len(body) + room - 1) / room
	pieces := make([][]byte, 0, n)
	for i := range n {
		p := binary.AppendUvarint(bytes.Clone(header), uint64(i))
		p = binary.AppendUvarint(p, uint64(n))
		pieces = append(pieces, append(p, body[i*room:min((i+1)*room, len(body))]...))
	}
	return pieces
}

// Piece is one message of a batch, still packed.
type Piece struct {
	Session, Seq uint64
	Index, Of    int
	data         []byte
}

// ParsePiece reads the header of a message of a batch topic.
func ParsePiece(payload []byte) (Piece, error) {
	rest, ok := bytes.CutPrefix(payload, magic)
	if !ok || len(rest) < 8 {
		return Piece{}, errors.New("batch: it does not begin as a batch of protocol 2 does")
	}
	p := Piece{Session: binary.BigEndian.Uint64(rest)}
	r := &reader{rest: rest[8:]}
	p.Seq = r.uvarint()
	p.Index = r.count(maxPieces, "pieces")
	p.Of = r.count(maxPieces, "pieces")
	if r.err != nil || p.Index >= p.Of {
		return Piece{}, errors.New("batch: its header is wrong")
	}
	p.data = r.rest
	return p, nil
}

// Packed returns the total size of a batch's pieces in bytes.
func Packed(pieces []Piece) (n int) {
	for i := range pieces {
		n += len(pieces[i].data)
	}
	return n
}

// Unpacked returns an upper bound on the size of a batch's body, in bytes, without unpacking it. Unpack takes no more memory
// for it.
func (c *Codec) Unpacked(pieces []Piece) int {
	var h zstd.Header
	switch err := h.Decode(pieces[0].data); {
	case err != nil:
	case h.HasFCS:
		return int(min(h.FrameContentSize, uint64(c.most)))
	case len(pieces) == 1: // a body of less than 256 bytes
		return min(blocks(pieces[0].data[min(h.HeaderSize, len(pieces[0].data)):]), c.most)
	}
	return c.most
}

// blocks returns an upper bound on the bytes in a frame's blocks (RFC 8878, section 3.1.1.2).
func blocks(b []byte) (size int) {
	const raw, rle, most = 0, 1, 128 << 10
	for len(b) >= 3 {
		head := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
		last, kind, n := head&1 == 1, head>>1&3, head>>3
		b = b[3:]
		switch kind {
		case raw:
			size += n
		case rle:
			size, n = size+n, 1
		default:
			size += most
		}
		if last || n > len(b) {
			break
		}
		b = b[n:]
	}
	return size
}

// Unpack reads a batch from all its pieces, in order.
func (c *Codec) Unpack(pieces []Piece) (*Batch, error) {
	packed := pieces[0].data
	if len(pieces) > 1 {
		packed = make([]byte, 0, Packed(pieces))
		for _, p := range pieces {
			packed = append(packed, p.data...)
		}
	}
	// It is an error if anything is left: the frame holds more than its header says, or there is another frame.
	body, err := c.dec.DecodeAll(packed, make([]byte, 0, c.Unpacked(pieces)))
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		return nil, fmt.Errorf("batch: it has more than %d bytes once it is unpacked (maxRowBytes), or more than it says", c.most)
	}
	if err != nil {
		return nil, fmt.Errorf("batch: unpack: %w", err)
	}
	b := &Batch{Session: pieces[0].Session, Seq: pieces[0].Seq}
	if err := decodeBody(body, b); err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	return b, nil
}

// Ack answers a batch after the commit of its rows. Rows not in Failed were
// written, or known already.
type Ack struct {
	Session uint64   `json:"session,string"`
	Seq     uint64   `json:"seq"`
	Failed  []Reject `json:"failed,omitempty"`
	// Freed names rows that were rejected with Retry set and are done now. Such an ack
	// has no Seq: it answers no batch.
	Freed []Freed `json:"freed,omitempty"`
	// Held names rows that are not in Failed but were not written, for a reason that their sender may not know.
	Held []Held `json:"held,omitempty"`
}

// Held is a row of a batch that counts as known, or as lost, beside a later write of the same origin. An origin that made no
// such write is being lied about: its next write would count as known as well.
type Held struct {
	Index  int    `json:"i"`
	Origin string `json:"origin"`
	Time   int64  `json:"time"` // of the later write, in µs since 1970; for others than the origin, no later than that
}

// MostHeld is how many Held rows an ack may have.
const MostHeld = 500

// Freed names rows of a table by their keys.
type Freed struct {
	Table string   `json:"table"`
	Keys  [][]byte `json:"keys"`
}

// Reject is a row of a batch that was not written. Retry says that it may succeed
// later without anyone's help, like a row whose parent has not come yet. Taken says
// that it waits for a unique value held by another row: unless that row gives it up,
// someone must decide.
type Reject struct {
	Index   int    `json:"i"`
	Message string `json:"message"`
	Retry   bool   `json:"retry,omitempty"`
	Taken   bool   `json:"taken,omitempty"`
}

// Encode returns the ack as the message of an ack topic. If many rows failed, it says less about each, to stay within
// MessageBytes; it always says which rows failed.
func (a Ack) Encode() []byte {
	a.Failed = slices.Clone(a.Failed)
	for most := maxError; ; most /= 2 {
		for i := range a.Failed {
			a.Failed[i].Message = Shorten(a.Failed[i].Message, most)
		}
		b, err := json.Marshal(a)
		if err != nil { // cannot happen: numbers and strings always have a JSON form
			return nil
		}
		if len(b) <= MessageBytes || most <= 1 {
			return b
		}
	}
}

// ParseAck reads a message of an ack topic.
func ParseAck(payload []byte) (Ack, error) {
	var a Ack
	if len(payload) > MaxAck {
		return a, errors.New("batch ack: too large")
	}
	if longest(payload) > maxRows {
		return a, errors.New("batch ack: a list in it is too long")
	}
	if err := json.Unmarshal(payload, &a); err != nil {
		return a, fmt.Errorf("batch ack: %w", err)
	}
	for i := range a.Failed {
		a.Failed[i].Message = Shorten(a.Failed[i].Message, maxError)
	}
	return a, nil
}

// Node is the retained announcement on /node/{client}: the client speaks the
// extension.
type Node struct {
	Client        string   `json:"client"`
	Protocol      int      `json:"protocol"`
	Version       string   `json:"version"`
	Session       uint64   `json:"session,string"`
	ReceiveTables []string `json:"receiveTables"`
	// Definitions counts the changes of these tables' definitions in this session:
	// the client may now accept what it refused before.
	Definitions uint64 `json:"definitions,omitempty"`
	// MaxRow is the size in bytes of the largest row that the client accepts; 0 for older nodes, which accept any.
	MaxRow int `json:"maxRow,omitempty"`
	// Routes says that the client knows rows that are withdrawn, and tokens.
	Routes bool `json:"routes,omitempty"`
	// Merges says that the client knows by which writes columns were made.
	Merges bool `json:"merges,omitempty"`
	// Counts says that the client knows counters.
	Counts bool `json:"counts,omitempty"`
	// Acts says that the client can be asked to do something; see AskAct.
	Acts bool `json:"acts,omitempty"`
	// Here says that the client tells its presence on its own topic, and hears that of others there; see Here.
	Here bool `json:"here,omitempty"`
	// Sealing is the latest form of sealed messages that the client reads, if it has keys; see seal.Reads.
	Sealing int `json:"sealing,omitempty"`
	// Seal is the same announcement, encrypted, if the client has keys.
	Seal *Seal `json:"seal,omitempty"`
}

// Seal is an announcement without Seal, as JSON, sealed with each of a client's keys;
// see package seal. Nonce names the run of its process.
type Seal struct {
	Nonce []byte            `json:"nonce"`
	Boxes map[string][]byte `json:"boxes"` // by the key's name
	// Second holds the same for one mesh alone; see seal.Boxes.
	Second map[string][]byte `json:"boxes2,omitempty"`
}

// Encode returns the announcement as a message.
func (n Node) Encode() []byte {
	b, err := json.Marshal(n)
	if err != nil { // cannot happen: numbers and strings always have a JSON form
		return nil
	}
	return b
}

// mostTables is how many tables an announcement may name.
const mostTables = 20_000

// ParseNode reads the announcement on the topic of client.
func ParseNode(client string, payload []byte) (Node, error) {
	var n Node
	if len(payload) > 1<<20 {
		return n, errors.New("announcement: too large")
	}
	if longest(payload) > mostTables {
		return n, errors.New("announcement: a list in it is too long")
	}
	if err := json.Unmarshal(payload, &n); err != nil {
		return n, fmt.Errorf("announcement: %w", err)
	}
	if n.Client != client || !ValidClient(client) {
		return n, fmt.Errorf("announcement: client %.40q is on the topic of %.40q", n.Client, client)
	}
	return n, nil
}
