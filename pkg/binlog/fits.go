package binlog

import (
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// logged are the types with which the log may have a data type.
var logged = map[string][]byte{
	"tinyint": {typeTiny}, "smallint": {typeShort}, "mediumint": {typeInt24}, "int": {typeLong}, "bigint": {typeLongLong},
	"decimal": {typeDecimal}, "float": {typeFloat}, "double": {typeDouble}, "bit": {typeBit}, "year": {typeYear},
	"char": {typeString}, "binary": {typeString}, "varchar": {typeVarchar, typeVarString, typeTextPacked}, "varbinary": {typeVarchar, typeVarString, typeTextPacked},
	"enum": {typeEnum}, "set": {typeSet}, "uuid": {typeString}, "inet4": {typeString}, "inet6": {typeString},
	"date": {typeDate, typeNewDate}, "time": {typeTime2, typeTime}, "datetime": {typeDateTime2, typeDateTime}, "timestamp": {typeTimestamp2, typeTimestamp},
	"json": {typeJSON}, "vector": {typeVector, typeBlob, typeVarchar},
}

// Fits returns an error unless the column at a place can have the type of c, as far as the log tells: if the definition
// changed after the row, a value would be read as something else.
func (l *Layout) Fits(at int, c *value.Column) error {
	if at < 0 || at >= len(l.Columns) {
		return fmt.Errorf("column %s: the log's rows do not have it", c.Name)
	}
	col := &l.Columns[at]
	kinds, known := logged[c.DataType]
	if !known {
		kinds = []byte{typeBlob, typeGeometry, typeBlobPacked}
	}
	fits := slices.Contains(kinds, col.kind) && (col.Name == "" || col.Name == c.Name) && (!col.Signs || c.Kind != value.Integer || col.Unsigned == c.Unsigned)
	switch meta := int(col.meta); col.kind {
	case typeDecimal:
		fits = fits && meta>>8 == c.Precision && meta&0xff == c.Scale
	case typeTime2, typeDateTime2, typeTimestamp2:
		fits = fits && meta == c.Scale
	case typeTime, typeDateTime, typeTimestamp:
		fits = fits && c.Scale == 0
	case typeBit:
		fits = fits && meta>>8*8+meta&0xff == c.Precision
	case typeEnum, typeSet:
		n := len(c.Members)
		size := 1
		if n > 255 {
			size = 2
		}
		if col.kind == typeSet {
			size = (n + 7) / 8
			if size > 4 {
				size = 8
			}
		}
		fits = fits && meta == size
	}
	if !fits {
		return fmt.Errorf("column %s: the log has it as another type (%d, %d) than %s", c.Name, col.kind, col.meta, c.Type)
	}
	return nil
}
