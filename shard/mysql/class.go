package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/cxx-im/cxx/shard/schema"
	"github.com/go-sql-driver/mysql"
)

// classes lists the errors of the server that mean more than a mistake.
var classes = map[uint16]schema.Class{
	1062: schema.Duplicate, // duplicate entry
	1586: schema.Duplicate, // duplicate entry, with the name of the key

	1205: schema.Conflict, // lock wait timeout
	1213: schema.Conflict, // deadlock
	3572: schema.Conflict, // lock not available at once
	1020: schema.Conflict, // record changed since last read (snapshot isolation)
	1180: schema.Conflict, // error during COMMIT: a cluster certified another transaction

	1050: schema.Exists, // table exists
	1060: schema.Exists, // column exists
	1061: schema.Exists, // index exists

	3:    schema.Refused, // error writing a file
	1021: schema.Refused, // disk full
	1026: schema.Refused, // error writing a file
	1036: schema.Refused, // table is read only
	1114: schema.Refused, // table is full
	1290: schema.Refused, // running with --read-only
	1792: schema.Refused, // read-only transaction
	1836: schema.Refused, // running in read-only mode
	1040: schema.Refused, // too many connections
	1044: schema.Refused, // access denied for the database
	1045: schema.Refused, // access denied for the user
	1049: schema.Refused, // unknown database
	1142: schema.Refused, // command denied for the table

	1053: schema.Lost, // server shutdown in progress
	1152: schema.Lost, // aborted connection
	1158: schema.Lost, // network read error
	1159: schema.Lost, // network read timeout
	1160: schema.Lost, // network write error
	1161: schema.Lost, // network write timeout
	1317: schema.Lost, // query interrupted
	1927: schema.Lost, // connection was killed
	4031: schema.Lost, // disconnected for inactivity
}

// Class sorts the errors of the server, of the driver and of the network.
func (*DB) Class(err error) schema.Class {
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		return classes[e.Number]
	}
	for _, lost := range []error{
		mysql.ErrInvalidConn, driver.ErrBadConn, mysql.ErrPktSync, mysql.ErrPktSyncMul, mysql.ErrMalformPkt,
		io.EOF, io.ErrUnexpectedEOF, context.DeadlineExceeded, context.Canceled, sql.ErrConnDone, net.ErrClosed,
	} {
		if errors.Is(err, lost) {
			return schema.Lost
		}
	}
	var n net.Error
	if errors.As(err, &n) {
		return schema.Lost
	}
	return schema.Other
}
