// Package env starts private MariaDB and Redis servers on this machine, for
// tests, for the local cell and for whoever wants to kill one and see what
// happens. Nothing of them outlives the process that started them.
//
// It leaves installing the programs to its parent, internal/testenv, which
// `make test` calls. Tests learn of running servers by environment variables
// (see Environ); only tests of faults start servers of their own.
package env
