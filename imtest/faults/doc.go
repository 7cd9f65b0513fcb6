// Package faults proves, on a cell of real processes, what the contract
// promises under faults: 2 NAS, 3 ACS, 2 zones on MariaDB and Redis are
// started, users talk all the time, by C-XX, by XMPP or by both, and processes
// are killed, frozen, drained and cut off. A checker then reads every inbox from
// the beginning, as a new device would, and by XMPP every archive, and compares
// them with what was acknowledged. Groups have tests of their own: a crowd, whose
// members compare what they got with the timeline.
//
// There is nothing here but tests. Flags after the package: -seed N repeats a
// schedule, -long 5m runs the soak for that long, -racy builds the server with
// the race detector, -crowd 1000 and -many 10000 are groups at full size.
package faults
